// The libuv loop, the ownership rule for its handles, and the real Clock. One loop thread in each program.
//
// A uv handle must outlive uv_close until its close callback. UvHandle keeps it in a heap node with a back pointer to
// the owner; reset() cuts the pointer, closes, and the close callback frees the node. A uv callback starts with
//     Owner* self = UvHandle<uv_poll_t, Owner>::owner(handle); if (!self) return;
// which is the only liveness test in the project. At the end of every test Loop::close() must be true.
#pragma once

#include <uv.h>

#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "core/clock.h"
#include "core/fd.h"

namespace postern::core {

class Loop {
  public:
    Loop();
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;

    uv_loop_t* raw() { return &loop_; }
    /// Runs until stop() or until nothing is left to wait for.
    void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
    /// One turn; blocks for events if there are handles and nothing is ready.
    bool run_once() { return uv_run(&loop_, UV_RUN_ONCE) != 0; }
    /// One turn without blocking.
    bool poll() { return uv_run(&loop_, UV_RUN_NOWAIT) != 0; }
    void stop() { uv_stop(&loop_); }
    /// Runs what blocks (file syncs, plan compilation) in libuv's pool, then `done` on the loop thread.
    /// `work` must touch nothing that the loop thread touches meanwhile.
    void run_in_pool(std::function<void()> work, std::function<void()> done);
    /// Waits for jobs in the pool (they hold the loop), lets close callbacks run and closes the loop; false if a handle
    /// was left open (a bug). Idempotent.
    bool close();

  private:
    uv_loop_t loop_{};
    int jobs_ = 0;  // in the pool
    bool closed_ = false;
};

template <class Handle, class Owner>
class UvHandle {
  public:
    UvHandle() = default;
    ~UvHandle() { reset(); }
    UvHandle(const UvHandle&) = delete;
    UvHandle& operator=(const UvHandle&) = delete;

    /// init(&handle) must call the uv_*_init function and return its result. On failure nothing is kept.
    template <class Init>
    int open(Owner* owner, Init init) {
        reset();
        auto* node = new Node{{}, owner};
        const int rc = init(&node->handle);
        if (rc != 0) {
            delete node;
            return rc;
        }
        node->handle.data = node;
        node_ = node;
        return 0;
    }
    void reset() {
        if (node_ == nullptr) return;
        Node* node = std::exchange(node_, nullptr);
        node->owner = nullptr;
        uv_close(reinterpret_cast<uv_handle_t*>(&node->handle),
                 [](uv_handle_t* h) { delete static_cast<Node*>(h->data); });
    }
    Handle* get() const { return node_ == nullptr ? nullptr : &node_->handle; }
    explicit operator bool() const { return node_ != nullptr; }
    /// nullptr once the owner let go of the handle.
    static Owner* owner(Handle* handle) { return static_cast<Node*>(handle->data)->owner; }

  private:
    struct Node {
        Handle handle;
        Owner* owner;
    };
    Node* node_ = nullptr;
};

/// Watches one descriptor (not owned) for readability or writability.
class FdWatcher {
  public:
    /// events: UV_READABLE | UV_WRITABLE | UV_DISCONNECT. fn(status, events) runs on the loop thread.
    /// Returns 0 or a libuv error. Starting again replaces events and fn.
    int start(Loop& loop, int fd, int events, std::function<void(int, int)> fn);
    void stop();
    bool active() const { return static_cast<bool>(poll_); }

  private:
    std::function<void(int, int)> fn_;
    int fd_ = -1;
    UvHandle<uv_poll_t, FdWatcher> poll_;
};

/// CLOCK_BOOTTIME, CLOCK_REALTIME and one timerfd for all alarms: microseconds, not libuv's milliseconds.
class SystemClock final : public Clock {
  public:
    explicit SystemClock(Loop& loop);
    ~SystemClock() override;

    Micros mono_us() const override;
    Micros wall_us() const override;
    AlarmId set_alarm(Micros when_mono_us, std::function<void()> fn) override;
    void cancel_alarm(AlarmId id) override;

  private:
    void on_timer();
    void rearm();

    using Key = std::pair<Micros, AlarmId>;
    std::map<Key, std::function<void()>> alarms_;
    std::map<AlarmId, Micros> due_;
    AlarmId next_id_ = 1;
    Micros armed_for_ = kNever;
    UniqueFd timer_fd_;
    FdWatcher watcher_;
};

/// The time without a loop (start-up, command line).
Micros now_mono_us();
Micros now_wall_us();

}  // namespace postern::core

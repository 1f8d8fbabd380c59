// SPDX-License-Identifier: Apache-2.0
// The libuv loop, the owner of its handles, and the real Clock. One loop thread in each program.
//
// A uv handle must live until its close callback runs. UvHandle keeps it in a heap node with a pointer to the
// owner; reset() clears the pointer and closes the handle, and the close callback frees the node. Every uv
// callback begins with
//     Owner* self = UvHandle<uv_poll_t, Owner>::owner(handle); if (!self) return;
// and needs no other check that its owner is alive. At the end of every test Loop::close() must return true.
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
    /// Runs until stop(), or until no handle and no job is active.
    void run() { uv_run(&loop_, UV_RUN_DEFAULT); }
    /// One iteration; waits for an event when a handle is active and nothing is ready. False when nothing
    /// is left active.
    bool run_once() { return uv_run(&loop_, UV_RUN_ONCE) != 0; }
    /// One iteration that does not wait. False when nothing is left active.
    bool poll() { return uv_run(&loop_, UV_RUN_NOWAIT) != 0; }
    void stop() { uv_stop(&loop_); }
    /// Runs `work`, which may block (fsync, compiling a plan), in libuv's thread pool, then `done` on the loop
    /// thread. `work` must not access anything that the loop thread uses meanwhile. `done` must not touch an owner that
    /// is destroyed meanwhile, but may itself own timers of a SystemClock, which waits for it.
    void run_in_pool(std::function<void()> work, std::function<void()> done);
    /// Waits for the jobs in the pool and calls their `done`.
    void finish_jobs();
    /// Finishes the jobs, runs the close callbacks and closes the loop. False if a handle is still open,
    /// which is a bug of its owner. Idempotent.
    bool close();

  private:
    uv_loop_t loop_{};
    int jobs_ = 0;  // in the pool, or with `done` still to be called
    bool closed_ = false;
};

/// Owner of one uv handle, as described above. Empty until open() succeeds.
template <class Handle, class Owner>
class UvHandle {
  public:
    UvHandle() = default;
    ~UvHandle() { reset(); }
    UvHandle(const UvHandle&) = delete;
    UvHandle& operator=(const UvHandle&) = delete;

    /// Closes the present handle, then opens another one. init(&handle) calls uv_*_init and returns its result, and
    /// so does open(); when that is not 0 the object stays empty.
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
    /// nullptr once the owner has closed the handle.
    static Owner* owner(Handle* handle) { return static_cast<Node*>(handle->data)->owner; }

  private:
    struct Node {
        Handle handle;
        Owner* owner;
    };
    Node* node_ = nullptr;
};

/// Watches one descriptor, which it does not own, for events of poll(2).
class FdWatcher {
  public:
    /// `events` is a set of UV_READABLE, UV_WRITABLE, UV_DISCONNECT. Calls fn(status, events) on the loop thread,
    /// with a status of 0 or a libuv error. Returns 0 or a libuv error. Another call replaces `events` and `fn`.
    int start(Loop& loop, int fd, int events, std::function<void(int, int)> fn);
    void stop();
    bool active() const { return static_cast<bool>(poll_); }

  private:
    std::function<void(int, int)> fn_;
    int fd_ = -1;
    UvHandle<uv_poll_t, FdWatcher> poll_;
};

/// CLOCK_BOOTTIME, CLOCK_REALTIME, and one timerfd for all alarms, because libuv's timers have milliseconds only.
class SystemClock final : public Clock {
  public:
    explicit SystemClock(Loop& loop);
    /// Finishes the loop's jobs: their callbacks may own timers.
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
    std::map<AlarmId, Micros> due_;  // for cancel_alarm(): the time in the key of alarms_
    AlarmId next_id_ = 1;
    Loop& loop_;
    Micros armed_for_ = kNever;
    UniqueFd timer_fd_;
    FdWatcher watcher_;
};

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
#include "core/loop.h"

#include <sys/timerfd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace postern::core {

Loop::Loop() {
    // Out of descriptors or memory: there is nothing to go on with, and a core file would help nobody.
    if (const int rc = uv_loop_init(&loop_); rc != 0) {
        std::fprintf(stderr, "no event loop can be made: %s; allow more open files (ulimit -n, LimitNOFILE=)\n",
                     uv_strerror(rc));
        std::_Exit(3);
    }
}

Loop::~Loop() {
    close();
}

void Loop::finish_jobs() {
    while (jobs_ > 0)
        uv_run(&loop_, UV_RUN_ONCE);
}

bool Loop::close() {
    if (closed_) return true;
    finish_jobs();  // a job that ends after the loop is freed would write into it
    // The close callbacks of handles that were reset() run in the next iterations.
    for (int turn = 0; turn < 1000 && uv_loop_alive(&loop_); ++turn)
        uv_run(&loop_, UV_RUN_NOWAIT);
    closed_ = uv_loop_close(&loop_) == 0;
    return closed_;
}

void Loop::run_in_pool(std::function<void()> work, std::function<void()> done) {
    struct Job {
        uv_work_t request{};
        int* jobs = nullptr;
        std::function<void()> work, done;
    };
    auto job = std::make_unique<Job>();
    job->work = std::move(work);
    job->done = std::move(done);
    job->request.data = job.get();
    const int rc = uv_queue_work(
        &loop_, &job->request, [](uv_work_t* r) { static_cast<Job*>(r->data)->work(); },
        [](uv_work_t* r, int) {
            const std::unique_ptr<Job> finished(static_cast<Job*>(r->data));
            --*finished->jobs;
            finished->done();
        });
    if (rc != 0) return;
    job->jobs = &jobs_;  // set after queueing: only the second callback reads it, on this thread
    ++jobs_;
    (void)job.release();
}

int FdWatcher::start(Loop& loop, int fd, int events, std::function<void(int, int)> fn) {
    if (poll_ && fd != fd_) stop();
    if (!poll_) {
        const int rc = poll_.open(this, [&](uv_poll_t* h) { return uv_poll_init(loop.raw(), h, fd); });
        if (rc != 0) return rc;
        fd_ = fd;
    }
    fn_ = std::move(fn);
    return uv_poll_start(poll_.get(), events, [](uv_poll_t* h, int status, int ready) {
        FdWatcher* self = UvHandle<uv_poll_t, FdWatcher>::owner(h);
        if (self == nullptr) return;
        auto run = self->fn_;  // the callback may stop or destroy the watcher
        run(status, ready);
    });
}

void FdWatcher::stop() {
    poll_.reset();
    fd_ = -1;
}

SystemClock::SystemClock(Loop& loop)
    : loop_(loop), timer_fd_(timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)) {
    if (!timer_fd_ || watcher_.start(loop, timer_fd_.get(), UV_READABLE, [this](int, int) { on_timer(); }) != 0) {
        std::abort();
    }
}

SystemClock::~SystemClock() {
    loop_.finish_jobs();
}

Micros SystemClock::mono_us() const {
    return now_mono_us();
}
Micros SystemClock::wall_us() const {
    return now_wall_us();
}

Clock::AlarmId SystemClock::set_alarm(Micros when_mono_us, std::function<void()> fn) {
    const AlarmId id = next_id_++;
    alarms_.emplace(Key{when_mono_us, id}, std::move(fn));
    due_.emplace(id, when_mono_us);
    rearm();
    return id;
}

void SystemClock::cancel_alarm(AlarmId id) {
    const auto it = due_.find(id);
    if (it == due_.end()) return;
    alarms_.erase(Key{it->second, id});
    due_.erase(it);
    // The timerfd stays armed for the cancelled alarm: one spurious wake-up is cheaper than a system call per cancel.
    if (alarms_.empty()) rearm();
}

void SystemClock::rearm() {
    const Micros next = alarms_.empty() ? kNever : alarms_.begin()->first.first;
    if (next == armed_for_ || (next > armed_for_ && next != kNever)) return;
    itimerspec spec{};
    if (next != kNever) {
        const Micros at = next > 0 ? next : 1;
        spec.it_value.tv_sec = static_cast<time_t>(at / kSecond);
        spec.it_value.tv_nsec = static_cast<long>(at % kSecond * 1000);
    }
    timerfd_settime(timer_fd_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
    armed_for_ = next;
}

void SystemClock::on_timer() {
    std::uint64_t expirations = 0;
    if (::read(timer_fd_.get(), &expirations, sizeof expirations) < 0 && errno != EAGAIN) return;
    armed_for_ = kNever;
    const Micros now = mono_us();
    // An alarm that a callback sets for now fires in the next iteration, so that sockets are served in between.
    const AlarmId newest = next_id_;
    while (!alarms_.empty()) {
        auto it = alarms_.begin();
        while (it != alarms_.end() && it->first.second >= newest)
            ++it;
        if (it == alarms_.end() || it->first.first > now) break;
        const auto fn = std::move(it->second);
        due_.erase(it->first.second);
        alarms_.erase(it);
        fn();
    }
    rearm();
}

}  // namespace postern::core

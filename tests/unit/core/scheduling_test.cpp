// SPDX-License-Identifier: Apache-2.0
#include "core/scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "tests/unit/catch.h"

using namespace postern::core;

namespace {

enum Outcome { kKept, kChanged, kNotPermitted = 77 };

/// Sets the policy as chrt(1) does, in a process of its own, and looks at it after set_time_slice().
int after_time_slice(int policy, int priority, int nice) {
    const pid_t child = ::fork();
    if (child == 0) {
        sched_param wanted{};
        wanted.sched_priority = priority;
        if (::setpriority(PRIO_PROCESS, 0, nice) != 0 || ::sched_setscheduler(0, policy, &wanted) != 0)
            ::_exit(kNotPermitted);
        set_time_slice(kMillisecond);
        sched_param found{};
        const bool kept = ::sched_getscheduler(0) == policy && ::sched_getparam(0, &found) == 0 &&
                          found.sched_priority == priority && ::getpriority(PRIO_PROCESS, 0) == nice;
        ::_exit(kept ? kKept : kChanged);
    }
    int status = -1;
    return ::waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_CASE("scheduling: what the administrator has set is kept", "[scheduling]") {
    const auto [policy, priority, nice] = GENERATE(table<int, int, int>({
        {SCHED_BATCH, 0, 0},
        {SCHED_BATCH, 0, 5},
        {SCHED_IDLE, 0, 0},
        {SCHED_OTHER, 0, 7},
        {SCHED_OTHER | SCHED_RESET_ON_FORK, 0, 0},
        {SCHED_RR, 3, 0},
        {SCHED_FIFO, 4, 0},
    }));
    INFO(policy);
    const int outcome = after_time_slice(policy, priority, nice);
    CHECK((outcome == kKept || outcome == kNotPermitted));
}

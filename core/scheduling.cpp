// SPDX-License-Identifier: Apache-2.0
#include "core/scheduling.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace postern::core {

void set_time_slice(Micros slice_us) {
    struct {
        std::uint32_t size = 48, policy = SCHED_OTHER;
        std::uint64_t flags = 0;
        std::int32_t nice = 0;
        std::uint32_t priority = 0;
        std::uint64_t runtime_ns = 0, deadline_ns = 0, period_ns = 0;
    } attributes;  // struct sched_attr; glibc has none before 2.41
    static_assert(sizeof attributes == 48);
    // Nice value and flags stay as they are, and another policy is the administrator's choice.
    if (::syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0 || attributes.policy != SCHED_OTHER)
        return;
    attributes.runtime_ns = static_cast<std::uint64_t>(slice_us) * 1000;
    (void)::syscall(SYS_sched_setattr, 0, &attributes, 0);
}

}  // namespace postern::core

#include "core/turns.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace postern::core {

void ask_for_turns_of(Micros turn_us) {
    struct {
        std::uint32_t size = 48, policy = SCHED_OTHER;
        std::uint64_t flags = 0;
        std::int32_t nice = ::getpriority(PRIO_PROCESS, 0);
        std::uint32_t priority = 0;
        std::uint64_t turn_ns = 0, deadline_ns = 0, period_ns = 0;
    } wish;  // struct sched_attr; glibc has none before 2.41
    static_assert(sizeof wish == 48);
    wish.turn_ns = static_cast<std::uint64_t>(turn_us) * 1000;
    (void)::syscall(SYS_sched_setattr, 0, &wish, 0);
}

}  // namespace postern::core

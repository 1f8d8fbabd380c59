// How long this program's turns on the processor are, when others want it, too.
#pragma once

#include "core/clock.h"

namespace postern::core {

/// Short turns are what lets a program in while another one computes: who wakes with shorter turns need not wait until the
/// other's is over. 0.1 ms to 100 ms, of the calling thread and those that it starts. Linux 6.12 and later; older ones take
/// no notice, and where it is forbidden all stays as it is. Source: sched_setattr(2), sched_runtime of SCHED_OTHER.
void ask_for_turns_of(Micros turn_us);

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
// Scheduling of the process by the kernel.
#pragma once

#include "core/clock.h"

namespace postern::core {

/// Sets the EEVDF slice (sched_setattr(2), sched_runtime of SCHED_OTHER; Linux >= 6.12) of the calling thread and of
/// those that it starts later. The kernel takes 0.1 ms to 100 ms. With a shorter slice than the running task's a
/// waking thread may preempt it at once. No effect on older kernels, where the call is not permitted, and where the
/// administrator has set another policy (CPUSchedulingPolicy=, chrt): that is kept.
void set_time_slice(Micros slice_us);

}  // namespace postern::core

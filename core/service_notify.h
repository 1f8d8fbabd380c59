// SPDX-License-Identifier: Apache-2.0
// sd_notify(3) without libsystemd: a datagram to $NOTIFY_SOCKET. Does nothing when that is not set.
#pragma once

#include <string_view>

#include "core/clock.h"

namespace postern::core {

/// `state` is e.g. "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=2 of 3 zones reachable". Errors are ignored. Waits for
/// at most a second when the manager does not read; not at all with "WATCHDOG=1".
void notify_service(std::string_view state);

/// WatchdogSec of the unit: systemd kills this process when no "WATCHDOG=1" comes for so long. 0: no watchdog.
Micros watchdog_period_us();

}  // namespace postern::core

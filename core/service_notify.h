// Telling systemd: ready, stopping, alive. A datagram to $NOTIFY_SOCKET; without one every call does nothing.
#pragma once

#include <string_view>

#include "core/clock.h"

namespace postern::core {

/// e.g. "READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=2 of 3 zones reachable".
void notify_service(std::string_view state);

/// How long systemd waits for "WATCHDOG=1" before it kills this process; 0 when it does not wait at all.
Micros watchdog_period_us();

}  // namespace postern::core

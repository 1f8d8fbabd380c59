// SPDX-License-Identifier: Apache-2.0
// One look at this host's connections: asks the kernel for them (sock_diag), sums them up. Blocks: a single read of the
// kernel's may pass all its sockets, so it runs in the pool and never on a loop. Any thread; shares nothing.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "agent/connections/summary.h"
#include "core/error.h"

namespace postern::agent {

struct LookLimits {
    std::size_t connections = 1'000'000;  // that the kernel's filter passes
    Micros time_us = 2 * core::kSecond;
};

/// What a look has found.
struct SocketLook {
    std::vector<TargetConnections> targets;
    std::optional<core::Error> error;  // nothing was found out
    bool complete = false;             // false: cut short by a limit, or damaged; the numbers are "at least"
    std::size_t read = 0;              // connections that the kernel's filter passed
    Micros took_us = 0;                // time
    Micros cpu_us = 0;                 // CPU time, the kernel's included
};

/// Only this process's network namespace: those of containers and pods have tables of their own.
SocketLook look_at_sockets(const std::vector<ConnectionTarget>& targets, const LookLimits& limits = {});

}  // namespace postern::agent

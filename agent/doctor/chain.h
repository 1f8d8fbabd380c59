// SPDX-License-Identifier: Apache-2.0
// Runs all checks: which in parallel, in which order they are reported, and which findings follow from others.
#pragma once

#include <functional>

#include "agent/doctor/judge.h"
#include "agent/doctor/request.h"

namespace postern::agent::doctor {

struct Listener {
    /// Findings that are final, in the order of the steps.
    std::function<void(const Findings&)> found;
    /// One that --only or --skip leaves out: it is not told, but a verdict must not be better than it. May be empty.
    std::function<void(const Finding&)> left_out = {};
    /// The step that is being waited for, if it takes more than a second. May be empty.
    std::function<void(Step)> waiting = {};
};

/// Reports the findings of the whole chain in the order of the steps: with a configuration all together, as any of them
/// may explain another. Returns all of them. Parts that are not done in time are kSkip because of "time".
Findings walk(const Request& request, const Listener& listener);

}  // namespace postern::agent::doctor

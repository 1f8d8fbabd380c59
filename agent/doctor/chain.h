// The walk: what is looked at side by side, in which order it is told, and what of it is told as the consequence of
// something else.
#pragma once

#include <functional>

#include "agent/doctor/judge.h"
#include "agent/doctor/request.h"

namespace postern::agent::doctor {

struct Listener {
    /// Findings that are final, in the order of the steps.
    std::function<void(const Findings&)> found;
    /// What is waited for, where that takes more than a second. May be empty.
    std::function<void(Step)> waiting = {};
};

/// Tells the findings of the whole chain, a part at a time and in the order of the steps, as they are known. Returns all
/// of them. Parts that are not there when the time is over are kSkip because of "time".
Findings walk(const Request& request, const Listener& listener);

}  // namespace postern::agent::doctor

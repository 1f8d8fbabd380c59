// What the walk is asked to look at. How it is shown is the command's matter.
#pragma once

#include <string>
#include <vector>

#include "agent/client/target_wish.h"

namespace postern::agent::doctor {

struct Request {
    TargetWish target;
    std::vector<std::string> only, skip;     // steps and codes
    Micros timeout_us = 30 * core::kSecond;  // for all of it

    /// The target comes from the command line alone.
    bool bare() const { return !target.host.empty() && !target.config_given; }
};

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
// What doctor shall check. The command decides how it is shown.
#pragma once

#include <string>
#include <vector>

#include "agent/client/target_wish.h"

namespace postern::agent::doctor {

struct Request {
    TargetWish target;
    bool pod = false;                        // as a pod sees it, though it does not look like one
    std::vector<std::string> only, skip;     // steps and codes
    Micros timeout_us = 30 * core::kSecond;  // for the whole run

    /// The target is from the command line alone.
    bool bare() const { return !target.host.empty() && !target.config_given; }
};

}  // namespace postern::agent::doctor

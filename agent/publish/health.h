// SPDX-License-Identifier: Apache-2.0
// The publisher's own verdict: probes the addresses of a name as often as a verdict needs, and answers by the same policy
// as the agent on a host. Blocking.
#pragma once

#include <functional>
#include <string>

#include "agent/config/config.h"
#include "agent/endpoint/endpoint_set.h"

namespace postern::agent::publish {

struct Judged {
    EndpointSet answer;     // a part of the addresses, never empty; all of them if none works
    core::Message explain;  // decide_answer()'s
};

/// `sleep`: false ends it with kCancelled. kUsage … if a probe can't be made, as for a token that can't be read: then
/// nothing is known.
core::Result<Judged> judge_name(const Config& config, const LinkConfig& link, const EndpointSet& addresses,
                                const std::function<bool(core::Micros)>& sleep);

}  // namespace postern::agent::publish

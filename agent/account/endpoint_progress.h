// SPDX-License-Identifier: Apache-2.0
// From "created" to "usable": the state of an endpoint, the next step and its owner, and the [[link]] block. Pure.
#pragma once

#include <string>
#include <vector>

#include "agent/endpoint/provider.h"

namespace postern::agent {

struct EndpointProgress {
    enum class Outcome { kPending, kConnected, kFailed } outcome = Outcome::kPending;
    core::Message stage;  // "Creating", "Active, connection Pending", "Connected", …: as the cloud gives it
    core::Message next;   // the next step and its owner; "" when connected
};
EndpointProgress progress_of(const EndpointReport& report);

/// Lines to paste into postern.toml. `name` is cut to what a link's name may be. The private DNS name is left to fill
/// in: no public API of TDengine Cloud gives it.
std::string link_block(const std::string& name, const std::string& endpoint_id);

/// How to get the private DNS name, in one sentence.
core::Message private_name_step();

}  // namespace postern::agent

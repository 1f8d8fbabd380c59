// SPDX-License-Identifier: Apache-2.0
// The explanation that `postern resolve` prints: where an answer came from and why, as key=value text in
// EDNS option 65001.
#pragma once

#include <string>

#include "resolver/active_plan.h"
#include "resolver/cache.h"
#include "resolver/forwarder.h"

namespace postern::resolver {

std::string explain_private(const ActivePlan& plan, const core::OwnerView& owner, core::Micros now);
std::string explain_flight(const FlightResult& result);
/// `upstream` is the address of the server that answered; "" when it is unknown.
std::string explain_cached(Cache::State state, core::Micros age, const std::string& upstream);
std::string explain_local();

}  // namespace postern::resolver

// The words behind `postern resolve`: where an answer came from and why, as key=value text for EDNS option
// 65001.
#pragma once

#include <string>

#include "resolver/active_plan.h"
#include "resolver/cache.h"
#include "resolver/forwarder.h"

namespace postern::resolver {

std::string explain_private(const ActivePlan& plan, const core::OwnerView& owner, core::Micros now);
std::string explain_flight(const FlightResult& result);
/// `upstream`: the address of who gave it, "" if that is not known.
std::string explain_cached(Cache::State state, core::Micros age, const std::string& upstream);
std::string explain_local();

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
#include "agent/status/readiness.h"

#include <fmt/format.h>

namespace postern::agent {

std::vector<HealthCheck> live_checks(bool schedule_moves) {
    return {{"loop", true, ""}, {"schedule", schedule_moves, "no probe has ended for far longer than its interval"}};
}

std::vector<HealthCheck> ready_checks(const StatusSnapshot& s) {
    HealthCheck plan{"plan", s.resolver.accepted, s.resolver.problem};
    if (!plan.ok && plan.reason.empty()) plan.reason = "the resolver has not loaded the newest plan yet";
    HealthCheck discovery{"discovery", true, ""}, sweep{"sweep", true, ""};
    for (const auto& link : s.links) {
        const auto& d = link.discovery;
        if (!d.known && discovery.ok) {
            discovery = {"discovery", false,
                         fmt::format("the addresses of {} are not known{}", link.name,
                                     d.error                 ? ": " + d.error->what
                                     : d.waiting_for.empty() ? ""
                                                             : ": " + d.waiting_for)};
        }
        if (link.probing && d.known && !link.addresses.empty() && !link.first_sweep_done && sweep.ok) {
            sweep = {"sweep", false, fmt::format("not every address of {} has been probed yet", link.name)};
        }
    }
    return {plan, discovery, sweep};
}

}  // namespace postern::agent

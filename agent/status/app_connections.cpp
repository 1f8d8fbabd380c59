// SPDX-License-Identifier: Apache-2.0
#include "agent/status/app_connections.h"

#include <algorithm>

#include "agent/status/status.h"

namespace postern::agent {

Overall overall_of_connections(const StatusSnapshot& s) {
    const bool told = std::any_of(s.links.begin(), s.links.end(), [](const LinkStatus& link) {
        return link.connections && !link.connections->notes.empty();
    });
    if (told) return Overall::kDegraded;
    return s.connections.known() && s.connections.complete ? Overall::kGood : Overall::kUnknown;
}

void add_connections(const ConnectionReport& report, StatusSnapshot& s) {
    s.connections = {report.looked_wall_us, report.error,      report.complete,
                     report.took_us,        report.cpu_sum_us, report.looks};
    if (!report.known()) return;
    for (auto& link : s.links) {
        LinkConnections& all = link.connections.emplace();
        for (const auto& seen : report.targets) {
            if (seen.target.link != link.name) continue;
            bool withdrawn = false;
            if (seen.target.bypass) {
                all.bypass.push_back(seen);
            } else {
                const auto address = std::find_if(link.addresses.begin(), link.addresses.end(),
                                                  [&](const auto& a) { return a.ip == seen.target.address.ip; });
                if (address == link.addresses.end()) continue;  // gone since the look
                withdrawn = !address->answered && !link.answer.empty();
                address->connections = seen;
            }
            const auto notes = notes_about(seen, withdrawn, report.complete);
            all.notes.insert(all.notes.end(), notes.begin(), notes.end());
        }
    }
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/incidents_json.h"

#include <nlohmann/json.hpp>

#include "agent/status/incidents.h"
#include "core/printable.h"

namespace postern::agent {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxTold = 10;  // addresses of one; the others are counted

Json incident_json(const LinkIncident& i) {
    Json ips = Json::array(), reasons = Json::array();
    for (std::size_t n = 0; n < std::min(i.addresses.size(), kMaxTold); ++n)
        ips.push_back(i.addresses[n].text());
    for (const auto reason : i.seen.reasons) {
        if (reason != probe::Reason::kNone) reasons.push_back(probe::to_string(reason));
    }
    return {{"link", i.link},
            {"ips", std::move(ips)},
            {"addresses", i.addresses.size()},
            {"began", core::format_utc(i.seen.from_wall_us)},
            {"last", core::format_utc(i.seen.to_wall_us)},
            {"open", i.seen.open},
            {"failures", i.seen.failures},
            {"reasons", std::move(reasons)}};
}

}  // namespace

std::string incidents_json(const StatusSnapshot& snapshot, const std::string& link,
                           const std::optional<core::IpAddress>& ip, std::size_t limit) {
    const auto list = incidents_of(snapshot, link, ip);
    Json shown = Json::array();
    for (std::size_t n = 0; n < std::min(list.size(), limit); ++n)
        shown.push_back(incident_json(list[n]));
    const Json out = {{"schema_version", 1},
                      {"ts", core::format_utc(snapshot.now_wall_us)},
                      {"total", list.size()},
                      {"incidents", std::move(shown)}};
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace postern::agent

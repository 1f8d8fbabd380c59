// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <tuple>

namespace postern::agent::publish {

std::string line_of(const std::string& zone) {
    return "aliyun_r_" + zone;
}

std::vector<ZoneRecord> wanted_records(const EndpointSet& addresses, bool zone_lines, int ttl_s) {
    std::vector<ZoneRecord> out;
    const auto add = [&](const core::IpAddress& ip, std::string line) {
        out.push_back({.rr = std::string(kApex),
                       .type = ip.is_v6() ? "AAAA" : "A",
                       .value = ip.text(),
                       .line = std::move(line),
                       .ttl_s = ttl_s,
                       .remark = std::string(kMark)});
    };
    std::set<std::string> zones;
    for (const auto& a : addresses) {
        add(a.ip, std::string(kDefaultLine));
        zones.insert(a.zone);
    }
    const bool several = zones.size() > 1;
    zones.erase("");  // addresses without a zone are nobody's own
    for (const auto& zone : zones) {
        if (!zone_lines || !several) break;
        for (const bool v6 : {false, true}) {
            const auto own = [&](const EndpointAddress& a) { return a.zone == zone && a.ip.is_v6() == v6; };
            const bool any = std::any_of(addresses.begin(), addresses.end(), own);
            for (const auto& a : addresses) {
                if (a.ip.is_v6() == v6 && (!any || own(a))) add(a.ip, line_of(zone));
            }
        }
    }
    std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
        return std::tie(a.type, a.line, a.value) < std::tie(b.type, b.line, b.value);
    });
    return out;
}

std::string fingerprint(const std::vector<ZoneRecord>& records) {
    std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a
    for (const auto& r : records) {
        for (const char c : fmt::format("{} {} {} {}\n", r.type, r.line, r.value, r.ttl_s))
            hash = (hash ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
    }
    return fmt::format("{:016x}", hash);
}

}  // namespace postern::agent::publish

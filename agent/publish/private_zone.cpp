// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/private_zone.h"

#include <algorithm>
#include <tuple>

namespace postern::agent::publish {

std::string describe(const ZoneRecord& record) {
    std::string out = record.type + " " + record.value;
    if (record.line != kDefaultLine) out += " for " + record.line;
    return out + ", TTL " + std::to_string(record.ttl_s);
}

bool is_bound(const PrivateZone& zone, const BoundVpc& vpc) {
    return std::any_of(zone.vpcs.begin(), zone.vpcs.end(), [&](const BoundVpc& bound) { return bound.vpc == vpc.vpc; });
}

const PrivateZone* choose_zone(const std::vector<PrivateZone>& zones, const std::vector<BoundVpc>& vpcs) {
    const auto rank = [&](const PrivateZone& zone) {
        const bool used =
            std::any_of(vpcs.begin(), vpcs.end(), [&](const BoundVpc& vpc) { return is_bound(zone, vpc); });
        return std::tuple(!zone.ours(), !used, zone.id);
    };
    const PrivateZone* best = nullptr;
    for (const PrivateZone& zone : zones) {
        const bool of_others = !zone.ours() && std::get<1>(rank(zone)) && !zone.vpcs.empty();
        if (!of_others && (best == nullptr || rank(zone) < rank(*best))) best = &zone;
    }
    return best;
}

}  // namespace postern::agent::publish

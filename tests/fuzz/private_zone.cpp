// SPDX-License-Identifier: Apache-2.0
// Any bytes as what PrivateZone says of a zone. Whatever it is: no crash; no step touches what does not carry postern's
// mark, takes a VPC away that is bound, or leaves the name without an address that had one.
#include <algorithm>
#include <cstdlib>

#include "agent/publish/pvtz_reply.h"
#include "agent/publish/zone_plan.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::publish;

namespace {

constexpr core::Micros kNow = 1767323045LL * core::kSecond;

void expect(bool good) {
    if (!good) std::abort();
}

/// The zone after one step, as the API would have it.
void apply(const Step& step, PrivateZone& zone) {
    using Kind = Step::Kind;
    auto& records = zone.records;
    const auto old =
        std::find_if(records.begin(), records.end(), [&](const auto& r) { return r.id == step.record.id; });
    switch (step.kind) {
        case Kind::kBind:
            zone.vpcs = step.vpcs;
            break;
        case Kind::kDelete:
            expect(old != records.end() && old->remark == kMark);
            records.erase(old);
            break;
        case Kind::kAdd:
        case Kind::kNote:
        case Kind::kUpdate:
            if (step.record.id.empty()) {
                records.push_back(step.record);
                records.back().id = "new" + std::to_string(records.size());
            } else {
                expect(old != records.end() && old->remark == kMark);
                *old = step.record;
            }
            break;
        default:
            break;
    }
}

bool answers(const PrivateZone& zone) {
    return std::any_of(zone.records.begin(), zone.records.end(), [](const auto& r) {
        return r.rr == kApex && (r.type == "A" || r.type == "AAAA") && r.line == kDefaultLine && r.enabled;
    });
}

void publish_to(PrivateZone zone, unsigned seed) {
    NameWish wish{.host = "db.example.com",
                  .zone_lines = seed % 2 == 0,
                  .ttl_s = seed % 3 == 0 ? 5 : 30,
                  .vpcs = {{"cn-hangzhou", "vpc-1", ""}},
                  .publisher = "host-a"};
    static const char* const kAddresses[] = {"10.0.1.23", "10.0.2.9", "fd00::9"};
    for (unsigned i = 0; i < 3; ++i) {
        if ((seed >> i) % 2 == 1)
            wish.addresses.push_back(
                {*core::IpAddress::parse(kAddresses[i]), i == 0 ? "cn-hangzhou-h" : "cn-hangzhou-i", ""});
    }
    const auto plan = plan_zone(wish, &zone, false, kNow);
    const bool answered = answers(zone);
    const auto bound = zone.vpcs;
    for (const auto& step : plan.steps) {
        expect(plan.left == ZonePlan::Left::kNothing || step.kind == Step::Kind::kNote);
        expect(!describe(step, wish.host).empty());
        apply(step, zone);
        expect(!answered || answers(zone));
    }
    for (const auto& vpc : bound)
        expect(is_bound(zone, vpc));
    const bool acted = plan.left == ZonePlan::Left::kNothing;
    expect(!acted || is_bound(zone, wish.vpcs[0]));
    // It comes to an end: what was done need not be done again.
    if (acted) expect(!plan_zone(wish, &zone, false, kNow).changes());
}

void undo_in(PrivateZone zone) {
    const auto foreign =
        std::count_if(zone.records.begin(), zone.records.end(), [](const auto& r) { return r.remark != kMark; });
    const auto plan = plan_undo({{"cn-hangzhou", "vpc-1", ""}}, &zone);
    for (const auto& step : plan.steps) {
        if (step.kind == Step::Kind::kRemoveZone) expect(zone.ours() && zone.records.empty() && zone.vpcs.empty());
        apply(step, zone);
    }
    expect(static_cast<std::ptrdiff_t>(zone.records.size()) == foreign);
}

/// IDs tell records apart: a reply that has one twice is no state of a zone.
bool distinct(std::vector<ZoneRecord> records) {
    std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    return std::adjacent_find(records.begin(), records.end(),
                              [](const auto& a, const auto& b) { return a.id == b.id; }) == records.end();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) return 0;
    const std::string_view text = core::as_text({data + 1, size - 1});
    if (const auto note = parse_note(text)) expect(parse_note(format_note(*note)) == note);
    const auto json = JsonView::parse(text);
    if (!json) return 0;
    (void)read_zones(*json, data[0]);
    (void)read_zone_id(*json);
    auto zone = read_zone_info(*json);
    const auto records = read_zone_records(*json, 1);
    if (!zone || !records || !distinct(records->items)) return 0;
    zone->records = records->items;
    publish_to(*zone, data[0]);
    undo_in(*zone);
    return 0;
}

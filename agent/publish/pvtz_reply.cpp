// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/pvtz_reply.h"

#include <algorithm>
#include <optional>

#include "core/text.h"

namespace postern::agent::publish {
namespace {

using core::Code;

constexpr std::size_t kMaxId = 100;
constexpr std::size_t kMaxWord = 1024;

/// An ID goes into later requests: printable ASCII without blanks.
std::string id_of(const JsonView& node) {
    std::string id = node.text();
    const bool plain = std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c < 0x7f; });
    return plain && id.size() <= kMaxId ? id : "";
}

std::string word(const JsonView& node) {
    return node.text().substr(0, kMaxWord);
}

/// Names are compared in lower case without the final dot.
std::string name_of(const JsonView& node) {
    std::string name = core::lowered(word(node));
    if (name.ends_with('.')) name.pop_back();
    return name;
}

core::Result<std::vector<JsonView>> items_of(const JsonView& reply, const char* plural, const char* singular) {
    const JsonView outer = reply.at(plural);
    const JsonView list = outer.is_object() ? outer.at(singular) : outer;
    const bool none = list.is_null() && reply.at("TotalItems").integer() == 0;
    if (!list.is_array() && !none)
        return core::fail(Code::kApiBadReply, core::message("a reply without a list of {}", std::string(plural)));
    return list.items();
}

bool is_last(const JsonView& reply, int page, bool empty) {
    return empty || page >= reply.at("TotalPages").integer().value_or(0);
}

void read_zone(const JsonView& from, PrivateZone& to) {
    to.id = id_of(from.at("ZoneId"));
    to.name = name_of(from.at("ZoneName"));
    to.remark = word(from.at("Remark"));
    to.fast = from.at("DnsGroup").text() == "FAST_ZONE";
}

}  // namespace

core::Result<NumberedPage<PrivateZone>> read_zones(const JsonView& reply, int page) {
    const auto items = items_of(reply, "Zones", "Zone");
    if (!items) return core::fail(items.error());
    NumberedPage<PrivateZone> out;
    for (const JsonView& item : *items) {
        read_zone(item, out.items.emplace_back());
        if (out.items.back().id.empty()) return core::fail(Code::kApiBadReply, "a zone without a usable ZoneId");
    }
    out.last = is_last(reply, page, items->empty());
    return out;
}

core::Result<PrivateZone> read_zone_info(const JsonView& reply) {
    PrivateZone out;
    read_zone(reply, out);
    if (out.id.empty() || out.name.empty()) return core::fail(Code::kApiBadReply, "a reply that describes no zone");
    // The bound set is replaced as a whole: what is not understood must not become "none".
    const JsonView bound = reply.at("BindVpcs");
    const JsonView list = bound.is_object() ? bound.at("Vpc") : bound;
    if (!list.is_array() && !list.is_null())
        return core::fail(Code::kApiBadReply, "a reply whose bound VPCs are no list");
    for (const JsonView& item : list.items()) {
        BoundVpc vpc{id_of(item.at("RegionId")), id_of(item.at("VpcId")), id_of(item.at("VpcType"))};
        if (vpc.region.empty() || vpc.vpc.empty())
            return core::fail(Code::kApiBadReply, "a bound VPC without its ID or region");
        out.vpcs.push_back(std::move(vpc));
    }
    return out;
}

core::Result<NumberedPage<ZoneRecord>> read_zone_records(const JsonView& reply, int page) {
    const auto items = items_of(reply, "Records", "Record");
    if (!items) return core::fail(items.error());
    NumberedPage<ZoneRecord> out;
    for (const JsonView& item : *items) {
        ZoneRecord record;
        record.id = id_of(item.at("RecordId"));
        record.rr = core::lowered(word(item.at("Rr")));
        record.type = word(item.at("Type"));
        record.value = word(item.at("Value"));
        if (const auto ip = core::IpAddress::parse(record.value)) record.value = ip->text();
        record.line = word(item.at("Line"));
        if (record.line.empty()) record.line = kDefaultLine;
        record.ttl_s = static_cast<int>(std::clamp<std::int64_t>(item.at("Ttl").integer().value_or(0), 0, 1 << 30));
        record.enabled = item.at("Status").text() != "DISABLE";
        record.remark = word(item.at("Remark"));
        if (record.id.empty() || record.rr.empty() || record.type.empty())
            return core::fail(Code::kApiBadReply, "a record without its RecordId, Rr or Type");
        out.items.push_back(std::move(record));
    }
    out.last = is_last(reply, page, items->empty());
    return out;
}

core::Result<std::string> read_zone_id(const JsonView& reply) {
    std::string id = id_of(reply.at("ZoneId"));
    if (id.empty()) return core::fail(Code::kApiBadReply, "a reply without a usable ZoneId");
    return id;
}

}  // namespace postern::agent::publish

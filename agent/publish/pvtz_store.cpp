// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/pvtz_store.h"

#include <utility>

#include "agent/publish/pvtz_reply.h"

namespace postern::agent::publish {
namespace {

using core::Code;
using Kind = Step::Kind;

// A central service: one host for all regions, another one from inside a VPC.
const AliyunProduct kPvtz{"pvtz", "2018-01-01", "pvtz.vpc-proxy.aliyuncs.com", "pvtz.aliyuncs.com"};
constexpr const char* kPageSize = "100";  // the maximum
constexpr std::size_t kMaxZones = 20;     // of one name

core::Error bad_reply(const std::string& action, const core::Error& error) {
    return {Code::kApiBadReply, core::message("{}: {}", action, error.what),
            "the API changed, or something else answers for it", 0};
}

/// The refusal says that it is so already.
bool is_done_already(Kind kind, const std::string& code) {
    switch (kind) {
        case Kind::kAdd:
            return code == "Record.Invalid.Conflict";  // the look that follows shows whether it is this record
        case Kind::kDelete:
            return code.starts_with("Record.NotExist") || code == "Record.Invalid.Id";
        case Kind::kRemoveZone:
            return code.starts_with("Zone.NotExist") || code == "Zone.Invalid.Id";
        default:
            return false;
    }
}

NameValues content_of(const ZoneRecord& record) {
    return {{"Rr", record.rr},
            {"Type", record.type},
            {"Value", record.value},
            {"Ttl", std::to_string(record.ttl_s)},
            {"Line", record.line}};
}

}  // namespace

core::Result<JsonView> PvtzStore::call(const std::string& action, NameValues parameters, const std::string& resource) {
    return session_.call(kPvtz, action, std::move(parameters), resource);
}

core::Result<void> PvtzStore::write(const std::string& action, NameValues parameters, const std::string& resource) {
    parameters.emplace_back("ClientToken", session_.random().hex(32));
    auto reply = call(action, std::move(parameters), resource);
    if (!reply) return core::fail(std::move(reply.error()));
    return {};
}

template <class T, class Read>
core::Result<std::vector<T>> PvtzStore::pages(const std::string& action, const NameValues& parameters,
                                              const std::string& resource, Read read) {
    std::vector<T> all;
    for (int number = 1; number <= kMaxPages; ++number) {
        NameValues asked = parameters;
        asked.emplace_back("PageNumber", std::to_string(number));
        asked.emplace_back("PageSize", kPageSize);
        auto reply = call(action, std::move(asked), resource);
        if (!reply) return core::fail(std::move(reply.error()));
        auto page = read(*reply, number);
        if (!page) return core::fail(bad_reply(action, page.error()));
        for (auto& item : page->items)
            all.push_back(std::move(item));
        if (page->last) return all;
    }
    return core::fail(Code::kApiBadReply, core::message("{}: its pages do not end", action),
                      "the API changed, or something else answers for it");
}

core::Result<std::vector<PrivateZone>> PvtzStore::look(const std::string& host) {
    const std::string resource = "zone " + host;
    auto found =
        pages<PrivateZone>("DescribeZones", {{"Keyword", host}, {"SearchMode", "EXACT"}}, resource, read_zones);
    if (!found) return core::fail(std::move(found.error()));
    std::vector<PrivateZone> out;
    for (const auto& zone : *found) {
        if (zone.name != host) continue;  // whoever answers may not know the search mode
        if (out.size() == kMaxZones) {
            return core::fail(Code::kTooLarge, core::message("the account has more than 20 zones named {}", host),
                              "delete those that no VPC uses, in the PrivateZone console");
        }
        const auto reply = call("DescribeZoneInfo", {{"ZoneId", zone.id}}, resource);
        if (!reply) return core::fail(reply.error());
        auto info = read_zone_info(*reply);
        if (!info) return core::fail(bad_reply("DescribeZoneInfo", info.error()));
        if (info->id != zone.id)
            return core::fail(bad_reply("DescribeZoneInfo", {Code::kApiBadReply, "a reply about another zone", {}, 0}));
        auto records = pages<ZoneRecord>("DescribeZoneRecords", {{"ZoneId", zone.id}}, resource, read_zone_records);
        if (!records) return core::fail(std::move(records.error()));
        info->records = std::move(*records);
        out.push_back(std::move(*info));
    }
    return out;
}

core::Result<std::string> PvtzStore::make(const std::string& host) {
    const auto reply = call("AddZone",
                            {{"ZoneName", host},
                             {"ProxyPattern", "RECORD"},
                             {"DnsGroup", "FAST_ZONE"},
                             {"ClientToken", session_.random().hex(32)}},
                            "zone " + host);
    if (!reply) return core::fail(reply.error());
    auto id = read_zone_id(*reply);
    if (!id) return core::fail(bad_reply("AddZone", id.error()));
    return id;
}

core::Result<void> PvtzStore::carry_out(const std::string& zone, const Step& step) {
    const std::string resource = "zone " + zone;
    NameValues parameters = content_of(step.record);
    const auto done = [&]() -> core::Result<void> {
        switch (step.kind) {
            case Kind::kMakeZone:
                break;
            case Kind::kMarkZone:
                return write("UpdateZoneRemark", {{"ZoneId", zone}, {"Remark", std::string(kMark)}}, resource);
            case Kind::kNote:
            case Kind::kAdd:
            case Kind::kUpdate:
                if (step.record.id.empty()) {
                    parameters.emplace_back("ZoneId", zone);
                    parameters.emplace_back("Remark", step.record.remark);
                    return write("AddZoneRecord", std::move(parameters), resource);
                }
                parameters.emplace_back("RecordId", step.record.id);
                return write("UpdateZoneRecord", std::move(parameters), resource);
            case Kind::kBind: {
                NameValues set{{"ZoneId", zone}};
                for (std::size_t i = 0; i < step.vpcs.size(); ++i) {
                    const std::string prefix = "Vpcs." + std::to_string(i + 1) + ".";
                    set.emplace_back(prefix + "RegionId", step.vpcs[i].region);
                    set.emplace_back(prefix + "VpcId", step.vpcs[i].vpc);
                    if (!step.vpcs[i].type.empty()) set.emplace_back(prefix + "VpcType", step.vpcs[i].type);
                }
                return write("BindZoneVpc", std::move(set), resource);
            }
            case Kind::kDelete:
                return write("DeleteZoneRecord", {{"RecordId", step.record.id}}, "record " + step.record.id);
            case Kind::kRemoveZone:
                return write("DeleteZone", {{"ZoneId", zone}}, resource);
        }
        return core::fail(Code::kInternal, "no such step");
    }();
    if (!done && is_done_already(step.kind, session_.refusal().code)) return {};
    return done;
}

}  // namespace postern::agent::publish

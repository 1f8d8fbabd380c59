// SPDX-License-Identifier: Apache-2.0
#include "agent/account/creation.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/account/operation_error.h"
#include "agent/text/values.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr std::size_t kMaxNamed = 8;  // services listed in one message

std::string names_of(const std::vector<EndpointService>& services) {
    std::vector<std::string> names;
    for (const auto& s : services) {
        if (names.size() == kMaxNamed) {
            names.push_back("…");
            break;
        }
        names.push_back(s.id.empty() ? s.name : s.id);
    }
    return core::joined(names);
}

core::Result<EndpointService> choose_service(const std::string& wanted, const HostPlace& host,
                                             const std::vector<EndpointService>& services) {
    const core::Message whitelist = core::message("have this account whitelisted {}", whitelist_step(host.account));
    const core::Message in_region = host.region.empty() ? core::Message() : core::message(" in region {}", host.region);
    if (wanted.empty() && services.size() == 1) return services.front();
    if (wanted.empty() && services.empty())
        return core::fail(
            Code::kApiRejected, core::message("this account may connect to no service{} yet", in_region),
            core::message("if the service is of another region, give its full name with --service; else {}",
                          whitelist));
    if (wanted.empty()) {
        return core::fail(Code::kUsage, core::message("this account may connect to {} services", services.size()),
                          core::message("choose one with --service: {}", names_of(services)));
    }
    for (const auto& s : services) {
        if (s.id == wanted || s.name == wanted) return s;
    }
    return core::fail(
        Code::kApiRejected, core::message("this account does not see the service {}{}", shown(wanted), in_region),
        core::message("check its name (a service of another region is given by its full name), or {}", whitelist));
}

core::Result<std::vector<ZoneWish>> choose_zones(const EndpointWish& wish, const HostPlace& host,
                                                 const std::string& vpc) {
    std::vector<ZoneWish> wishes = wish.zones;
    if (wishes.empty()) wishes.emplace_back();
    if (wishes.size() > kMaxZones)
        return core::fail(Code::kUsage, core::message("an endpoint has at most {} zones", kMaxZones), "leave some out");
    if (!wish.vswitch.empty()) {
        if (wishes.size() > 1 || !wishes.front().vswitch.empty()) {
            return core::fail(Code::kUsage, core::message("which zone {} is for is not known", wish.vswitch),
                              "give each zone its vSwitch: --zone ZONE,VSWITCH");
        }
        wishes.front().vswitch = wish.vswitch;
    }
    std::vector<ZoneWish> out;
    for (auto& one : wishes) {
        auto placed = place_zone(std::move(one), host, vpc);
        if (!placed) return core::fail(std::move(placed.error()));
        for (const auto& other : out) {
            if (other.zone == placed->zone)
                return core::fail(Code::kUsage, core::message("the zone {} is given twice", placed->zone),
                                  "give it once");
        }
        if (placed->ipv6 && !wish.dual_stack) {
            return core::fail(Code::kUsage, "an endpoint without --dual-stack has no IPv6 address",
                              core::message("give --dual-stack, or leave {} out", placed->ipv6->text()));
        }
        out.push_back(std::move(*placed));
    }
    return out;
}

/// The service is offered where the endpoint is to be.
core::Result<void> check_service(const Creation& plan) {
    const EndpointService& service = plan.service;
    if (plan.dual_stack && service.ip_version == "IPv4") {
        return core::fail(Code::kApiRejected, core::message("the service {} has IPv4 only", service.id),
                          "leave --dual-stack out, or ask its provider for DualStack");
    }
    if (!plan.service_region.empty() || service.zones.empty()) return {};  // zones of another region are other zones
    for (const auto& wish : plan.zones) {
        if (std::find(service.zones.begin(), service.zones.end(), wish.zone) != service.zones.end()) continue;
        return core::fail(Code::kApiRejected,
                          core::message("the service {} is not offered in zone {}; it is in {}", service.id, wish.zone,
                                        core::joined(service.zones)),
                          core::message("give --zone, one of these, and --vswitch, a vSwitch of {} in it (make one if "
                                        "there is none): all zones of a VPC reach it",
                                        plan.vpc));
    }
    return {};
}

core::Result<std::vector<core::IpPrefix>> choose_ranges(const EndpointWish& wish, const HostPlace& host,
                                                        const std::string& vpc) {
    std::vector<std::string> texts = wish.open_to;
    if (texts.empty() && vpc == host.vpc && !host.vpc_cidr.empty()) texts.push_back(host.vpc_cidr);
    if (texts.empty()) {
        return core::fail(Code::kUsage, core::message("the address range of {} is not known", vpc),
                          "give --open-to, such as 192.168.0.0/16: who is to reach port 443 of the endpoint");
    }
    std::vector<core::IpPrefix> out;
    bool v6 = false;
    for (const auto& text : texts) {
        const auto prefix = parse_cidr(text);
        if (!prefix) {
            return core::fail(Code::kUsage, core::message("{} is no address range", shown(text)),
                              "give --open-to, such as 192.168.0.0/16: who is to reach port 443 of the endpoint");
        }
        v6 = v6 || prefix->ip.is_v6();
        out.push_back(*prefix);
    }
    if (wish.dual_stack && !v6) {
        return core::fail(Code::kUsage, "which IPv6 addresses are to reach port 443 is not known",
                          "give --open-to once more, with an IPv6 range of the VPC, such as 2408:4005:3b6:4a00::/56");
    }
    return out;
}

/// Whether all of `ranges` get in, the first doubt or refusal otherwise.
AccessJudgement judge_ranges(const SecurityGroup& group, const std::vector<core::IpPrefix>& ranges,
                             const PrefixLists& lists, std::vector<core::IpPrefix>* shut) {
    AccessJudgement worst{Access::kYes, {}};
    for (const auto& range : ranges) {
        // A range of addresses is in no group.
        auto one = judge_ingress({group}, {range, std::vector<std::string>{}, lists}, kEndpointPort);
        if (one.access != Access::kYes && shut != nullptr) shut->push_back(range);
        if (worst.reason.empty() || (worst.access != Access::kNo && one.access != Access::kYes)) worst = std::move(one);
    }
    return worst;
}

/// As EndpointCloud::open_port() would add it.
SecurityGroupRule opening_rule(const core::IpPrefix& from) {
    SecurityGroupRule out;
    out.id = "to be added";
    out.policy = SecurityGroupRule::Policy::kAccept;
    out.protocol = "TCP";
    out.port_range = fmt::format("{0}/{0}", kEndpointPort);
    (from.ip.is_v6() ? out.ipv6_cidr : out.cidr) = from.text();
    return out;
}

/// Postern's own group, with the rules that it lacks.
core::Result<GroupChoice> open_own_group(const SecurityGroup& group, std::vector<core::IpPrefix> shut,
                                         const PrefixLists& lists) {
    SecurityGroup opened = group;
    for (const auto& range : shut)
        opened.rules.push_back(opening_rule(range));
    auto judgement = judge_ranges(opened, shut, lists, nullptr);
    if (judgement.access == Access::kNo) {
        return core::fail(Code::kUsage,
                          core::message("{} ({}) stays shut whatever is added: {}", group.id,
                                        std::string(kOwnGroupName), judgement.reason),
                          "delete that rule, or give another group with --security-group");
    }
    core::Message note = judgement.access == Access::kYes
                             ? core::Message()
                             : core::message("whether that is enough is not known: {}", judgement.reason);
    return GroupChoice{GroupChoice::Step::kOpen, group.id, std::move(note), std::move(shut)};
}

core::Message bad_name(const std::string& name) {
    const auto ascii_letter = [](char32_t c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    std::size_t length = 0;
    bool fits = true;
    for (std::string_view rest = name; !rest.empty() && fits; ++length) {
        const core::Utf8Character c = core::first_character(rest);
        const bool letter = ascii_letter(c.code) ||
                            (c.code >= 0x80 && c.code != core::Utf8Character::kInvalid && !core::is_control(c.code));
        fits = letter || (length > 0 && ((c.code >= '0' && c.code <= '9') || c.code == '-' || c.code == '_'));
        rest.remove_prefix(c.size);
    }
    return fits && length >= 2 && length <= 128 ? core::Message() : core::message("{} can't be a name", shown(name));
}

}  // namespace

std::string other_region_of(const std::string& service_name, const std::string& region) {
    constexpr std::string_view kBefore = "com.aliyuncs.privatelink.";
    if (!service_name.starts_with(kBefore)) return {};
    const std::string rest = service_name.substr(kBefore.size());
    const std::string found = rest.substr(0, rest.find('.'));
    return found == region || !check_region(found).empty() ? "" : found;
}

std::string service_region_of(const EndpointWish& wish, const std::string& region) {
    if (wish.service_region.empty()) return other_region_of(wish.service, region);
    return wish.service_region == region ? "" : wish.service_region;
}

core::Message read_zone_wish(std::string_view text, ZoneWish* out) {
    *out = {};
    bool first = true;
    for (std::size_t at = 0; at <= text.size(); first = false) {
        const auto end = std::min(text.find(',', at), text.size());
        const std::string part(text.substr(at, end - at));
        at = end + 1;
        const auto ip = core::IpAddress::parse(part);
        if (first) {
            out->zone = part;
            if (auto problem = check_zone(part); !problem.empty()) return problem;
        } else if (is_resource_id(part, "vsw-") && out->vswitch.empty()) {
            out->vswitch = part;
        } else if (ip && !(ip->is_v6() ? out->ipv6 : out->ipv4)) {
            (ip->is_v6() ? out->ipv6 : out->ipv4) = ip;
        } else {
            return core::message("has {} where a vSwitch (vsw-…), an IPv4 or an IPv6 address may stand, once each",
                                 shown(part));
        }
    }
    return "";
}

std::string zone_wish_text(const ZoneWish& wish) {
    std::string out = wish.zone;
    if (!wish.vswitch.empty()) out += "," + wish.vswitch;
    for (const auto& ip : {wish.ipv4, wish.ipv6})
        out += ip ? "," + ip->text() : "";
    return out;
}

core::Message read_tag(std::string_view text, std::pair<std::string, std::string>* out) {
    constexpr std::size_t kMaxKey = 64, kMaxValue = 128;  // characters: never more than bytes
    const auto equals = std::min(text.find('='), text.size());
    *out = {std::string(text.substr(0, equals)), std::string(text.substr(std::min(equals + 1, text.size())))};
    const auto& [key, value] = *out;
    if (key.empty() || key.size() > kMaxKey || value.size() > kMaxValue)
        return core::message("is not KEY=VALUE with 1 to {} and up to {} characters", kMaxKey, kMaxValue);
    if (key.starts_with("aliyun") || key.starts_with("acs:")) return "begins as only Alibaba Cloud's own tags do";
    return "";
}

core::Result<ZoneWish> place_zone(ZoneWish wish, const HostPlace& host, const std::string& vpc) {
    const bool same_vpc = !host.vpc.empty() && vpc == host.vpc;
    const bool vswitch_given = !wish.vswitch.empty();
    if (same_vpc && wish.zone.empty() && (!vswitch_given || wish.vswitch == host.vswitch)) wish.zone = host.zone;
    if (same_vpc && !vswitch_given && wish.zone == host.zone) wish.vswitch = host.vswitch;
    if (wish.zone.empty()) {
        return core::fail(Code::kUsage,
                          vswitch_given ? core::message("the zone of {} is not known", wish.vswitch)
                                        : "which zone the endpoint is to be in is not known",
                          "give --zone and --vswitch: a zone of the region, and a vSwitch of the VPC in it");
    }
    if (wish.vswitch.empty()) {
        return core::fail(
            Code::kUsage, core::message("no vSwitch of {} in zone {} is known", vpc, wish.zone),
            core::message("give it as {},VSWITCH or with --vswitch (VPC console > vSwitches; make one in that "
                          "zone if there is none)",
                          wish.zone));
    }
    return wish;
}

core::Result<Creation> plan_endpoint(const EndpointWish& wish, const HostPlace& host,
                                     const std::vector<EndpointService>& services) {
    Creation plan;
    auto service = choose_service(wish.service, host, services);
    if (!service) return core::fail(std::move(service.error()));
    plan.service = std::move(*service);
    plan.vpc = wish.vpc.empty() ? host.vpc : wish.vpc;
    if (plan.vpc.empty()) {
        return core::fail(Code::kUsage, "the VPC is not known: the metadata service does not give it",
                          "give --vpc, --zone and --vswitch, or run it on an ECS instance of the VPC");
    }
    plan.dual_stack = wish.dual_stack;
    plan.zone_affinity = wish.zone_affinity;
    plan.resource_group = wish.resource_group;
    plan.tags = wish.tags;
    plan.bandwidth = wish.bandwidth;
    auto zones = choose_zones(wish, host, plan.vpc);
    if (!zones) return core::fail(std::move(zones.error()));
    plan.zones = std::move(*zones);
    const std::string told = other_region_of(plan.service.name, host.region);
    plan.service_region = wish.service_region.empty() ? told : service_region_of(wish, host.region);
    if (!told.empty() && told != plan.service_region) {
        return core::fail(Code::kUsage, core::message("the service {} is in region {}", plan.service.name, told),
                          "leave --region-of-service out: the service's name says it");
    }
    if (plan.bandwidth != 0 && plan.service_region.empty()) {
        return core::fail(Code::kUsage, "--bandwidth is for a service of another region",
                          "leave it out, or give --region-of-service");
    }
    if (auto offered = check_service(plan); !offered) return core::fail(std::move(offered.error()));
    plan.name = wish.name.empty() ? "postern" : wish.name;
    if (const auto problem = bad_name(plan.name); !problem.empty()) {
        return core::fail(Code::kUsage, problem, "--name takes 2 to 128 letters, digits, '-' and '_', a letter first");
    }
    auto ranges = choose_ranges(wish, host, plan.vpc);
    if (!ranges) return core::fail(std::move(ranges.error()));
    plan.open_to = std::move(*ranges);
    return plan;
}

namespace {

bool has_zone(const EndpointInfo& endpoint, const std::string& zone) {
    const auto& zones = endpoint.report.zones;
    return std::any_of(zones.begin(), zones.end(), [&](const ZoneReport& z) { return z.zone_id == zone; });
}

}  // namespace

const EndpointInfo* already_there(const Creation& plan, const std::vector<EndpointInfo>& existing) {
    for (const auto& e : existing) {
        const bool same_service = e.report.service_name == plan.service.name || e.service_id == plan.service.id;
        if (!same_service || e.vpc != plan.vpc || e.report.status == "Deleting") continue;
        for (const auto& wish : plan.zones) {
            if (has_zone(e, wish.zone)) return &e;
        }
    }
    return nullptr;
}

core::Result<void> serves_plan(const Creation& plan, const EndpointInfo& existing) {
    const std::string& id = existing.report.endpoint_id;
    std::vector<std::string> lacks, commands;
    for (const auto& wish : plan.zones) {
        if (has_zone(existing, wish.zone)) continue;
        lacks.push_back(wish.zone);
        commands.push_back("postern endpoint zone add " + id + " " + zone_wish_text(wish));
    }
    if (!lacks.empty())
        return core::fail(Code::kApiRejected, core::message("{} is there already, without {}", id, core::joined(lacks)),
                          core::joined(commands, "; "));
    if (plan.dual_stack && existing.ip_version == "IPv4") {
        return core::fail(Code::kApiRejected, core::message("{} is there already, with IPv4 only", id),
                          "delete it first, or change it in the VPC console");
    }
    return {};
}

core::Result<GroupChoice> plan_group(const Creation& plan, const std::optional<SecurityGroup>& given,
                                     const std::optional<SecurityGroup>& own, const PrefixLists& lists) {
    if (!given && !own) return GroupChoice{GroupChoice::Step::kCreate, {}, {}, plan.open_to};
    const SecurityGroup& group = given ? *given : *own;
    if (!group.vpc.empty() && group.vpc != plan.vpc) {
        return core::fail(Code::kUsage, core::message("{} belongs to {}, not to {}", group.id, group.vpc, plan.vpc),
                          "give a security group of the endpoint's VPC");
    }
    std::vector<core::IpPrefix> shut;
    const auto judgement = judge_ranges(group, plan.open_to, lists, &shut);
    if (judgement.access == Access::kYes) return GroupChoice{GroupChoice::Step::kUse, group.id, judgement.reason, {}};
    if (!given) return open_own_group(group, std::move(shut), lists);
    const std::string ranges = core::joined(shut, [](const core::IpPrefix& range) { return range.text(); });
    if (judgement.access == Access::kUnknown) {
        return GroupChoice{GroupChoice::Step::kUse,
                           group.id,
                           core::message("whether it lets {} in is not known: {}", ranges, judgement.reason),
                           {}};
    }
    return core::fail(
        Code::kUsage, core::message("{} keeps port 443 shut to {}: {}", group.id, ranges, judgement.reason),
        core::message("add an ingress rule to it: TCP 443/443 from {}, or leave --security-group out and one is made",
                      ranges));
}

}  // namespace postern::agent

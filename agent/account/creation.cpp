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
    const std::string whitelist = "have this account whitelisted " + whitelist_step(host.account);
    const std::string in_region = host.region.empty() ? "" : " in region " + host.region;
    if (wanted.empty() && services.size() == 1) return services.front();
    if (wanted.empty() && services.empty())
        return core::fail(Code::kApiRejected, "this account may connect to no service" + in_region + " yet",
                          "if the service is of another region, give its full name with --service; else " + whitelist);
    if (wanted.empty()) {
        return core::fail(Code::kUsage, fmt::format("this account may connect to {} services", services.size()),
                          "choose one with --service: " + names_of(services));
    }
    for (const auto& s : services) {
        if (s.id == wanted || s.name == wanted) return s;
    }
    return core::fail(Code::kApiRejected, "this account does not see the service " + shown(wanted) + in_region,
                      "check its name (a service of another region is given by its full name), or " + whitelist);
}

struct Place {
    std::string zone, vswitch;
};
core::Result<Place> choose_place(const EndpointWish& wish, const HostPlace& host, const std::string& vpc) {
    const bool same_vpc = !host.vpc.empty() && vpc == host.vpc;
    Place out{wish.zone, wish.vswitch};
    if (same_vpc && out.zone.empty() && (out.vswitch.empty() || out.vswitch == host.vswitch)) out.zone = host.zone;
    if (same_vpc && out.vswitch.empty() && out.zone == host.zone) out.vswitch = host.vswitch;
    if (out.zone.empty()) {
        return core::fail(Code::kUsage,
                          wish.vswitch.empty() ? "which zone the endpoint is to be in is not known"
                                               : "the zone of " + wish.vswitch + " is not known",
                          "give --zone and --vswitch: a zone of the region, and a vSwitch of the VPC in it");
    }
    if (out.vswitch.empty()) {
        return core::fail(Code::kUsage, "no vSwitch of " + vpc + " in zone " + out.zone + " is known",
                          "give it with --vswitch (VPC console > vSwitches; make one in that zone if there is none)");
    }
    return out;
}

std::string bad_name(const std::string& name) {
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
    return fits && length >= 2 && length <= 128 ? "" : shown(name) + " can't be a name";
}

}  // namespace

std::string other_region_of(const std::string& service_name, const std::string& region) {
    constexpr std::string_view kBefore = "com.aliyuncs.privatelink.";
    if (!service_name.starts_with(kBefore)) return {};
    const std::string rest = service_name.substr(kBefore.size());
    const std::string found = rest.substr(0, rest.find('.'));
    return found == region || !check_region(found).empty() ? "" : found;
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
    auto place = choose_place(wish, host, plan.vpc);
    if (!place) return core::fail(std::move(place.error()));
    plan.zone = place->zone;
    plan.vswitch = place->vswitch;
    plan.service_region = other_region_of(plan.service.name, host.region);
    const auto& zones = plan.service.zones;  // of the service's region
    if (plan.service_region.empty() && !zones.empty() &&
        std::find(zones.begin(), zones.end(), plan.zone) == zones.end()) {
        return core::fail(Code::kApiRejected,
                          fmt::format("the service {} is not offered in zone {}; it is in {}", plan.service.id,
                                      plan.zone, core::joined(zones)),
                          "give --zone, one of these, and --vswitch, a vSwitch of " + plan.vpc +
                              " in it (make one if there is none): all zones of a VPC reach it");
    }
    plan.name = wish.name.empty() ? "postern" : wish.name;
    if (const auto problem = bad_name(plan.name); !problem.empty()) {
        return core::fail(Code::kUsage, problem, "--name takes 2 to 128 letters, digits, '-' and '_', a letter first");
    }
    const std::string open_to = !wish.open_to.empty() ? wish.open_to : plan.vpc == host.vpc ? host.vpc_cidr : "";
    const auto prefix = parse_cidr(open_to);
    if (!prefix) {
        return core::fail(Code::kUsage,
                          open_to.empty() ? "the address range of " + plan.vpc + " is not known"
                                          : shown(open_to) + " is no address range",
                          "give --open-to, such as 192.168.0.0/16: who is to reach port 443 of the endpoint");
    }
    plan.open_to = *prefix;
    return plan;
}

const EndpointInfo* already_there(const Creation& plan, const std::vector<EndpointInfo>& existing) {
    for (const auto& e : existing) {
        const bool same_service = e.report.service_name == plan.service.name || e.service_id == plan.service.id;
        if (!same_service || e.vpc != plan.vpc || e.report.status == "Deleting") continue;
        for (const auto& zone : e.report.zones) {
            if (zone.zone_id == plan.zone) return &e;
        }
    }
    return nullptr;
}

core::Result<GroupChoice> plan_group(const Creation& plan, const std::optional<SecurityGroup>& given,
                                     const std::optional<SecurityGroup>& own, const TrafficSource& source) {
    if (!given && !own) return GroupChoice{};
    const SecurityGroup& group = given ? *given : *own;
    if (!group.vpc.empty() && group.vpc != plan.vpc) {
        return core::fail(Code::kUsage, fmt::format("{} belongs to {}, not to {}", group.id, group.vpc, plan.vpc),
                          "give a security group of the endpoint's VPC");
    }
    const auto judgement = judge_ingress({group}, source, kEndpointPort);
    if (judgement.access == Access::kYes) return GroupChoice{GroupChoice::Step::kUse, group.id, judgement.reason};
    if (!given) return GroupChoice{GroupChoice::Step::kOpen, group.id, judgement.reason};
    if (judgement.access == Access::kUnknown) {
        return GroupChoice{GroupChoice::Step::kUse, group.id,
                           "whether it lets " + plan.open_to.text() + " in is not known: " + judgement.reason};
    }
    return core::fail(Code::kUsage,
                      fmt::format("{} keeps port 443 shut to {}: {}", group.id, plan.open_to.text(), judgement.reason),
                      "add an ingress rule to it: TCP 443/443 from " + plan.open_to.text() +
                          ", or leave --security-group out and one is made");
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/objects.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/text.h"

namespace postern::agent::k8s {
namespace {

using core::Code;
using Json = nlohmann::ordered_json;
using What = ObjectStep::What;

constexpr const char* kPortName = "https";
constexpr std::size_t kMaxServiceName = 63;

Json labels() {
    return {{"app.kubernetes.io/managed-by", "postern"}, {"app.kubernetes.io/component", "publisher"}};
}

Json annotations(const ServiceWish& wish) {
    return {{"postern/link", wish.link}, {"postern/host", wish.host}};
}

std::string written(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool has_all(const JsonView& there, const Json& wanted) {
    return std::all_of(wanted.items().begin(), wanted.items().end(), [&](const auto& item) {
        return there.at(item.key().c_str()).text() == item.value().template get<std::string>();
    });
}

bool is_port(const JsonView& ports, std::uint16_t port, bool target) {
    const auto all = ports.items();
    if (all.size() != 1) return false;
    const auto& one = all.front();
    return one.at("name").text() == kPortName && one.at("port").integer() == port &&
           one.at("protocol").text() == "TCP" && (!target || one.at("targetPort").integer() == port);
}

/// The same for every address, in the order of the addresses.
Json endpoints_of(const std::vector<ServiceAddress>& addresses) {
    Json out = Json::array();
    for (const auto& a : addresses) {
        Json one = {{"addresses", {a.ip.text()}}, {"conditions", {{"ready", a.ready}}}};
        if (!a.zone.empty()) {
            one["zone"] = a.zone;
            one["hints"] = {{"forZones", Json::array({{{"name", a.zone}}})}};
        }
        out.push_back(std::move(one));
    }
    return out;
}

/// nullopt: an endpoint that is none of ours.
std::optional<ServiceAddress> read_endpoint(const JsonView& endpoint) {
    const auto addresses = endpoint.at("addresses").items();
    const auto zones = endpoint.at("hints").at("forZones").items();
    if (addresses.size() != 1 || zones.size() > 1) return std::nullopt;
    const auto ip = core::IpAddress::parse(addresses.front().text());
    const std::string zone = endpoint.at("zone").text();
    if (!ip || zone != (zones.empty() ? "" : zones.front().at("name").text())) return std::nullopt;
    return ServiceAddress{*ip, zone, endpoint.at("conditions").at("ready").boolean().value_or(true)};
}

bool has_endpoints(const JsonView& slice, const std::vector<ServiceAddress>& wanted) {
    const auto there = slice.at("endpoints").items();
    return there.size() == wanted.size() &&
           std::equal(there.begin(), there.end(), wanted.begin(),
                      [](const JsonView& endpoint, const ServiceAddress& a) { return read_endpoint(endpoint) == a; });
}

ObjectStep foreign(ObjectName name, core::Message why) {
    return {What::kForeign, std::move(name), "", "", "", std::move(why), ""};
}

ObjectStep create(ObjectName name, const Json& object, core::Message told) {
    return {What::kCreate, std::move(name), written(object), "", "", {}, std::move(told)};
}

ObjectStep change(ObjectName name, const JsonView& there, Json patch, core::Message told) {
    patch["metadata"]["resourceVersion"] = version_of(there);
    return {What::kChange, std::move(name), written(patch), "", "", {}, std::move(told)};
}

std::string describe(const std::vector<ServiceAddress>& addresses) {
    std::string out;
    for (const auto& a : addresses)
        out += fmt::format("{}{}{}{}", out.empty() ? "" : ", ", a.ip.text(), a.zone.empty() ? "" : " in " + a.zone,
                           a.ready ? "" : " (not ready)");
    return out;
}

}  // namespace

std::string describe(const ObjectName& name) {
    switch (name.kind) {
        case Kind::kService:
            return "service " + name.name;
        case Kind::kEndpointSlice:
            return "endpointslice " + name.name;
        case Kind::kLease:
            return "lease " + name.name;
        case Kind::kCustomDns:
            break;
    }
    return "customdnsconfig " + name.name;
}

std::string service_name(std::string_view link) {
    std::string out;
    for (const char c : link) {
        const char lower = core::lower(c);
        const bool plain = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
        out += plain ? lower : '-';
    }
    if (out.empty() || out.front() < 'a') out.insert(0, "link-");  // it has to begin with a letter
    out.resize(std::min(out.size(), kMaxServiceName));
    while (out.ends_with('-'))
        out.pop_back();
    return out;
}

std::string slice_name(const std::string& service, bool v6) {
    return service + (v6 ? "-ipv6" : "-ipv4");
}

core::Result<void> check(const ServiceWish& wish) {
    for (const auto& a : wish.addresses) {
        if (!a.ip.is_host() || a.ip.is_loopback() || a.ip.is_link_local())
            return core::fail(
                Code::kApiRejected,
                core::message("{} of {} can't be in an EndpointSlice: it is a loopback, link-local or multicast "
                              "address",
                              a.ip.text(), wish.host),
                "publish the address that pods reach");
    }
    if (std::none_of(wish.addresses.begin(), wish.addresses.end(), [](const auto& a) { return a.ready; }))
        return core::fail(Code::kInternal, "no address is ready");
    if (wish.addresses.size() > kMaxSliceAddresses)
        return core::fail(Code::kTooLarge,
                          core::message("{} has more than {} addresses", wish.host, kMaxSliceAddresses),
                          "narrow the link with zones = […]");
    return {};
}

bool is_ours(const JsonView& object) {
    return has_all(object.at("metadata").at("labels"), labels());
}

std::string name_of(const JsonView& object) {
    return object.at("metadata").at("name").text();
}
std::string annotation(const JsonView& object, const char* key) {
    return object.at("metadata").at("annotations").at(key).text();
}
std::string version_of(const JsonView& object) {
    return object.at("metadata").at("resourceVersion").text();
}

ObjectStep service_step(const ServiceWish& wish, const std::optional<JsonView>& there) {
    ObjectName name{Kind::kService, wish.name};
    const Json ports =
        Json::array({{{"name", kPortName}, {"port", wish.port}, {"protocol", "TCP"}, {"targetPort", wish.port}}});
    Json spec = {{"clusterIP", "None"}, {"ports", ports}, {"publishNotReadyAddresses", false}, {"type", "ClusterIP"}};
    const Json metadata = {{"labels", labels()}, {"annotations", annotations(wish)}};
    if (!there) {
        Json whole = metadata;
        whole["name"] = wish.name;
        whole["namespace"] = wish.space;
        return create(name, {{"apiVersion", "v1"}, {"kind", "Service"}, {"metadata", whole}, {"spec", spec}},
                      core::message("create service {} for {}", wish.name, wish.host));
    }
    if (!is_ours(*there))
        return foreign(name, core::message("there is a service {} that postern did not make", wish.name));
    const JsonView now = there->at("spec");
    if (now.at("clusterIP").text() != "None")  // it can't be changed
        return foreign(name,
                       core::message("the service {} is not headless: delete it, and it is made anew", wish.name));
    const bool same = has_all(there->at("metadata").at("annotations"), annotations(wish)) &&
                      is_port(now.at("ports"), wish.port, true) && now.at("selector").is_null() &&
                      now.at("type").text() == "ClusterIP" &&
                      !now.at("publishNotReadyAddresses").boolean().value_or(false);
    if (same) return {What::kNothing, name};
    spec.erase("clusterIP");
    spec["selector"] = nullptr;
    return change(name, *there, {{"metadata", metadata}, {"spec", spec}},
                  core::message("change service {}", wish.name));
}

ObjectStep slice_step(const ServiceWish& wish, bool v6, const std::optional<JsonView>& there) {
    ObjectName name{Kind::kEndpointSlice, slice_name(wish.name, v6)};
    std::vector<ServiceAddress> addresses;
    std::copy_if(wish.addresses.begin(), wish.addresses.end(), std::back_inserter(addresses),
                 [v6](const auto& a) { return a.ip.is_v6() == v6; });
    if (addresses.empty()) return removal_step(name, there);
    // Where a family is served at all, one of its addresses is ready: nobody is sent away by a verdict.
    if (std::none_of(addresses.begin(), addresses.end(), [](const auto& a) { return a.ready; })) {
        for (auto& a : addresses)
            a.ready = true;
    }
    Json marks = labels();
    marks["endpointslice.kubernetes.io/managed-by"] = "postern";
    marks["kubernetes.io/service-name"] = wish.name;
    const char* family = v6 ? "IPv6" : "IPv4";
    const Json metadata = {{"labels", marks}, {"annotations", annotations(wish)}};
    const Json ports = Json::array({{{"name", kPortName}, {"port", wish.port}, {"protocol", "TCP"}}});
    const std::string told = name.name + ": " + describe(addresses);
    if (!there) {
        Json whole = metadata;
        whole["name"] = name.name;
        whole["namespace"] = wish.space;
        return create(name,
                      {{"apiVersion", "discovery.k8s.io/v1"},
                       {"kind", "EndpointSlice"},
                       {"metadata", whole},
                       {"addressType", family},
                       {"ports", ports},
                       {"endpoints", endpoints_of(addresses)}},
                      core::message("create endpointslice {}", told));
    }
    if (!is_ours(*there))
        return foreign(name, core::message("there is an endpointslice {} that postern did not make", name.name));
    if (there->at("addressType").text() != family)  // it can't be changed
        return foreign(name,
                       core::message("the endpointslice {} is not of the family {}: delete it, and it is made anew",
                                     name.name, family));
    if (has_all(there->at("metadata").at("labels"), marks) &&
        has_all(there->at("metadata").at("annotations"), annotations(wish)) &&
        is_port(there->at("ports"), wish.port, false) && has_endpoints(*there, addresses))
        return {What::kNothing, name};
    return change(name, *there, {{"metadata", metadata}, {"ports", ports}, {"endpoints", endpoints_of(addresses)}},
                  core::message("change endpointslice {}", told));
}

ObjectStep removal_step(const ObjectName& name, const std::optional<JsonView>& there) {
    if (!there || !is_ours(*there)) return {What::kNothing, name};
    return {What::kRemove,
            name,
            "",
            there->at("metadata").at("uid").text(),
            version_of(*there),
            {},
            core::message("delete {}", k8s::describe(name))};
}

}  // namespace postern::agent::k8s

// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/custom_dns.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "core/text.h"

namespace postern::agent::k8s {
namespace {

using Json = nlohmann::ordered_json;
using What = ObjectStep::What;

constexpr const char* kHosts = "postern/hosts";  // the names whose zones are ours, with blanks between them
constexpr const char* kWritten = "postern/written-at";

std::string plain(const std::string& name) {
    return core::lowered(core::trimmed(name, "."));
}

std::vector<std::string> ours_in(const std::optional<JsonView>& there) {
    std::istringstream words(there ? annotation(*there, kHosts) : "");
    std::vector<std::string> out;
    for (std::string word; words >> word;)
        out.push_back(word);
    return out;
}

bool has(const std::vector<std::string>& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

/// The addresses of a zone that has nothing but hosts of its own name; nullopt for any other.
std::optional<std::vector<core::IpAddress>> hosts_of(const JsonView& zone, const std::string& host) {
    std::vector<core::IpAddress> out;
    for (const auto& entry : zone.at("hosts").items()) {
        const auto ip = core::IpAddress::parse(entry.at("ipAddress").text());
        if (!ip || plain(entry.at("hostName").text()) != host) return std::nullopt;
        out.push_back(*ip);
    }
    for (const auto& [key, value] : zone.members()) {
        if (key != "name" && key != "hosts" && !value.is_null()) return std::nullopt;
    }
    return out;
}

std::vector<core::IpAddress> v4_of(const HostsWish& wish) {
    std::vector<core::IpAddress> out;
    std::copy_if(wish.addresses.begin(), wish.addresses.end(), std::back_inserter(out),
                 [](const auto& ip) { return !ip.is_v6(); });
    return out;
}

std::vector<JsonView> zones_of(const std::optional<JsonView>& there) {
    return there ? there->at("spec").at("zones").items() : std::vector<JsonView>{};
}

Json unchanged(const JsonView& zone) {
    return Json::parse(zone.dump(), nullptr, false);
}

Json zone_of(const HostsWish& wish, const std::vector<core::IpAddress>& addresses) {
    Json hosts = Json::array();
    for (const auto& ip : addresses)
        hosts.push_back({{"hostName", wish.host}, {"ipAddress", ip.text()}});
    return {{"name", wish.host}, {"hosts", hosts}};
}

ObjectStep step_of(const std::optional<JsonView>& there, const Json& zones, const std::vector<std::string>& ours,
                   core::Micros now_wall_us, const std::string& told) {
    Json marks = {{kHosts, core::joined(ours, " ")}, {kWritten, core::format_utc(now_wall_us)}};
    ObjectStep out{What::kCreate, kCustomDns};
    out.told = there ? core::message("change customdnsconfig default: {}", told)
                     : core::message("create customdnsconfig default: {}", told);
    if (!there) {
        out.body = Json{{"apiVersion", "networking.alibabacloud.com/v1beta1"},
                        {"kind", "CustomDNSConfig"},
                        {"metadata",
                         {{"name", kCustomDns.name},
                          {"labels",
                           {{"app.kubernetes.io/managed-by", "postern"}, {"app.kubernetes.io/component", "publisher"}}},
                          {"annotations", marks}}},
                        {"spec", {{"zones", zones}}}}
                       .dump(-1, ' ', false, Json::error_handler_t::replace);
        return out;
    }
    out.what = What::kChange;
    if (ours.empty()) marks = {{kHosts, nullptr}, {kWritten, nullptr}};
    out.body = Json{{"metadata", {{"resourceVersion", version_of(*there)}, {"annotations", marks}}},
                    {"spec", {{"zones", zones}}}}
                   .dump(-1, ' ', false, Json::error_handler_t::replace);
    return out;
}

}  // namespace

CustomDnsPlan plan_custom_dns(const std::vector<HostsWish>& wishes, const std::optional<JsonView>& there,
                              core::Micros now_wall_us) {
    CustomDnsPlan out{{What::kNothing, kCustomDns}, {}, {}};
    std::vector<std::string> ours = ours_in(there), seen, told;
    Json zones = Json::array();
    // What a name gets: its zone as wished, or nullopt: as it is.
    const auto wanted = [&](const HostsWish& wish, const JsonView& zone) -> std::optional<Json> {
        const auto addresses = v4_of(wish);
        const auto now = hosts_of(zone, wish.host);
        if (!zone.is_null() && !has(ours, wish.host)) {
            if (now != addresses)
                out.left.push_back(
                    {wish.host, core::message("the zone {} of the CustomDNSConfig is not postern's", wish.host)});
            return std::nullopt;
        }
        if (addresses.empty()) {
            out.left.push_back(
                {wish.host, core::message("{} has no IPv4 address, and a CustomDNSConfig no other", wish.host)});
            return std::nullopt;
        }
        if (!zone.is_null() && now == addresses) return std::nullopt;
        told.push_back(wish.host + " " + core::joined(addresses, [](const auto& ip) { return ip.text(); }));
        return zone_of(wish, addresses);
    };
    for (const auto& zone : zones_of(there)) {
        const std::string name = plain(zone.at("name").text());
        const auto wish = std::find_if(wishes.begin(), wishes.end(), [&](const auto& w) { return w.host == name; });
        std::optional<Json> better;
        if (wish != wishes.end() && !has(seen, name)) better = wanted(*wish, zone);
        seen.push_back(name);
        zones.push_back(better ? *better : unchanged(zone));
    }
    for (const auto& wish : wishes) {
        if (has(seen, wish.host)) continue;
        seen.push_back(wish.host);
        const auto zone = wanted(wish, JsonView());
        if (!zone) continue;
        zones.push_back(*zone);
        if (!has(ours, wish.host)) ours.push_back(wish.host);
    }
    std::copy_if(ours.begin(), ours.end(), std::back_inserter(out.stray), [&](const auto& name) {
        return std::none_of(wishes.begin(), wishes.end(), [&](const auto& w) { return w.host == name; });
    });
    if (!told.empty()) out.step = step_of(there, zones, ours, now_wall_us, core::joined(told, "; "));
    return out;
}

CustomDnsPlan plan_custom_dns_undo(const std::vector<std::string>& hosts, const std::optional<JsonView>& there,
                                   core::Micros now_wall_us) {
    CustomDnsPlan out{{What::kNothing, kCustomDns}, {}, {}};
    std::vector<std::string> keep, gone;
    for (const auto& name : ours_in(there))
        (hosts.empty() || has(hosts, name) ? gone : keep).push_back(name);
    if (gone.empty()) return out;
    Json list = Json::array();
    for (const auto& zone : zones_of(there)) {
        if (!has(gone, plain(zone.at("name").text()))) list.push_back(unchanged(zone));
    }
    const bool alone = list.empty() && is_ours(*there);  // we made it, and nobody else uses it
    out.step = alone ? removal_step(kCustomDns, there)
                     : step_of(there, list, keep, now_wall_us, "without " + core::joined(gone));
    return out;
}

core::Micros settles_in(const std::optional<JsonView>& there, core::Micros now_wall_us) {
    const core::Micros written = there ? core::parse_utc(annotation(*there, kWritten)) : -1;
    if (written < 0 || written > now_wall_us) return 0;  // never, or by a clock that is not ours
    return std::clamp<core::Micros>(written + kDnsSettles - now_wall_us, 0, kDnsSettles);
}

}  // namespace postern::agent::k8s

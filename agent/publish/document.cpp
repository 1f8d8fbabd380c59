// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "agent/text/json_view.h"

namespace postern::agent::publish {
namespace {

constexpr std::string_view kHead = "# Written by postern publish; changes are overwritten.\n";
constexpr const char* kGenerator = "postern publish";

std::string seconds(core::Micros wall_us) {
    return core::format_utc(wall_us).substr(0, 19) + "Z";
}

std::string as_json(const std::vector<PublishedName>& names, core::Micros changed, const DocumentOptions& options) {
    using Json = nlohmann::ordered_json;
    Json list = Json::object();
    for (const auto& name : names) {
        Json addresses = Json::array();
        for (const auto& a : name.addresses)
            addresses.push_back({{"ip", a.ip.text()}, {"zone", a.zone}, {"endpoint", a.endpoint}});
        list[name.host] = {{"link", name.link}, {"ttl", options.ttl_s}, {"addresses", addresses}};
    }
    const Json whole = {
        {"schema_version", 1}, {"generator", kGenerator}, {"changed_at", seconds(changed)}, {"names", list}};
    return whole.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string as_hosts(const std::vector<PublishedName>& names) {
    std::string out(kHead);
    for (const auto& name : names) {
        for (const auto& a : name.addresses)
            out += fmt::format("{} {}{}\n", a.ip.text(), name.host, a.zone.empty() ? "" : "  # " + a.zone);
    }
    return out;
}

std::string as_manifest(const std::vector<PublishedName>& names, const DocumentOptions& options) {
    std::string out = fmt::format(
        "{}apiVersion: externaldns.k8s.io/v1alpha1\n"
        "kind: DNSEndpoint\n"
        "metadata:\n"
        "  name: \"{}\"\n",
        kHead, options.name);
    if (!options.space.empty()) out += fmt::format("  namespace: \"{}\"\n", options.space);
    out +=
        "  labels:\n"
        "    app.kubernetes.io/managed-by: postern\n"
        "spec:\n"
        "  endpoints:\n";
    for (const auto& name : names) {
        for (const bool v6 : {false, true}) {
            std::string targets;
            for (const auto& a : name.addresses) {
                if (a.ip.is_v6() == v6) targets += fmt::format("        - \"{}\"\n", a.ip.text());
            }
            if (targets.empty()) continue;
            out += fmt::format(
                "    - dnsName: \"{}\"\n"
                "      recordType: {}\n"
                "      recordTTL: {}\n"
                "      targets:\n{}",
                name.host, v6 ? "AAAA" : "A", options.ttl_s, targets);
        }
    }
    return out;
}

bool is_name_byte(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

}  // namespace

std::string document(Form form, const std::vector<PublishedName>& names, core::Micros changed_wall_us,
                     const DocumentOptions& options) {
    switch (form) {
        case Form::kJson:
            return as_json(names, changed_wall_us, options);
        case Form::kHosts:
            return as_hosts(names);
        case Form::kDnsEndpoint:
            return as_manifest(names, options);
    }
    return "";
}

bool is_ours(Form form, std::string_view text) {
    if (form != Form::kJson) return text.starts_with(kHead);
    const auto json = JsonView::parse(text);
    return json && json->at("generator").text() == kGenerator;
}

core::Micros changed_in(Form form, std::string_view text) {
    if (form != Form::kJson) return 0;
    const auto json = JsonView::parse(text);
    return json ? std::max<core::Micros>(core::parse_utc(json->at("changed_at").text()), 0) : 0;
}

bool mentions(std::string_view text, std::string_view host) {
    for (auto at = text.find(host); at != std::string_view::npos; at = text.find(host, at + 1)) {
        const bool begins = at == 0 || !is_name_byte(text[at - 1]);
        const bool ends = at + host.size() == text.size() || !is_name_byte(text[at + host.size()]);
        if (begins && ends) return true;
    }
    return false;
}

core::Message check_object_name(std::string_view text) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    const bool fits = !text.empty() && text.size() <= 63 && plain(text.front()) && plain(text.back()) &&
                      std::all_of(text.begin(), text.end(), [&](char c) { return plain(c) || c == '-'; });
    return fits ? "" : "is no name of a Kubernetes object: 1 to 63 of a-z, 0-9 and -, not - at its ends";
}

}  // namespace postern::agent::publish

// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/list_document.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/crypto/digest.h"
#include "agent/endpoint/endpoint_query.h"
#include "agent/text/json_view.h"
#include "agent/text/values.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::json_quote;

constexpr std::string_view kContext = "postern-list/1\n", kBodyFollows = ",\"list\":", kEnd = "\n}\n";
constexpr std::size_t kMaxHead = 4096, kMaxWord = 512;

tl::unexpected<ListRefusal> refused(ListProblem problem, core::Message detail) {
    return tl::unexpected<ListRefusal>(ListRefusal{problem, std::move(detail)});
}

std::string signed_bytes(std::string_view body) {
    return std::string(kContext) + std::string(body);
}

void add_text(std::string& to, const char* name, const std::string& value) {
    if (!value.empty()) to += fmt::format(",\"{}\":{}", name, json_quote(value));
}

std::string endpoint_json(const std::string& id, const EndpointReport& r) {
    std::string out = fmt::format("{{\"{}\":{},\"confirmed_at\":{}", r.search ? "search" : "endpoint", json_quote(id),
                                  json_quote(core::format_utc(r.written_wall_us)));
    if (r.search) {
        std::string parts;
        for (const auto& part : r.parts)
            parts += (parts.empty() ? "\n   " : ",\n   ") + endpoint_json(part.endpoint_id, part);
        return out + ",\"endpoints\":[" + parts + "]}";
    }
    add_text(out, "status", r.status);
    add_text(out, "business_status", r.business_status);
    add_text(out, "connection_status", r.connection_status);
    add_text(out, "service", r.service_name);
    add_text(out, "domain", r.domain);
    if (r.zone_affinity) out += fmt::format(",\"zone_affinity\":{}", *r.zone_affinity);
    std::string zones;
    for (const auto& z : r.zones) {
        std::string zone = fmt::format("{{\"zone\":{}", json_quote(z.zone_id));
        add_text(zone, "status", z.status);
        add_text(zone, "ipv4", z.ipv4 ? z.ipv4->text() : "");
        add_text(zone, "ipv6", z.ipv6 ? z.ipv6->text() : "");
        add_text(zone, "domain", z.domain);
        zones += (zones.empty() ? "\n   " : ",\n   ") + zone + "}";
    }
    return out + ",\"zones\":[" + zones + "]}";
}

/// Reads with one text for the first unexpected value: a list is used whole or not at all.
class BodyReader {
  public:
    std::string wrong;

    std::string word(const JsonView& v, const char* name) {
        const JsonView at = v.at(name);
        std::string text = at.text();
        const bool plain = text.size() <= kMaxWord && std::none_of(text.begin(), text.end(), [](char c) {
                               return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
                           });
        if (!plain || at.is_object() || at.is_array()) note(name);
        return plain ? text : std::string();
    }
    std::string needed(const JsonView& v, const char* name) {
        std::string text = word(v, name);
        if (text.empty()) note(name);
        return text;
    }
    Micros time(const JsonView& v, const char* name) {
        const Micros at = core::parse_utc(v.at(name).text());
        if (at <= 0) note(name);
        return at;
    }
    std::optional<core::IpAddress> address(const JsonView& v, const char* name, bool v6) {
        const std::string text = word(v, name);
        if (text.empty()) return std::nullopt;
        const auto ip = core::IpAddress::parse(text);
        if (!ip || ip->is_v6() != v6) note(name);
        return ip;
    }
    EndpointReport endpoint(const JsonView& v) {
        EndpointReport out{.endpoint_id = needed(v, "endpoint"),
                           .status = word(v, "status"),
                           .business_status = word(v, "business_status"),
                           .connection_status = word(v, "connection_status"),
                           .service_name = word(v, "service"),
                           .domain = word(v, "domain")};
        if (!check_endpoint_id(out.endpoint_id).empty()) note("endpoint");
        out.written_wall_us = time(v, "confirmed_at");
        out.zone_affinity = v.at("zone_affinity").boolean();
        out.listed = true;
        if (!v.at("zones").is_array()) note("zones");
        const auto zones = v.at("zones").items();
        if (zones.size() > kMaxListedZones) note("zones");
        for (const auto& z : zones) {
            if (!wrong.empty()) break;
            ZoneReport zone{.zone_id = word(z, "zone"), .status = word(z, "status"), .domain = word(z, "domain")};
            zone.ipv4 = address(z, "ipv4", false);
            zone.ipv6 = address(z, "ipv6", true);
            out.zones.push_back(std::move(zone));
        }
        return out;
    }
    void read(const JsonView& links, FleetList& out) {
        if (!links.is_array()) return note("links");
        std::size_t count = 0;
        for (const auto& v : links.items()) {
            std::string key = word(v, "search");
            EndpointReport report;
            if (key.empty()) {
                report = endpoint(v);
                key = report.endpoint_id;
            } else {
                report.search = report.listed = true;
                report.endpoint_id = key;
                report.written_wall_us = time(v, "confirmed_at");
                if (!parse_query_key(key)) note("search");
                for (const auto& part : v.at("endpoints").items()) {
                    if (!wrong.empty() || ++count > kMaxListedEndpoints) return note("endpoints");
                    report.parts.push_back(endpoint(part));
                }
            }
            if (++count > kMaxListedEndpoints) note("links");
            if (!wrong.empty()) return;
            if (!out.endpoints.emplace(std::move(key), std::move(report)).second) return note("endpoint");
        }
    }
    void note(const char* name) {
        if (wrong.empty()) wrong = name;
    }
};

tl::expected<FleetList, ListRefusal> read_body(std::string_view body, const std::string& fleet) {
    const auto json = JsonView::parse(body, kMaxListBytes, 8);
    if (!json) return refused(ListProblem::kContent, json.error().what);
    if (const std::string name = json->at("fleet").text(); name != fleet)
        return refused(ListProblem::kFleet, core::message("it is of {}, this host's is {}", shown(name), shown(fleet)));
    BodyReader read;
    FleetList out;
    out.fleet = fleet;
    out.publisher = read.word(*json, "publisher");
    const auto generation = json->at("generation").integer();
    if (!generation || *generation <= 0) read.note("generation");
    out.number.generation = static_cast<std::uint64_t>(generation.value_or(0));
    out.number.written_wall_us = read.time(*json, "written_at");
    out.not_after_wall_us = read.time(*json, "not_after");
    const Micros validity = out.not_after_wall_us - out.number.written_wall_us;
    if (read.wrong.empty() && (validity <= 0 || validity > kLongestValidity)) read.note("not_after");
    if (read.wrong.empty()) read.read(json->at("links"), out);
    if (!read.wrong.empty())
        return refused(ListProblem::kContent, core::message("a value has the wrong form: {}", read.wrong));
    return out;
}

/// The base64 signatures of the head by key.
std::vector<std::pair<std::string, std::string>> signatures_in(const JsonView& head) {
    std::vector<std::pair<std::string, std::string>> out;
    for (const auto& one : head.at("signatures").items()) {
        if (out.size() >= kMaxListSignatures) break;
        out.emplace_back(one.at("key").text(), one.at("signature").text());
    }
    return out;
}

std::string keys_text(const std::vector<std::pair<std::string, std::string>>& signatures) {
    std::string out;
    for (const auto& [key, signature] : signatures)
        core::add_item(out, shown(key.substr(0, 60)));
    return out.empty() ? "none" : out;
}

}  // namespace

std::string_view to_string(ListProblem problem) {
    switch (problem) {
        case ListProblem::kForm:
            return "form";
        case ListProblem::kNewer:
            return "newer";
        case ListProblem::kSignature:
            return "signature";
        case ListProblem::kContent:
            return "content";
        case ListProblem::kFleet:
            return "fleet";
        case ListProblem::kFuture:
            return "future";
        case ListProblem::kExpired:
            return "expired";
        case ListProblem::kOlder:
            return "older";
    }
    return "?";
}

std::string format_list(const FleetList& list) {
    std::string links;
    for (const auto& [id, report] : list.endpoints)
        links += (links.empty() ? "\n  " : ",\n  ") + endpoint_json(id, report);
    return fmt::format(
        "{{\"fleet\":{},\"generation\":{},\"publisher\":{},\n \"written_at\":{},\"not_after\":{},\n \"links\":[{}]}}",
        json_quote(list.fleet), list.number.generation, json_quote(list.publisher),
        json_quote(core::format_utc(list.number.written_wall_us)), json_quote(core::format_utc(list.not_after_wall_us)),
        links);
}

std::string sign_list(std::string_view body, const std::vector<SigningKey>& keys) {
    std::string signatures;
    for (const auto& key : keys) {
        const std::string signature = key.sign(signed_bytes(body));
        if (signature.empty()) return {};
        signatures += fmt::format("{}{{\"key\":{},\"signature\":{}}}", signatures.empty() ? "" : ",",
                                  json_quote(key.public_key().text()), json_quote(to_base64(signature)));
    }
    if (signatures.empty()) return {};
    return fmt::format("{{\"postern_list\":{},\"signatures\":[{}]", kListVersion, signatures) +
           std::string(kBodyFollows) + "\n" + std::string(body) + std::string(kEnd);
}

tl::expected<FleetList, ListRefusal> open_list(std::string_view bytes, const std::vector<PublicKey>& keys,
                                               const std::string& fleet) {
    if (bytes.size() > kMaxListBytes) return refused(ListProblem::kForm, "it is larger than 4 MiB");
    const auto line_end = bytes.substr(0, kMaxHead).find('\n');
    if (line_end == std::string_view::npos) return refused(ListProblem::kForm, "it has no head");
    const std::string_view first = bytes.substr(0, line_end);
    const auto head = JsonView::parse(std::string(first) + "0}", kMaxHead + 16, 4);
    const auto version = head ? head->at("postern_list").integer() : std::nullopt;
    if (!version || *version < kListVersion || !first.ends_with(kBodyFollows))
        return refused(ListProblem::kForm, "it is not a list of postern");
    if (*version > kListVersion)
        return refused(ListProblem::kNewer,
                       core::message("it has version {}, this program reads {}", *version, kListVersion));
    std::string_view body = bytes.substr(line_end + 1);
    if (!body.ends_with(kEnd)) return refused(ListProblem::kForm, "its end is missing");
    body.remove_suffix(kEnd.size());
    const auto signatures = signatures_in(*head);
    const std::string message = signed_bytes(body);
    const bool verified = std::any_of(signatures.begin(), signatures.end(), [&](const auto& one) {
        const auto key = PublicKey::parse(one.first);
        const auto raw = from_base64(one.second);
        return key && raw && std::find(keys.begin(), keys.end(), *key) != keys.end() && key->verifies(message, *raw);
    });
    if (!verified)
        return refused(ListProblem::kSignature, core::message("it names the keys: {}", keys_text(signatures)));
    return read_body(body, fleet);
}

std::optional<ListRefusal> why_not_now(const FleetList& list, const ListNumber& seen, Micros now_wall_us) {
    if (list.number.written_wall_us > now_wall_us + kClockTolerance)
        return ListRefusal{ListProblem::kFuture, core::message("it was written at {}, here it is {}",
                                                               core::format_time(list.number.written_wall_us),
                                                               core::format_time(now_wall_us))};
    if (list.number < seen)
        return ListRefusal{ListProblem::kOlder,
                           core::message("it has generation {} of {}, {} of {} was here before", list.number.generation,
                                         core::format_time(list.number.written_wall_us), seen.generation,
                                         core::format_time(seen.written_wall_us))};
    if (list.expired(now_wall_us))
        return ListRefusal{ListProblem::kExpired,
                           core::message("it was valid until {}", core::format_time(list.not_after_wall_us))};
    return std::nullopt;
}

EndpointReport as_listed(const EndpointReport& r, Micros confirmed_wall_us) {
    EndpointReport out{.endpoint_id = r.endpoint_id,
                       .status = r.status,
                       .business_status = r.business_status,
                       .connection_status = r.connection_status,
                       .service_name = r.service_name,
                       .domain = r.domain,
                       .written_wall_us = confirmed_wall_us,
                       .search = r.search,
                       .zone_affinity = r.zone_affinity,
                       .listed = true};
    for (const auto& part : r.parts)
        out.parts.push_back(as_listed(part, confirmed_wall_us));
    for (const auto& z : r.zones)
        out.zones.push_back({z.zone_id, z.status, z.ipv4, z.ipv6, z.domain, ""});
    return out;
}

bool same_addresses(const FleetList& a, const FleetList& b) {
    const auto plain = [](const FleetList& list) {
        auto out = list.endpoints;
        for (auto& [id, report] : out) {
            report.written_wall_us = 0;
            for (auto& part : report.parts)
                part.written_wall_us = 0;
        }
        return out;
    };
    return a.fleet == b.fleet && plain(a) == plain(b);
}

}  // namespace postern::agent

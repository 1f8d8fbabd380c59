// SPDX-License-Identifier: Apache-2.0
// The snapshot format: one JSON document whose first line has the version and the checksum of the body after it:
// {"postern_snapshot":VERSION,"crc64":…,"bytes":…,"snapshot":\n BODY }
// The checksum covers the body's bytes, so it does not depend on how JSON is printed.
#include <fmt/format.h>

#include <charconv>

#include "agent/discovery/snapshot_store.h"
#include "agent/discovery/source_key.h"
#include "agent/text/json_view.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;
using core::IpAddress;
using core::json_quote;

constexpr std::string_view kEnd = "}\n";
constexpr std::size_t kMaxBytes = 32u << 20;

std::string addresses_json(const EndpointSet& set) {
    std::string out;
    for (const auto& a : set) {
        out += fmt::format("{}{{\"ip\":{},\"zone\":{},\"endpoint\":{}}}", out.empty() ? "" : ",",
                           json_quote(a.ip.text()), json_quote(a.zone), json_quote(a.endpoint));
    }
    return "[" + out + "]";
}

std::string report_json(const EndpointReport& r) {
    std::string zones;
    for (const auto& z : r.zones) {
        zones += fmt::format("{}{{\"zone\":{},\"status\":{},\"ipv4\":{},\"ipv6\":{},\"domain\":{}}}",
                             zones.empty() ? "" : ",", json_quote(z.zone_id), json_quote(z.status),
                             json_quote(z.ipv4 ? z.ipv4->text() : ""), json_quote(z.ipv6 ? z.ipv6->text() : ""),
                             json_quote(z.domain));
    }
    std::string parts;
    for (const auto& part : r.parts)
        parts += (parts.empty() ? "" : ",") + report_json(part);
    if (r.search) parts = ",\"parts\":[" + parts + "]";
    if (r.zone_affinity) parts += fmt::format(",\"zone_affinity\":{}", *r.zone_affinity);
    return fmt::format(
        "{{\"endpoint\":{},\"status\":{},\"business_status\":{},\"connection_status\":{},\"service\":{},\"domain\":{},"
        "\"request_id\":{},\"zones\":[{}]{}}}",
        json_quote(r.endpoint_id), json_quote(r.status), json_quote(r.business_status), json_quote(r.connection_status),
        json_quote(r.service_name), json_quote(r.domain), json_quote(r.request_id), zones, parts);
}

std::string time_json(core::Micros wall_us) {
    return json_quote(wall_us == 0 ? "" : core::format_utc(wall_us));
}

/// Reads with one flag for any unexpected value: a snapshot is used whole or not at all.
class BodyReader {
  public:
    bool ok = true;

    core::Micros time(const JsonView& v) {
        const std::string text = v.text();
        if (text.empty()) return 0;
        const core::Micros t = core::parse_utc(text);
        ok = ok && t >= 0;
        return t;
    }
    std::optional<IpAddress> ip(const JsonView& v) {
        const std::string text = v.text();
        if (text.empty()) return std::nullopt;
        const auto out = IpAddress::parse(text);
        ok = ok && out;
        return out;
    }
    EndpointSet addresses(const JsonView& list) {
        std::vector<EndpointAddress> out;
        ok = ok && list.is_array();
        for (const auto& item : list.items()) {
            const auto address = ip(item.at("ip"));
            if (!address) {
                ok = false;
                continue;
            }
            out.push_back({*address, item.at("zone").text(), item.at("endpoint").text()});
        }
        return make_endpoint_set(std::move(out));
    }
    EndpointReport report(const JsonView& v) {
        EndpointReport out{.endpoint_id = v.at("endpoint").text(),
                           .status = v.at("status").text(),
                           .business_status = v.at("business_status").text(),
                           .connection_status = v.at("connection_status").text(),
                           .service_name = v.at("service").text(),
                           .domain = v.at("domain").text(),
                           .request_id = v.at("request_id").text()};
        ok = ok && v.is_object();
        for (const auto& z : v.at("zones").items()) {
            out.zones.push_back({z.at("zone").text(), z.at("status").text(), ip(z.at("ipv4")), ip(z.at("ipv6")),
                                 z.at("domain").text()});
        }
        out.zone_affinity = v.at("zone_affinity").boolean();
        const JsonView parts = v.at("parts");
        out.search = parts.is_array();
        for (const auto& part : parts.items())
            out.parts.push_back(report(part));
        return out;
    }
};

core::Result<Snapshot> damaged(const core::Message& how) {
    return core::fail(Code::kFileCorrupt, core::message("the snapshot is damaged: {}", how),
                      "it is not used; discovery starts afresh and writes a new one");
}

}  // namespace

std::string format_snapshot(const Snapshot& s) {
    std::string sources, hosts;
    for (const auto& [key, r] : s.sources) {
        sources += fmt::format("{}\n  {}:{{\"confirmed\":{},\"changed\":{},\"addresses\":{},\n    \"report\":{}}}",
                               sources.empty() ? "" : ",", json_quote(key), time_json(r.confirmed_wall_us),
                               time_json(r.changed_wall_us), addresses_json(r.addresses), report_json(r.report));
    }
    for (const auto& [host, addresses] : s.api_hosts) {
        std::string list;
        for (const auto& a : addresses)
            list += (list.empty() ? "" : ",") + json_quote(a.text());
        hosts += fmt::format("{}\n  {}:[{}]", hosts.empty() ? "" : ",", json_quote(host), list);
    }
    const std::string list =
        s.list.generation == 0
            ? std::string()
            : fmt::format(",\n \"list\":{{\"fleet\":{},\"generation\":{},\"written\":{}}}", json_quote(s.list.fleet),
                          s.list.generation, time_json(s.list.written_wall_us));
    const std::string body =
        fmt::format("{{\"region\":{},\"zone\":{},\"written\":{},\n \"sources\":{{{}}},\n \"api_hosts\":{{{}}}{}}}\n",
                    json_quote(s.region), json_quote(s.zone), time_json(s.written_wall_us), sources, hosts, list);
    return fmt::format("{{\"postern_snapshot\":{},\"crc64\":\"{:016x}\",\"bytes\":{},\"snapshot\":\n", kSnapshotVersion,
                       core::crc64(core::as_bytes(body)), body.size()) +
           body + std::string(kEnd);
}

core::Result<Snapshot> parse_snapshot(std::string_view text) {
    const auto line_end = text.find('\n');
    // The head is parsed separately, to distinguish damage from a foreign file.
    const auto header =
        JsonView::parse(std::string(text.substr(0, std::min<std::size_t>(line_end, 4096))) + "0}", 4200, 4);
    const auto version = header ? header->at("postern_snapshot").integer() : std::nullopt;
    if (!version || line_end == std::string_view::npos) {
        return core::fail(Code::kFileCorrupt, "not a snapshot of postern", "it is not used; discovery starts afresh");
    }
    if (*version > kSnapshotVersion) {
        return core::fail(
            Code::kFileCorrupt,
            core::message("the snapshot has version {}, this program reads {}", *version, kSnapshotVersion),
            "it was written by a newer postern; discovery starts afresh");
    }
    std::string_view body = text.substr(line_end + 1);
    if (!body.ends_with(kEnd)) return damaged("its end is missing");
    body.remove_suffix(kEnd.size());
    if (header->at("bytes").integer() != static_cast<std::int64_t>(body.size())) return damaged("its length is wrong");
    if (header->at("crc64").text() != fmt::format("{:016x}", core::crc64(core::as_bytes(body)))) {
        return damaged("its checksum is wrong");
    }
    const auto json = JsonView::parse(body, kMaxBytes, 16);
    if (!json) return damaged(json.error().what);

    BodyReader read;
    Snapshot out;
    out.region = json->at("region").text();
    out.zone = json->at("zone").text();
    out.written_wall_us = read.time(json->at("written"));
    for (const auto& [key, v] : json->at("sources").members()) {
        out.sources[key] = {.addresses = read.addresses(v.at("addresses")),
                            .report = read.report(v.at("report")),
                            .confirmed_wall_us = read.time(v.at("confirmed")),
                            .changed_wall_us = read.time(v.at("changed"))};
    }
    for (const auto& [host, list] : json->at("api_hosts").members()) {
        for (const auto& item : list.items()) {
            if (const auto address = read.ip(item)) out.api_hosts[host].push_back(*address);
        }
    }
    if (const JsonView list = json->at("list"); list.is_object()) {
        const auto generation = list.at("generation").integer();
        read.ok = read.ok && generation && *generation > 0;
        out.list = {list.at("fleet").text(), static_cast<std::uint64_t>(generation.value_or(0)),
                    read.time(list.at("written"))};
    }
    if (!read.ok) return damaged("a field has the wrong form");
    return out;
}

LoadedSnapshot load_snapshot(const std::string& path) {
    LoadedSnapshot out;
    for (const bool previous : {false, true}) {
        const std::string file = previous ? path + ".previous" : path;
        const auto text = core::read_file(file, kMaxBytes);
        if (!text) {
            if (text.error().code != Code::kFileMissing) out.problems.push_back(text.error());
            continue;
        }
        auto snapshot = parse_snapshot(*text);
        if (!snapshot) {
            auto error = snapshot.error();
            error.what = core::message("{}: {}", file, error.what);
            out.problems.push_back(std::move(error));
            out.unusable = out.unusable || !previous;
            continue;
        }
        out.snapshot = std::move(*snapshot);
        out.found = true;
        out.from_previous = previous;
        break;
    }
    return out;
}

}  // namespace postern::agent

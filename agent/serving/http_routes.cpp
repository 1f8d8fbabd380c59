// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/http_routes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>

#include "agent/serving/connections_view.h"
#include "agent/serving/drain_route.h"
#include "agent/serving/fleet_route.h"
#include "agent/serving/history_json.h"
#include "agent/serving/incidents_json.h"
#include "agent/serving/page_reply.h"
#include "agent/text/metrics_writer.h"
#include "agent/text/values.h"

namespace postern::agent {

namespace {

constexpr std::size_t kDefaultRecords = 100;
constexpr std::size_t kMaxRecords = 10000;
constexpr std::size_t kPageRecords = 500;  // looked through for failures
constexpr std::size_t kDefaultIncidents = 100;
constexpr std::size_t kMaxIncidents = 1000;

using Checks = std::vector<HealthCheck>;

/// As in Kubernetes: "ok", or with ?verbose one line per check; ?exclude=NAME skips a check; /readyz/NAME runs one.
HttpReply answer_checks(const HttpQuery& query, std::string_view name, Checks checks, int bad_status) {
    if (!query.rest.empty()) {
        std::erase_if(checks, [&](const HealthCheck& c) { return c.name != query.rest; });
        if (checks.empty())
            return HttpReply::text(404, fmt::format("404: {} has no check {}\n", name, shown(query.rest)));
    }
    std::string notes;
    for (const auto& excluded : query.all("exclude")) {
        if (std::erase_if(checks, [&](const HealthCheck& c) { return c.name == excluded; }) == 0) {
            notes += fmt::format("warn: there is no check {} to exclude\n", shown(excluded));
        }
    }
    const bool good = std::all_of(checks.begin(), checks.end(), [](const HealthCheck& c) { return c.ok; });
    if (good && !query.argument("verbose")) return HttpReply::text(200, "ok");
    std::string body;
    for (const auto& c : checks) {
        body += c.ok ? fmt::format("[+]{} ok\n", c.name) : fmt::format("[-]{} failed: {}\n", c.name, c.reason);
    }
    body += notes + fmt::format("{} check {}\n", name, good ? "passed" : "failed");
    return HttpReply::text(good ? 200 : bad_status, body);
}

HttpReply bad_argument(std::string_view name, std::string_view value, std::string_view expected) {
    return HttpReply::text(400, fmt::format("400: {}={}: expected {}\n", name, shown(value), expected));
}

/// The error reply for an invalid value. A missing argument leaves the time unchanged.
std::optional<HttpReply> take_time(const HttpQuery& query, const char* name, Micros* wall_us) {
    const auto text = query.argument(name);
    if (!text) return std::nullopt;
    const auto ago = parse_duration(*text);
    *wall_us = ago ? core::now_wall_us() - *ago : core::parse_utc(*text);
    if (ago || *wall_us >= 0) return std::nullopt;
    return bad_argument(name, *text, "a time such as 1h or 2026-01-02T03:04:05Z");
}

HttpReply answer_history(const HttpQuery& query, ServedAgent& agent) {
    const std::string link = query.argument("link").value_or(""), ip_text = query.argument("ip").value_or("");
    if (link.empty()) return bad_argument("link", link, "the name of a link");
    const auto ip = core::IpAddress::parse(ip_text);
    if (!ip) return bad_argument("ip", ip_text, "an IP address");
    const std::string resolution_text = query.argument("resolution").value_or("minute");
    if (resolution_text != "minute" && resolution_text != "hour") {
        return bad_argument("resolution", resolution_text, "minute or hour");
    }
    const auto resolution = resolution_text == "hour" ? probe::Resolution::kHour : probe::Resolution::kMinute;
    Micros since_wall_us = 0;
    if (const auto wrong = take_time(query, "since", &since_wall_us)) return *wrong;
    const auto rollups = agent.history(link, *ip, resolution, since_wall_us);
    if (!rollups) return HttpReply::text(404, fmt::format("404: {} of {} has no history\n", ip->text(), shown(link)));
    return HttpReply::json(200, history_json(link, *ip, resolution, *rollups));
}

/// The error reply for an invalid limit. A missing argument leaves it unchanged.
std::optional<HttpReply> take_limit(const HttpQuery& query, std::size_t most, std::size_t* limit) {
    const auto text = query.argument("limit");
    if (!text) return std::nullopt;
    const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), *limit);
    if (ec == std::errc{} && end == text->data() + text->size() && *limit > 0 && *limit <= most) return std::nullopt;
    return bad_argument("limit", *text, fmt::format("a number from 1 to {}", most));
}

HttpReply answer_incidents(const HttpQuery& query, ServedAgent& agent) {
    std::optional<core::IpAddress> ip;
    std::size_t limit = kDefaultIncidents;
    if (const auto text = query.argument("ip")) {
        ip = core::IpAddress::parse(*text);
        if (!ip) return bad_argument("ip", *text, "an IP address");
    }
    if (const auto wrong = take_limit(query, kMaxIncidents, &limit)) return *wrong;
    return HttpReply::json(200, incidents_json(agent.snapshot(), query.argument("link").value_or(""), ip, limit));
}

HttpReply answer_probes(const HttpQuery& query, ServedAgent& agent) {
    probe::RecordFilter filter;
    std::size_t limit = kDefaultRecords;
    filter.link = query.argument("link").value_or("");
    if (const auto ip = query.argument("ip")) {
        filter.ip = core::IpAddress::parse(*ip);
        if (!filter.ip) return bad_argument("ip", *ip, "an IP address");
    }
    if (const auto state = query.argument("state")) {
        filter.state = probe::parse_state(*state);
        if (!filter.state) return bad_argument("state", *state, "up, degraded, down or unknown");
    }
    if (const auto reason = query.argument("reason")) {
        filter.reason = probe::parse_reason(*reason);
        if (!filter.reason) return bad_argument("reason", *reason, "a reason such as tcp_timeout");
    }
    if (const auto wrong = take_time(query, "since", &filter.since_wall_us)) return *wrong;
    if (const auto wrong = take_time(query, "until", &filter.until_wall_us)) return *wrong;
    if (const auto wrong = take_limit(query, kMaxRecords, &limit)) return *wrong;
    std::string body = "{\"schema_version\":1,\"probes\":[";
    bool first = true;
    auto records = agent.records(filter, limit);
    // Newest first by start time; the ring has them by end time.
    std::stable_sort(records.begin(), records.end(),
                     [](const auto& a, const auto& b) { return a.wall_us > b.wall_us; });
    for (const auto& record : records) {
        body += first ? "\n" : ",\n";
        body += probe::to_json(record);
        first = false;
    }
    return HttpReply::json(200, body + "\n]}\n");
}

/// Columns or rows of a terminal: at most 1000, 0 if not given.
std::size_t number_of(const HttpQuery& query, std::string_view name) {
    std::size_t number = 0;
    const std::string text = query.argument(name).value_or("0");
    std::from_chars(text.data(), text.data() + text.size(), number);
    return std::min<std::size_t>(number, 1000);
}

}  // namespace

doctor::Language language_of(const HttpQuery& query) {
    return doctor::parse_language(query.argument("lang").value_or("en")).value_or(doctor::Language::kEnglish);
}

namespace {

/// JSON, or the text of `postern status`, which uses this so that text and agent have the same version.
HttpReply answer_status(const HttpQuery& query, const StatusSnapshot& s) {
    HttpReply reply;
    if (query.argument("view") == "text") {
        reply = HttpReply::text(200, status_text(s, query.argument("colour") == "1", number_of(query, "columns"),
                                                 number_of(query, "rows"), language_of(query)));
    } else {
        reply = HttpReply::json(200, status_json(s));
    }
    reply.headers.emplace_back("X-Postern-Overall", overall_header(s.overall));
    return reply;
}

/// As answer_status().
HttpReply answer_connections(const HttpQuery& query, const StatusSnapshot& s) {
    HttpReply reply =
        query.argument("view") == "text"
            ? HttpReply::text(200, connections_text(s, query.argument("colour") == "1", language_of(query)))
            : HttpReply::json(200, connections_json(s));
    reply.headers.emplace_back("X-Postern-Overall", overall_header(overall_of_connections(s)));
    return reply;
}

/// What was asked for begins after `started`.
HttpReply answer_started(const std::string& started) {
    return HttpReply::json(202, fmt::format("{{\"schema_version\":1,\"started\":\"{}\"}}\n", started));
}

HttpReply answer_health(const StatusSnapshot& s) {
    HttpReply reply{health_http_status(s), "application/health+json", health_json(s), {}};
    reply.headers.emplace_back("Cache-Control", "max-age=2");
    return reply;
}

}  // namespace

std::vector<HttpRoute> make_routes(ServedAgent& a, ProbeRoute& probe, EventStream& stream) {
    const auto livez = [&a](const HttpQuery& q) { return answer_checks(q, "livez", a.live(), 500); };
    const auto readyz = [&a](const HttpQuery& q) {
        return answer_checks(q, "readyz", ready_checks(a.snapshot()), 503);
    };
    std::vector<HttpRoute> routes{
        {"/livez", false, "GET", livez},
        {"/livez/", true, "GET", livez},
        {"/readyz", false, "GET", readyz},
        {"/readyz/", true, "GET", readyz},
        {"/health", false, "GET", [&a](const HttpQuery&) { return answer_health(a.snapshot()); }},
        {"/metrics", false, "GET",
         [&a](const HttpQuery&) {
             return HttpReply{200, std::string(kMetricsType), metrics_text(a.snapshot()), {}};
         }},
        {"/probe", false, "GET", [&probe](const HttpQuery& q) { return probe.answer(q); }},
        {"/api/v1/status", false, "GET", [&a](const HttpQuery& q) { return answer_status(q, a.snapshot()); }},
        {"/api/v1/probes", false, "GET", [&a](const HttpQuery& q) { return answer_probes(q, a); }},
        {"/api/v1/stream", false, "GET", [&stream](const HttpQuery& q) { return stream.answer(q); }},
        {"/api/v1/history", false, "GET", [&a](const HttpQuery& q) { return answer_history(q, a); }},
        {"/api/v1/incidents", false, "GET", [&a](const HttpQuery& q) { return answer_incidents(q, a); }},
        {"/api/v1/refresh", false, "POST",
         [&a](const HttpQuery&) {
             const std::string started = core::format_utc(core::now_wall_us());  // before any of it can start
             a.refresh();
             return answer_started(started);
         }},
        {"/api/v1/connections", false, "GET", [&a](const HttpQuery& q) { return answer_connections(q, a.snapshot()); }},
        {"/api/v1/connections/look", false, "POST",
         [&a](const HttpQuery&) {
             const std::string started = core::format_utc(core::now_wall_us());
             a.look_at_connections();
             return answer_started(started);
         }},
        {"/", false, "GET",
         [&a](const HttpQuery& q) { return status_page(a.snapshot(), q, a.records({}, kPageRecords)); }},
        {"/plain", false, "GET",
         [&a](const HttpQuery& q) {
             return whole_page(a.snapshot(), q, a.records({}, kPageRecords),
                               [&a](const std::string& link, const core::IpAddress& ip, probe::Resolution resolution,
                                    Micros since_wall_us) { return a.history(link, ip, resolution, since_wall_us); });
         }},
        script_route(),
    };
    for (auto& route : drain_routes(a))
        routes.push_back(std::move(route));
    for (auto& route : fleet_routes(a))
        routes.push_back(std::move(route));
    return routes;
}

}  // namespace postern::agent

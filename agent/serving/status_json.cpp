// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/status and `postern status --json`. Keys are only ever added.
#include <nlohmann/json.hpp>

#include "agent/faults/fault_text.h"
#include "agent/faults/reason_text.h"
#include "agent/serving/connections_view.h"
#include "agent/serving/curl_command.h"
#include "agent/serving/fault_json.h"
#include "agent/status/headline.h"
#include "agent/status/path_steps.h"
#include "agent/status/spoken.h"
#include "agent/status/status.h"
#include "agent/status/warning.h"
#include "core/plan.h"
#include "core/printable.h"
#include "probe/record.h"

namespace postern::agent {

namespace {

const doctor::Catalogue& english() {
    return doctor::Catalogue::in(doctor::Language::kEnglish);
}
const doctor::Catalogue& chinese() {
    return doctor::Catalogue::in(doctor::Language::kChinese);
}

/// `texts` of a sentence that is there in English.
Json texts_json(std::string zh) {
    return {{"zh", {{"text", std::move(zh)}}}};
}

template <class List>
Json texts(const List& list) {
    Json out = Json::array();
    for (const auto& item : list)
        out.push_back(item.text());
    return out;
}

Json report_json(const EndpointReport& report) {
    Json zones = Json::array();
    for (const auto& zone : report.zones) {
        zones.push_back({{"zone", zone.zone_id},
                         {"status", zone.status},
                         {"ipv4", zone.ipv4 ? Json(zone.ipv4->text()) : Json(nullptr)},
                         {"ipv6", zone.ipv6 ? Json(zone.ipv6->text()) : Json(nullptr)},
                         {"domain", text_or_null(zone.domain)},
                         {"refused", text_or_null(zone.refused)}});
    }
    return {{"endpoint", report.endpoint_id},
            {"status", report.status},
            {"business_status", report.business_status},
            {"connection_status", report.connection_status},
            {"service_name", text_or_null(report.service_name)},
            {"domain", text_or_null(report.domain)},
            {"zone_affinity", report.zone_affinity ? Json(*report.zone_affinity) : Json(nullptr)},
            {"request_id", text_or_null(report.request_id)},
            {"written", time_or_null(report.written_wall_us)},
            {"zones", std::move(zones)}};
}

/// Of the last minutes; null without a probe in them.
Json share_json(const probe::Share& share) {
    return share.tried == 0 ? Json(nullptr) : Json{{"passed", share.passed}, {"tried", share.tried}};
}

Json source_json(const SourceStatus& source) {
    Json addresses = Json::array();
    for (const auto& a : source.addresses)
        addresses.push_back(a.ip.text());
    return {{"source", source.name},
            {"addresses", std::move(addresses)},
            {"confirmed", time_or_null(source.confirmed_wall_us)},
            {"error", source.error ? Json(source.error->what) : Json(nullptr)}};
}

Json discovery_json(const DiscoveryStatus& d) {
    Json reports = Json::array(), sources = Json::array();
    for (const auto& report : d.reports)
        reports.push_back(report_json(report));
    for (const auto& source : d.sources)
        sources.push_back(source_json(source));
    return {{"known", d.known},
            {"source", d.source},
            {"confirmed", time_or_null(d.confirmed_wall_us)},
            {"asked", time_or_null(d.asked_wall_us)},
            {"changed", time_or_null(d.changed_wall_us)},
            {"request_id", text_or_null(d.request_id)},
            {"waiting_for", text_or_null(d.waiting_for)},
            {"error", d.error ? error_json(*d.error, d.error_since_wall_us) : Json(nullptr)},
            {"endpoints", std::move(reports)},
            {"sources", std::move(sources)}};
}

Json fleet_report_json(const ReportStatus& report, Micros now_wall_us) {
    if (!report.configured) return nullptr;
    const bool written = report.written_wall_us > 0;
    return {{"place", report.place},
            {"fleet", report.fleet},
            {"written", time_or_null(report.written_wall_us)},
            {"age_s", written ? Json((now_wall_us - report.written_wall_us) / core::kSecond) : Json(nullptr)},
            {"writes_total", report.writes},
            {"failures_total", report.failures},
            {"error", report.problem ? error_json(*report.problem, report.trouble_since_wall_us) : Json(nullptr)}};
}

Json list_json(const ListStatus& list, Micros now_wall_us) {
    if (!list.configured) return nullptr;
    Json out = {{"place", list.place},
                {"fleet", list.fleet},
                {"fleet_only", list.only},
                {"answered", time_or_null(list.answered_wall_us)},
                {"newest_generation", list.newest.generation == 0 ? Json(nullptr) : Json(list.newest.generation)},
                {"generation", nullptr},
                {"publisher", nullptr},
                {"written", nullptr},
                {"not_after", nullptr},
                {"age_s", nullptr},
                {"endpoints", nullptr},
                {"error", list.unreachable ? error_json(*list.unreachable, list.trouble_since_wall_us) : Json(nullptr)},
                {"refused", list.refused ? Json{{"reason", to_string(list.refused->problem)},
                                                {"detail", list.refused->detail},
                                                {"since", time_or_null(list.trouble_since_wall_us)}}
                                         : Json(nullptr)}};
    if (!list.list) return out;
    out["generation"] = list.list->number.generation;
    out["publisher"] = text_or_null(list.list->publisher);
    out["written"] = time_or_null(list.list->number.written_wall_us);
    out["not_after"] = time_or_null(list.list->not_after_wall_us);
    out["age_s"] = list.list->age(now_wall_us) / core::kSecond;
    out["endpoints"] = list.list->endpoints.size();
    return out;
}

Json host_dns_json(const HostDnsReport& r) {
    const bool off = r.journal.state == TakeoverState::kOff;
    return {{"state", r.problem.empty() ? Json(to_string(r.journal.state)) : Json("unknown")},
            {"mode", off ? Json(nullptr) : Json(to_string(r.journal.decision.mode))},
            {"since", time_or_null(r.journal.since_wall_us)},
            {"decision", text_or_null(r.journal.decision.line.text())},
            {"answers", r.journal.state == TakeoverState::kOn ? Json(!r.silent) : Json(nullptr)},
            {"path", r.journal.state == TakeoverState::kOn ? Json(to_string(r.seen.state)) : Json(nullptr)},
            {"asks", to_string(r.asks.state)},
            {"text", r.text()},
            {"texts", texts_json(takeover_text(r, chinese()))}};
}

Json result_json(const probe::ProbeResult& r) {
    Json out = {{"ts", time_or_null(r.started_wall_us)},
                {"ok", r.ok},
                {"phase", r.ok || r.phase == probe::Phase::kCount ? Json(nullptr) : Json(probe::to_string(r.phase))},
                {"reason", r.reason == probe::Reason::kNone ? Json(nullptr) : Json(probe::to_string(r.reason))},
                {"detail", text_or_null(r.detail)}};
    for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
        const std::string key = std::string(probe::to_string(static_cast<probe::Phase>(i))) + "_us";
        out[key] = r.phase_us[i] ? Json(*r.phase_us[i]) : Json(nullptr);
    }
    out["total_us"] = r.total_us;
    out["http_status"] = r.http_status ? Json(*r.http_status) : Json(nullptr);
    out["sql_code"] = r.sql_code ? Json(*r.sql_code) : Json(nullptr);
    out["ws_us"] = r.ws_us ? Json(*r.ws_us) : Json(nullptr);
    out["tls_version"] = text_or_null(r.tls_version);
    out["tls_group"] = text_or_null(r.tls_group);
    out["large_hello"] = text_or_null(std::string(probe::to_string(r.large_hello)));
    const auto& c = r.certificate;
    out["certificate"] = !c.present ? Json(nullptr)
                                    : Json{{"subject", c.subject},
                                           {"issuer", c.issuer},
                                           {"names", c.names},
                                           {"fingerprint_sha256", c.fingerprint_sha256},
                                           {"not_after", time_or_null(c.not_after_us)},
                                           {"chain_not_after", time_or_null(c.chain_not_after_us)}};
    return out;
}

Json last_day_json(const probe::Availability& day) {
    return {{"percent", percent(day)},
            {"attempts", day.attempts},
            {"failures", day.failures},
            {"p95_us", day.p95_us > 0 ? Json(day.p95_us) : Json(nullptr)},
            {"since", time_or_null(day.since_wall_us)}};
}

/// `covered_s`: of how much of the 30 days there are probes.
Json last_month_json(const probe::Month& month) {
    return {{"percent", percent(month)},
            {"attempts", month.attempts},
            {"failures", month.failures},
            {"since", time_or_null(month.since_wall_us)},
            {"covered_s", month.covered_us / core::kSecond}};
}

Json address_json(const AddressStatus& a) {
    return {{"ip", a.ip.text()},
            {"zone", text_or_null(a.zone)},
            {"endpoint", text_or_null(a.endpoint)},
            {"state", probe::to_string(a.state)},
            {"path", probe::to_string(a.verdict.path)},
            {"service", probe::to_string(a.verdict.service)},
            {"answered", a.answered},
            {"drained", a.drained},
            {"since", time_or_null(a.since_wall_us)},
            {"streak", a.streak},
            {"rate", share_json(a.rate)},
            {"peers_rate", share_json(a.peers_rate)},
            {"last", a.last ? result_json(*a.last) : Json(nullptr)},
            {"certificate_expiring", a.certificate_expiring},
            {"availability_24h", a.last_day ? last_day_json(*a.last_day) : Json(nullptr)},
            {"availability_30d", a.last_month ? last_month_json(*a.last_month) : Json(nullptr)},
            {"recent", a.recent},
            {"connections_freed", a.connections_freed},
            {"connections", a.connections ? connections_json(*a.connections) : Json(nullptr)}};
}

Json compare_json(const CompareStatus& c) {
    const auto micros = [](const std::optional<Micros>& us) { return us ? Json(*us) : Json(nullptr); };
    return {{"gateway", c.gateway()},
            {"finding", to_string(c.finding)},
            {"text", c.text},
            {"texts", texts_json(chinese().text("compare", c.says, c.values))},
            {"interval_us", c.interval_us},
            {"last_attempt", time_or_null(c.at_wall_us)},
            {"ip", c.ip ? Json(c.ip->text()) : Json(nullptr)},
            {"attempts_total", c.attempts},
            {"failures_total", c.failures},
            {"private_median_us", micros(c.private_median_us)},
            {"public_median_us", micros(c.public_median_us)},
            {"lookup_error", c.lookup_error ? error_json(*c.lookup_error, c.at_wall_us) : Json(nullptr)},
            {"last", c.last ? result_json(*c.last) : Json(nullptr)}};
}

Json vpc_answer_json(const VpcAnswer& a) {
    return {{"finding", to_string(a.finding)},
            {"text", a.text},
            {"texts", texts_json(chinese().text("vpc", a.says, a.values))},
            {"addresses", texts(a.addresses)},
            {"missing", texts(a.missing)},
            {"foreign", texts(a.foreign)},
            {"answered", time_or_null(a.at_wall_us)},
            {"attempts_total", a.attempts},
            {"failures_total", a.failures},
            {"error", a.error ? Json(a.error->what) : Json(nullptr)}};
}

Json one_zone_json(const OneZone& f) {
    return {{"name", f.name},
            {"endpoint", f.endpoint},
            {"zone", f.zone},
            {"others", f.others},
            {"domains", text_or_null(f.domains)},
            {"zone_affinity", f.affinity ? Json(*f.affinity) : Json(nullptr)}};
}

Json finding_json(const CauseFinding& f) {
    const bool has_reason = f.reason != probe::Reason::kNone;
    return {{"code", f.code},
            {"reason", has_reason ? Json(probe::to_string(f.reason)) : Json(nullptr)},
            {"owner", has_reason ? Json(reason_owner(f.reason)) : Json(nullptr)},
            {"ip", text_or_null(f.ip)},
            {"zone", text_or_null(f.zone)},
            {"alike", f.alike}};
}

Json steps_json(const std::vector<PathStep>& steps) {
    Json out = Json::array();
    for (const PathStep& step : steps)
        out.push_back({{"step", step.step},
                       {"state", doctor::severity_of(step.state)},
                       {"text", text_of(step, english())},
                       {"texts", texts_json(text_of(step, chinese()))}});
    return out;
}

Json request_json(const LinkStatus& link) {
    const RequestStatus& r = link.request;
    return {{"server_name", text_or_null(r.server_name)},
            {"path", text_or_null(r.path)},
            {"sql", text_or_null(r.sql)},
            {"ca_file", text_or_null(r.ca_file)},
            {"curl", text_or_null(curl_template(link))}};
}

Json link_json(const StatusSnapshot& s, const LinkStatus& link) {
    Json addresses = Json::array();
    for (const auto& a : link.addresses)
        addresses.push_back(address_json(a));
    return {{"name", link.name},
            {"host", link.host},
            {"port", link.port},
            {"state", probe::to_string(link.state)},
            {"path", probe::to_string(link.path)},
            {"service", probe::to_string(link.service)},
            {"cause", text_or_null(link.cause)},
            {"fix", text_or_null(link.fix)},
            {"kind", probe::to_string(link.kind)},
            {"request", request_json(link)},
            {"policy", to_string(link.policy)},
            {"probing", link.probing},
            {"token_configured", link.token_configured},
            {"token_problem", text_or_null(link.token_problem)},
            {"first_sweep_done", link.first_sweep_done},
            {"answer", texts(link.answer)},
            {"all_down", link.all_down},
            {"answers_total", link.answers},
            {"discovery", discovery_json(link.discovery)},
            {"addresses", std::move(addresses)},
            {"compare", link.compare ? compare_json(*link.compare) : Json(nullptr)},
            {"verify_only", link.verify_only},
            {"vpc_answer", link.vpc_answer ? vpc_answer_json(*link.vpc_answer) : Json(nullptr)},
            {"one_zone", link.one_zone ? one_zone_json(*link.one_zone) : Json(nullptr)},
            {"connections", link.connections ? link_connections_json(*link.connections) : Json(nullptr)},
            {"finding", link.finding ? finding_json(*link.finding) : Json(nullptr)},
            {"steps", steps_json(link_steps(s, link))}};
}

Json queries_json(const core::StatsPage& stats) {
    Json out = Json::object();
    for (std::size_t source = 0; source < static_cast<std::size_t>(core::Source::kCount); ++source) {
        std::uint64_t total = 0;
        for (const auto& row : stats.queries[source]) {
            for (const auto count : row)
                total += count;
        }
        out[std::string(core::to_string(static_cast<core::Source>(source)))] = total;
    }
    return out;
}

Json upstream_json(const UpstreamStatus& u) {
    return {{"address", u.address.text()},  {"srtt_us", u.stats.srtt_us},
            {"sent", u.stats.sent},         {"answered", u.stats.answered},
            {"timeouts", u.stats.timeouts}, {"servfail", u.stats.servfail},
            {"refused", u.stats.refused},   {"network_errors", u.stats.network_errors},
            {"tcp", u.stats.tcp},           {"state", to_string(u.state)}};
}

Json resolver_json(const ResolverStatus& r) {
    const core::StatsPage& stats = r.stats;
    const auto fault = static_cast<core::PlanFault>(stats.plan_refused_fault);
    Json upstreams = Json::array();
    for (const auto& u : r.upstreams)
        upstreams.push_back(upstream_json(u));
    Json out = {{"running", r.running},
                {"managed", r.managed},
                {"pid", r.pid > 0 ? Json(r.pid) : Json(nullptr)},
                {"restarts", r.restarts},
                {"problem", text_or_null(r.problem)},
                {"listen", texts(r.listen)},
                {"plan",
                 {{"published_generation", r.published_generation},
                  {"accepted_generation", r.stats_valid ? Json(stats.plan_accepted_generation) : Json(nullptr)},
                  {"accepted", r.accepted},
                  {"source", r.stats_valid ? Json(core::to_string(static_cast<core::PlanSource>(stats.plan_source)))
                                           : Json(nullptr)},
                  {"refused_total", stats.plans_refused},
                  {"last_refusal", stats.plans_refused > 0 ? Json(core::to_string(fault)) : Json(nullptr)}}},
                {"upstream_source", r.upstream_source},
                {"upstreams", std::move(upstreams)}};
    if (r.stats_valid) {
        out["started"] = time_or_null(stats.started_wall_us);
        out["queries"] = queries_json(stats);
        out["cache"] = {{"entries", stats.cache_entries},
                        {"bytes", stats.cache_bytes},
                        {"hits", stats.cache_hits},
                        {"misses", stats.cache_misses},
                        {"evictions", stats.cache_evictions}};
        out["inflight"] = stats.inflight;
        out["tcp_clients"] = stats.tcp_clients;
    }
    return out;
}

}  // namespace

std::string status_json(const StatusSnapshot& s) {
    Json links = Json::array();
    for (const auto& link : s.links)
        links.push_back(link_json(s, link));
    Json drains = Json::array();
    for (const auto& d : s.drains) {
        drains.push_back({{"target", d.target},
                          {"began", time_or_null(d.began_wall_us)},
                          {"until", time_or_null(d.until_wall_us)},
                          {"reason", text_or_null(d.reason)},
                          {"free", d.free}});
    }
    Json requests = Json::array();
    for (const auto& [key, count] : s.discovery.requests) {
        requests.push_back({{"action", key.first}, {"code", key.second}, {"count", count}});
    }
    Json failures = Json::object();
    for (const auto& [reason, count] : s.probes.failures)
        failures[std::string(probe::to_string(reason))] = count;
    Json warnings = Json::array(), kinds = Json::array();
    for (const auto& fault : s.reported) {
        warnings.push_back(warning_text(fault));
        kinds.push_back(warning_kind(fault));
    }
    Json faults = Json::array();
    for (const auto& fault : s.faults)
        faults.push_back(fault_json(fault));
    const Json out = {
        {"schema_version", 1},
        {"ts", core::format_utc(s.now_wall_us)},
        {"overall", to_string(s.overall)},
        {"headline", s.headline},
        {"headline_link", text_or_null(s.headline_link)},
        {"headline_more", s.headline_more},
        {"texts", {{"zh", {{"headline", headline(s, chinese())}}}}},
        {"version", s.version},
        {"started", time_or_null(s.started_wall_us)},
        {"config",
         {{"path", s.config_path},
          {"loaded", time_or_null(s.config_loaded_wall_us)},
          {"reload_ok", s.config_reload_ok},
          {"problem", text_or_null(s.config_problem)}}},
        {"host",
         {{"name", text_or_null(s.host_name)},
          {"instance", text_or_null(s.instance)},
          {"region", text_or_null(s.region)},
          {"zone", text_or_null(s.host_zone)}}},
        {"steps", steps_json(host_steps(s))},
        {"links", std::move(links)},
        {"resolver", resolver_json(s.resolver)},
        {"host_dns", host_dns_json(s.host_dns)},
        {"discovery",
         {{"last_success", time_or_null(s.discovery.last_success_wall_us)},
          {"changes_total", s.discovery.changes},
          {"list", list_json(s.list, s.now_wall_us)},
          {"report", fleet_report_json(s.report, s.now_wall_us)},
          {"requests", std::move(requests)}}},
        {"probes",
         {{"attempts_total", s.probes.attempts},
          {"missed_total", s.probes.missed},
          {"failures_total", std::move(failures)}}},
        {"connections", looks_json(s.connections)},
        {"warnings", std::move(warnings)},
        {"warning_kinds", std::move(kinds)},
        {"drains", std::move(drains)},
        {"faults", std::move(faults)},
    };
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace postern::agent

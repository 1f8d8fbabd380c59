// SPDX-License-Identifier: Apache-2.0
// GET /health: application/health+json as in draft-inadarei-api-health-check-06. One check object per address.
#include <nlohmann/json.hpp>

#include <algorithm>

#include "agent/faults/fault_text.h"
#include "agent/status/status.h"
#include "agent/status/warning.h"
#include "core/printable.h"

namespace postern::agent {

namespace {

using Json = nlohmann::ordered_json;
using probe::Phase;
using probe::Reason;
using probe::State;

const char* health_word(State state) {
    switch (state) {
        case State::kUp:
            return "pass";
        case State::kDown:
            return "fail";
        case State::kDegraded:
        case State::kUnknown:
            return "warn";
    }
    return "warn";
}

const char* health_word(Overall overall) {
    switch (overall) {
        case Overall::kGood:
            return "pass";
        case Overall::kFailed:
            return "fail";
        case Overall::kDegraded:
        case Overall::kUnknown:
            return "warn";
    }
    return "warn";
}

Json check(const AddressStatus& a, State state, const std::string& output) {
    Json out = {{"componentId", a.ip.text()}, {"componentType", "datastore"}, {"status", health_word(state)}};
    if (!a.zone.empty()) out["zone"] = a.zone;
    if (a.last) out["time"] = core::format_utc(a.last->started_wall_us);
    if (state != State::kUp && !output.empty()) out["output"] = output;
    return out;
}

std::string failure_text(const probe::ProbeResult& r) {
    std::string out(probe::to_string(r.reason));
    if (!r.detail.empty()) out += ": " + r.detail;
    return out;
}

/// The result of the last attempt for the phases up to `step`: passed, failed, or not reached. A failure that has not
/// changed the verdict yet (fall) is a warning.
State step_state(const AddressStatus& a, Phase first, Phase last, State verdict) {
    if (!a.last) return State::kUnknown;
    const auto& r = *a.last;
    if (r.ok || r.phase > last) return State::kUp;
    if (probe::is_local(r.reason)) return State::kUnknown;
    if (r.phase < first) return State::kUnknown;
    return verdict == State::kDown ? State::kDown : State::kDegraded;
}

std::string step_output(const AddressStatus& a, Phase first) {
    if (!a.last) return "not probed yet";
    const auto& r = *a.last;
    if (r.ok) return "";
    if (!probe::is_local(r.reason) && r.phase < first) return "not reached: " + std::string(probe::to_string(r.reason));
    return failure_text(r);
}

/// Of a name that is only verified: what the VPC's DNS answers.
Json vpc_check(const LinkStatus& link) {
    const VpcAnswer& a = *link.vpc_answer;
    const bool agrees = a.finding == VpcFinding::kSame || a.finding == VpcFinding::kFewer;
    const State state = leads_to_down(link) ? State::kDown : agrees ? State::kUp : State::kDegraded;
    Json out = {{"componentType", "component"},
                {"status", health_word(state)},
                {"observedValue", a.addresses.size()},
                {"observedUnit", "addresses"},
                {"verifyOnly", true}};
    if (a.at_wall_us > 0) out["time"] = core::format_utc(a.at_wall_us);
    if (state != State::kUp) out["output"] = a.text;
    return out;
}

void add_link(Json& checks, const LinkStatus& link) {
    Json tcp = Json::array(), tls = Json::array(), sql = Json::array(), time = Json::array();
    for (const auto& a : link.addresses) {
        const State path = a.verdict.path;
        tcp.push_back(check(a, step_state(a, Phase::kConnect, Phase::kConnect, path), step_output(a, Phase::kConnect)));
        tls.push_back(check(a, step_state(a, Phase::kTls, Phase::kTls, path), step_output(a, Phase::kTls)));
        const State asked =
            step_state(a, Phase::kRequest, Phase::kSql, a.verdict.service == State::kDown ? State::kDown : path);
        if (link.asks_service || asked == State::kDown) sql.push_back(check(a, asked, step_output(a, Phase::kRequest)));
        if (!a.last) continue;
        Json one =
            check(a, a.last->ok ? (a.state == State::kDegraded ? State::kDegraded : State::kUp) : State::kUnknown,
                  a.last->ok ? "slow, or its certificate ends soon" : failure_text(*a.last));
        one["observedValue"] = static_cast<double>(a.last->total_us) / 1000;
        one["observedUnit"] = "ms";
        time.push_back(std::move(one));
    }
    const auto add = [&](const char* measurement, Json list) {
        if (!list.empty()) checks[link.name + ":" + measurement] = std::move(list);
    };
    if (link.probing) {
        add("tcp", std::move(tcp));
        if (link.kind != probe::Kind::kTcp) {
            add("tls", std::move(tls));
            add(link.kind == probe::Kind::kTdengine ? "sql" : "http", std::move(sql));
        }
        add("responseTime", std::move(time));
    }

    if (link.vpc_answer) add("vpcAnswer", Json::array({vpc_check(link)}));

    const DiscoveryStatus& d = link.discovery;
    State endpoint =
        link.addresses.empty() ? (d.error || !d.waiting_for.empty() ? State::kDown : State::kUnknown) : State::kUp;
    if (endpoint == State::kUp && (d.error || !d.waiting_for.empty())) endpoint = State::kDegraded;
    Json one = {{"componentType", "component"},
                {"status", health_word(endpoint)},
                {"observedValue", link.addresses.size()},
                {"observedUnit", "addresses"},
                {"source", d.source}};
    if (d.confirmed_wall_us > 0) one["time"] = core::format_utc(d.confirmed_wall_us);
    if (endpoint != State::kUp)
        one["output"] = d.error ? d.error->what : !d.waiting_for.empty() ? d.waiting_for : "not known yet";
    add("endpoint", Json::array({std::move(one)}));
}

void add_dns(Json& checks, const StatusSnapshot& s) {
    const ResolverStatus& r = s.resolver;
    const State state = !r.running ? State::kDown : r.problem.empty() && r.accepted ? State::kUp : State::kDegraded;
    std::uint64_t answered = 0;
    for (const auto& link : s.links)
        answered += link.answer.size();
    Json one = {{"componentType", "component"},
                {"status", health_word(state)},
                {"observedValue", answered},
                {"observedUnit", "addresses"},
                {"time", core::format_utc(s.now_wall_us)}};
    if (state != State::kUp)
        one["output"] = r.problem.empty() ? "the resolver has not loaded the newest plan yet" : r.problem;
    checks["dns:answers"] = Json::array({std::move(one)});
}

/// Whether other names are resolved.
void add_upstreams(Json& checks, const StatusSnapshot& s) {
    const auto fault = std::find_if(s.faults.begin(), s.faults.end(),
                                    [](const Fault& f) { return f.code.starts_with("PN-UPSTREAM-"); });
    const auto& all = s.resolver.upstreams;
    const bool works =
        std::any_of(all.begin(), all.end(), [](const UpstreamStatus& u) { return u.state == UpstreamState::kWorks; });
    const bool bad = fault != s.faults.end();
    const State state = bad     ? (fault->state == doctor::State::kFail ? State::kDown : State::kDegraded)
                        : works ? State::kUp
                                : State::kUnknown;
    Json one = {{"componentType", "component"},
                {"status", health_word(state)},
                {"observedValue", all.size()},
                {"observedUnit", "servers"},
                {"time", core::format_utc(s.now_wall_us)}};
    if (bad) one["output"] = told(*fault, doctor::Catalogue::in(doctor::Language::kEnglish));
    if (!bad && !works) one["output"] = "not known yet";
    checks["upstreams"] = Json::array({std::move(one)});
}

}  // namespace

int health_http_status(const StatusSnapshot& s) {
    return s.overall == Overall::kFailed ? 503 : 200;
}

std::string health_json(const StatusSnapshot& s) {
    Json checks = Json::object();
    add_dns(checks, s);
    add_upstreams(checks, s);
    for (const auto& link : s.links)
        add_link(checks, link);
    Json out = {
        {"status", health_word(s.overall)}, {"version", "1"}, {"releaseId", s.version}, {"serviceId", "postern"}};
    out["description"] = "private DNS names of cloud databases, and whether their addresses lead there";
    Json notes = Json::array();
    for (const auto& link : s.links) {
        if (link.cause.empty()) continue;
        notes.push_back(link.name + ": " + link.cause);
        if (!link.fix.empty()) notes.push_back(link.name + ": next step: " + link.fix);
    }
    for (const auto& fault : s.reported)
        notes.push_back(warning_text(fault));
    if (s.overall != Overall::kGood) {
        out["output"] = s.headline;
        if (!notes.empty()) out["notes"] = std::move(notes);
    }
    out["checks"] = std::move(checks);
    return core::printable_json(out.dump(2, ' ', false, Json::error_handler_t::replace)) + "\n";
}

}  // namespace postern::agent

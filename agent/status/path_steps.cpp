// SPDX-License-Identifier: Apache-2.0
#include "agent/status/path_steps.h"

#include <algorithm>
#include <set>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "core/text.h"

namespace postern::agent {

namespace {

using doctor::catalogued;
using doctor::State;
using probe::Phase;

PathStep made(std::string_view step, State state, std::string_view says, doctor::Values values = {}) {
    return {step, state, says, std::move(values), std::nullopt, ""};
}
PathStep told_by(std::string_view step, const Fault& fault) {
    return {step, fault.state, "", {}, fault, ""};
}
PathStep hidden(std::string_view step, std::string_view by) {
    return made(step, State::kSkip, "because", {{"step", catalogued("path", by)}});
}
std::string text(std::size_t n) {
    return std::to_string(n);
}
doctor::Values part(std::size_t n, std::size_t of) {
    return {{"n", text(n)}, {"of", text(of)}};
}

// This host.

PathStep host_step(const HostDnsReport& r) {
    const auto& j = r.journal;
    if (!r.problem.empty()) return made("host", State::kSkip, "unknown");
    switch (j.state) {
        case TakeoverState::kOn:
            if (r.silent || r.seen.state == PathState::kFails) return made("host", State::kFail, "host_broken");
            if (r.seen.state == PathState::kUnknown) return made("host", State::kSkip, "host_not_seen");
            return made("host", State::kPass, j.decision.mode == Mode::kSplit ? "host_split" : "host_full");
        case TakeoverState::kSuspended:
            return made("host", State::kWarn, "host_suspended");
        case TakeoverState::kTruce:
            return made("host", State::kWarn, "host_truce");
        case TakeoverState::kEnabling:
        case TakeoverState::kDisabling:
            return made("host", State::kWarn, "host_unfinished");
        case TakeoverState::kOff:
            break;
    }
    switch (r.asks.state) {
        case HostAsks::State::kYes:
            return made("host", State::kPass, "host_by_hand");
        case HostAsks::State::kNo:
            return made("host", State::kWarn, "host_unasked");
        case HostAsks::State::kUnknown:
            break;
    }
    return made("host", State::kSkip, "unknown");
}

PathStep resolver_step(const ResolverStatus& r) {
    if (r.fault) return told_by("resolver", *r.fault);
    if (!r.running) return made("resolver", State::kFail, "resolver_stopped");
    if (!r.accepted) return made("resolver", State::kWarn, "resolver_plan");
    return made("resolver", State::kPass, "resolver_runs",
                {{"listen", core::joined(r.listen, [](const auto& a) { return a.text(); })}});
}

/// By what they did in the last five minutes.
PathStep upstreams_step(const ResolverStatus& r) {
    if (!r.running) return hidden("upstreams", "resolver");
    if (r.upstreams.empty()) return made("upstreams", State::kFail, "upstreams_none");
    std::size_t known = 0, bad = 0;
    UpstreamState telling =
        UpstreamState::kUnknown;  // what an answering one does says more than that another is silent
    for (const auto& u : r.upstreams) {
        if (u.state == UpstreamState::kUnknown) continue;
        ++known;
        if (u.state == UpstreamState::kWorks) continue;
        ++bad;
        if (telling == UpstreamState::kUnknown || telling == UpstreamState::kSilent) telling = u.state;
    }
    const std::size_t of = r.upstreams.size();
    if (known == 0) return made("upstreams", State::kSkip, "upstreams_unused");
    if (bad == 0) return made("upstreams", State::kPass, "upstreams_answer", part(known, of));
    doctor::Values values = part(bad, of);
    values["how"] = catalogued("upstream", to_string(telling));
    return made("upstreams", bad == of ? State::kFail : State::kWarn, "upstreams_bad", std::move(values));
}

// A link.

/// Its fault at one of doctor's steps.
const Fault* fault_at(const LinkStatus& link, std::initializer_list<doctor::Step> steps) {
    for (const Fault& f : link.faults) {
        const auto* info = doctor::find_code(f.code);
        if (info != nullptr && f.state != State::kSkip &&
            std::find(steps.begin(), steps.end(), info->step) != steps.end())
            return &f;
    }
    return nullptr;
}

bool asks_api(const DiscoveryStatus& d) {
    if (d.source == "fixed") return false;
    return d.source == "api" || d.sources.empty() ||
           std::any_of(d.sources.begin(), d.sources.end(), [](const SourceStatus& s) {
               return !s.name.starts_with("target:") && !s.name.starts_with("file:");
           });
}

PathStep credentials_step(const LinkStatus& link) {
    const DiscoveryStatus& d = link.discovery;
    if (!asks_api(d)) return made("credentials", State::kSkip, "credentials_no_need");
    if (const Fault* f = fault_at(link, {doctor::Step::kCredentials, doctor::Step::kApi}))
        return told_by("credentials", *f);
    if (d.error) {
        PathStep out = made("credentials", d.known ? State::kWarn : State::kFail, "");
        out.sentence = d.error->what;
        return out;
    }
    if (d.source == "snapshot") return made("credentials", State::kWarn, "credentials_snapshot");
    return d.known ? made("credentials", State::kPass, "credentials_answer")
                   : made("credentials", State::kSkip, "credentials_not_asked");
}

PathStep endpoint_step(const LinkStatus& link) {
    const DiscoveryStatus& d = link.discovery;
    if (d.source == "fixed") return made("endpoint", State::kSkip, "endpoint_fixed");
    if (const Fault* f = fault_at(link, {doctor::Step::kEndpoint})) return told_by("endpoint", *f);
    if (!d.waiting_for.empty()) {
        PathStep out = made("endpoint", State::kFail, "");
        out.sentence = d.waiting_for;
        return out;
    }
    if (!d.known) return asks_api(d) ? hidden("endpoint", "credentials") : made("endpoint", State::kSkip, "unknown");
    for (const auto& report : d.reports) {
        if (!report.connection_status.empty())
            return made("endpoint", State::kPass, "endpoint_state", {{"state", report.connection_status}});
    }
    return made("endpoint", State::kPass, "endpoint_ready", {{"of", text(link.addresses.size())}});
}

PathStep dns_step(const StatusSnapshot& s, const LinkStatus& link) {
    if (link.vpc_answer) {
        const VpcAnswer& a = *link.vpc_answer;
        const bool well = a.finding == VpcFinding::kSame || a.finding == VpcFinding::kFewer;
        if (const Fault* f = fault_at(link, {doctor::Step::kStub, doctor::Step::kSystem})) return told_by("dns", *f);
        const bool unknown = a.finding == VpcFinding::kUnknown || !a.known();
        doctor::Values values = a.values;
        values["text"] = catalogued("vpc", a.says);
        return made("dns", unknown ? State::kSkip : well ? State::kPass : State::kWarn, "dns_vpc", std::move(values));
    }
    if (!s.resolver.running) return hidden("dns", "resolver");
    if (!s.resolver.accepted) return made("dns", State::kWarn, "resolver_plan");
    if (!link.discovery.known && link.addresses.empty()) return hidden("dns", "endpoint");
    if (link.all_down) return made("dns", State::kWarn, "dns_all");
    return made("dns", link.answer.empty() ? State::kFail : State::kPass, "dns_answers",
                part(link.answer.size(), link.addresses.size()));
}

using Probes = std::vector<const probe::ProbeResult*>;

Probes last_probes(const LinkStatus& link) {
    Probes out;
    for (const auto& a : link.addresses) {
        if (a.last) out.push_back(&*a.last);
    }
    return out;
}

/// The rules of a security group can't be read here: a timeout is a reason to look at them.
PathStep group_step(const LinkStatus& link, const Probes& probes) {
    std::size_t timed_out = 0, through = 0;
    for (const auto* r : probes) {
        if (r->reason == probe::Reason::kTcpTimeout) ++timed_out;
        if (r->phase_us[0] && r->phase != Phase::kConnect) ++through;
    }
    if (timed_out > 0)
        return made("group", State::kWarn, timed_out == probes.size() ? "group_suspect" : "group_some",
                    part(timed_out, probes.size()));
    return through > 0 ? made("group", State::kPass, "group_open", {{"port", std::to_string(link.port)}})
                       : made("group", State::kSkip, "group_unseen");
}

struct Stretch {
    std::string_view step;
    Phase first, last;  // of a probe
};
constexpr Stretch kStretches[] = {{"tcp", Phase::kConnect, Phase::kConnect},
                                  {"tls", Phase::kTls, Phase::kTls},
                                  {"http", Phase::kRequest, Phase::kReply},
                                  {"sql", Phase::kSql, Phase::kWs}};

/// How far a probe came: its failed phase, or kCount.
Phase end_of(const probe::ProbeResult& r) {
    return r.ok || r.reason == probe::Reason::kTokenMissing ? Phase::kCount : r.phase;
}

bool beyond(probe::Kind kind, std::string_view step) {
    return step != "tcp" && (kind == probe::Kind::kTcp || (kind == probe::Kind::kHttps && step == "sql"));
}

PathStep stretch_step(const LinkStatus& link, const Probes& probes, const Stretch& at) {
    if (!link.probing) return made(at.step, State::kSkip, "not_probed");
    if (beyond(link.kind, at.step))
        return made(at.step, State::kSkip, "beyond_kind", {{"kind", std::string(probe::to_string(link.kind))}});
    if (at.step == "sql" && !link.asks_service) return made(at.step, State::kSkip, "no_token");
    std::size_t arrived = 0, passed = 0;
    const Stretch* blocked = nullptr;  // where the others were stopped
    for (const auto* r : probes) {
        // A failure of this host itself says nothing of the way.
        if (probe::is_local(r->reason) && r->reason != probe::Reason::kTokenMissing) continue;
        const Phase end = end_of(*r);
        if (end >= at.first) ++arrived;
        if (end > at.last) ++passed;
        for (const Stretch& other : kStretches) {
            if (blocked == nullptr && end >= other.first && end <= other.last && end < at.first) blocked = &other;
        }
    }
    if (arrived == 0)
        return blocked == nullptr ? made(at.step, State::kSkip, "no_probe") : hidden(at.step, blocked->step);
    return made(at.step,
                passed == arrived ? State::kPass
                : passed > 0      ? State::kWarn
                                  : State::kFail,
                "reached", part(passed, arrived));
}

/// "10.0.1.23, 10.0.2.9" of the notes that `matter`, and how many connections they are about.
template <class Matters>
doctor::Values noted(const std::vector<ConnectionNote>& notes, Matters matters, std::uint32_t ConnectionNote::*count) {
    std::size_t n = 0;
    std::set<core::IpAddress> ips;
    for (const auto& note : notes) {
        if (!matters(note)) continue;
        n += note.*count;
        ips.insert(note.ip);
    }
    if (n == 0) return {};
    constexpr std::size_t kTold = 3;
    std::string list;
    for (auto ip = ips.begin(); ip != ips.end() && std::distance(ips.begin(), ip) < std::ptrdiff_t{kTold}; ++ip)
        core::add_item(list, ip->text());
    if (ips.size() > kTold) list += ", …";
    return {{"n", text(n)}, {"ips", list}};
}

/// Of this host's applications. Stuck: what they sent is not acknowledged.
PathStep connections_step(const StatusSnapshot& s, const LinkStatus& link) {
    if (!link.connections || !s.connections.known()) return made("connections", State::kSkip, "connections_unknown");
    const auto& notes = link.connections->notes;
    auto stuck = noted(
        notes, [](const auto& n) { return n.stuck > 0; }, &ConnectionNote::stuck);
    if (!stuck.empty()) return made("connections", State::kWarn, "connections_stuck", std::move(stuck));
    auto left = noted(
        notes, [](const auto& n) { return n.kind == NoteKind::kWithdrawn; }, &ConnectionNote::total);
    if (!left.empty()) return made("connections", State::kWarn, "connections_left", std::move(left));
    auto around = noted(
        notes, [](const auto& n) { return n.kind == NoteKind::kBypass; }, &ConnectionNote::total);
    if (!around.empty()) return made("connections", State::kWarn, "connections_around", std::move(around));
    std::size_t total = 0;
    for (const auto& a : link.addresses) {
        if (a.connections) total += a.connections->all.total();
    }
    return s.connections.complete ? made("connections", State::kPass, "connections_fine", {{"n", text(total)}})
                                  : made("connections", State::kSkip, "connections_part", {{"n", text(total)}});
}

}  // namespace

std::vector<PathStep> host_steps(const StatusSnapshot& s) {
    return {host_step(s.host_dns), resolver_step(s.resolver), upstreams_step(s.resolver)};
}

std::vector<PathStep> link_steps(const StatusSnapshot& s, const LinkStatus& link) {
    const Probes probes = last_probes(link);
    std::vector<PathStep> out{credentials_step(link), endpoint_step(link), dns_step(s, link), group_step(link, probes)};
    for (const Stretch& stretch : kStretches)
        out.push_back(stretch_step(link, probes, stretch));
    out.push_back(connections_step(s, link));
    return out;
}

State worst_of(const std::vector<PathStep>& steps) {
    for (const State state : {State::kFail, State::kWarn, State::kPass}) {
        if (std::any_of(steps.begin(), steps.end(), [=](const PathStep& step) { return step.state == state; }))
            return state;
    }
    return State::kSkip;
}

std::string name_of(const PathStep& step, const doctor::Catalogue& words) {
    return words.text("path", step.step);
}

std::string text_of(const PathStep& step, const doctor::Catalogue& words) {
    if (step.fault) return told(*step.fault, words);
    if (!step.sentence.empty()) return step.sentence;
    return words.text("path", step.says, step.values);
}

}  // namespace postern::agent

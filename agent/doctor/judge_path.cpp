// SPDX-License-Identifier: Apache-2.0
// One link's addresses and their probe results.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/doctor/judge.h"
#include "agent/faults/codes.h"
#include "core/text.h"
#include "probe/detail.h"

namespace postern::agent::doctor {

namespace {

using probe::Phase;
using probe::ProbeResult;

constexpr std::array kWalk = {Step::kTcp, Step::kTls, Step::kHttp, Step::kSql, Step::kWs};

/// The time of the failed phase; for judgements of the reply the total.
core::Micros failed_after(const ProbeResult& r) {
    const auto phase = static_cast<std::size_t>(r.phase);
    return phase < probe::kTimedPhases && r.phase_us[phase] ? *r.phase_us[phase] : r.total_us;
}

Values values_of(const PathSeen& seen, core::Micros now) {
    const ProbeResult& r = seen.result;
    const probe::ProbeSpec& spec = *seen.target.spec;
    Values v = {{"host", spec.host},
                {"name", spec.server_name},
                {"port", std::to_string(spec.port)},
                {"sql", spec.sql},
                {"zone", r.zone},
                {"detail", told_value(probe::found_in(r.detail))},
                {"now", core::format_time(now)},
                {"reason", std::string(to_string(r.reason))}};
    if (seen.target.link.empty()) {  // from the command line: the suggested commands need options
        v["link"] = fmt::format("--host {}{}", spec.host, spec.port == 443 ? "" : fmt::format(" --port {}", spec.port));
    }
    if (r.http_status) v["status"] = std::to_string(*r.http_status);
    if (r.sql_code) v["code"] = std::to_string(*r.sql_code);
    if (r.certificate.present) {
        v["names"] = core::joined(r.certificate.names);
        v["issuer"] = r.certificate.issuer;
        v["from"] = core::format_time(r.certificate.not_before_us);
        v["until"] = core::format_time(r.certificate.not_after_us);
    }
    return v;
}

Finding failure(const PathSeen& seen, core::Micros now, bool let_in) {
    const ProbeResult& r = seen.result;
    Values values = values_of(seen, now);
    values["ms"] = core::in_ms(failed_after(r));
    const bool blocked = let_in && r.reason == probe::Reason::kTcpTimeout;
    const bool large_lost = seen.small_packets_pass.value_or(false);
    const std::string_view ws = seen.target.spec->ws ? "PN-WS-FAILED" : "PN-WS-UNASKED";
    const std::string_view code = r.phase == Phase::kWs ? ws
                                  : blocked             ? "PN-TCP-BLOCKED"
                                  : large_lost          ? "PN-TLS-MTU"
                                                        : code_of(r.reason).code;
    Finding f = found(code, r.link, r.ip.text(), std::move(values));
    f.evidence = {{"reason", std::string(to_string(r.reason))}, {"phase", std::string(to_string(r.phase))}};
    if (!r.detail.empty()) f.evidence.emplace_back("detail", told_value(r.detail));
    if (seen.small_packets_pass)
        f.evidence.emplace_back("handshake_with_mss_536", *seen.small_packets_pass ? "ok" : "failed");
    if (r.certificate.present) f.evidence.emplace_back("fingerprint_sha256", r.certificate.fingerprint_sha256);
    return f;
}

/// The WebSocket of a link whose probes don't ask it: postern's verdicts do without, so that it is no failure of theirs.
Finding unasked_websocket(const PathSeen& seen, core::Micros now) {
    const std::string ip = seen.result.ip.text();
    if (!seen.with_ws) return skipped(Step::kWs, seen.target.link, ip);
    const PathSeen second{seen.target, *seen.with_ws, {}, {}};
    if (second.result.ok) return passed(Step::kWs, seen.target.link, ip, values_of(second, now));
    Finding f = failure(second, now, false);
    if (second.result.phase == Phase::kWs) return f;
    return skipped(Step::kWs, seen.target.link, ip, f.code);  // it did not come as far: nothing is known of it
}

/// The step at which an attempt ended; kCount if it passed.
Step last_step(const PathSeen& seen) {
    if (seen.result.ok) return Step::kCount;
    if (seen.result.phase == Phase::kWs) return Step::kWs;
    return code_of(seen.result.reason).step;
}

bool is_asked(const probe::ProbeSpec& spec, Step step) {
    switch (step) {
        case Step::kTls:
        case Step::kHttp:
            return spec.kind != probe::Kind::kTcp;
        case Step::kSql:
        case Step::kWs:
            return spec.kind == probe::Kind::kTdengine;
        default:
            return true;
    }
}

/// Passes, but slowly or not for long: degraded in the verdict's terms.
void doubts(const PathSeen& seen, Step step, core::Micros now, Findings& out) {
    const ProbeResult& r = seen.result;
    const probe::ProbeSpec& spec = *seen.target.spec;
    Values v = values_of(seen, now);
    if (step == Step::kTls && r.certificate.present &&
        r.certificate.chain_not_after_us < now + spec.expiry_warning_us) {
        v["until"] = core::format_time(r.certificate.chain_not_after_us);
        v["days"] = std::to_string(spec.expiry_warning_us / core::kDay);
        out.push_back(found("PN-TLS-EXPIRING", r.link, r.ip.text(), v));
    }
    if (step == Step::kTls && r.large_hello > probe::HandshakeFate::kPassed) {
        v["fate"] = std::string(to_string(r.large_hello));
        out.push_back(found("PN-TLS-LARGE-HELLO", r.link, r.ip.text(), v));
        out.back().evidence = {{"large_hello", v["fate"]}};
    }
    if (step == Step::kHttp && r.ok && spec.degraded_over_us > 0 && r.total_us > spec.degraded_over_us) {
        v["ms"] = core::in_ms(r.total_us);
        v["limit"] = core::in_ms(spec.degraded_over_us);
        out.push_back(found("PN-HTTP-SLOW", r.link, r.ip.text(), v));
        for (std::size_t phase = 0; phase < probe::kTimedPhases; ++phase) {
            if (r.phase_us[phase])
                out.back().evidence.emplace_back(std::string(to_string(static_cast<Phase>(phase))) + "_ms",
                                                 core::in_ms(*r.phase_us[phase]));
        }
    }
}

Finding address_finding(const std::string& link, const std::vector<PathSeen>& paths) {
    std::vector<std::string> all;
    for (const auto& p : paths)
        all.push_back(p.result.zone.empty() ? p.result.ip.text()
                                            : fmt::format("{} ({})", p.result.ip.text(), p.result.zone));
    return passed(Step::kAddress, link, {}, {{"name", paths[0].target.spec->host}, {"addresses", core::joined(all)}});
}

/// `chosen`: the command line names the address, so that it says nothing about how many there are.
void addresses(const std::string& link, const std::vector<PathSeen>& paths, bool chosen, Findings& out) {
    if (paths.empty()) {
        out.push_back(found("PN-ADDRESS-NONE", link, {}, {}));
        return;
    }
    const std::size_t before = out.size();
    for (const auto& p : paths) {
        if (!p.result.ip.is_private()) out.push_back(found("PN-ADDRESS-PUBLIC", link, p.result.ip.text(), {}));
    }
    if (paths.size() == 1 && !link.empty() && !chosen)
        out.push_back(found("PN-ADDRESS-ONE", link, {}, {{"ip", paths[0].result.ip.text()}}));
    if (out.size() == before) out.push_back(address_finding(link, paths));
}

/// Descriptors, ports, memory.
bool is_of_host(std::string_view code) {
    return code == "PN-LOCAL-FILES" || code == "PN-LOCAL-PORTS" || code == "PN-LOCAL-MEMORY" || code == "PN-API-CLOCK";
}

/// What this host lacks is one finding, however many addresses it kept from being probed.
void one_of_host(Finding f, Findings& out) {
    if (!is_of_host(f.code)) return out.push_back(std::move(f));
    const auto same = std::find_if(out.begin(), out.end(), [&](const auto& other) { return other.code == f.code; });
    if (same != out.end()) {
        core::add_item(same->values["places"], f.ip);
        return;
    }
    f.values["places"] = std::exchange(f.ip, {});
    f.values.erase("ip");
    f.link.clear();
    out.push_back(std::move(f));
}

}  // namespace

namespace {

/// What noticed it the more severely tells it.
void merge(Finding& kept, Finding& other) {
    if (kept.state == State::kWarn && other.state == State::kFail) std::swap(kept, other);
    const auto places = other.values.find("places");
    if (places != other.values.end() && !places->second.empty()) core::add_item(kept.values["places"], places->second);
    kept.values.insert(other.values.begin(), other.values.end());
    kept.evidence.insert(kept.evidence.end(), other.evidence.begin(), other.evidence.end());
}

}  // namespace

void merge_host_limits(Findings& findings) {
    Findings kept;
    for (Finding& f : findings) {
        const bool trouble = f.state == State::kFail || f.state == State::kWarn;
        const bool of_host = trouble && is_of_host(f.code);
        const auto same = std::find_if(kept.begin(), kept.end(), [&](const auto& k) { return k.code == f.code; });
        if (!of_host || same == kept.end())
            kept.push_back(std::move(f));
        else
            merge(*same, f);
    }
    findings = std::move(kept);
}

void allow_what_passes(Findings& findings, const std::vector<PathSeen>& paths) {
    for (Finding& f : findings) {
        if (f.code != "PN-SECURITY-GROUP-443" || f.state != State::kFail) continue;
        bool any = false, all = true;
        for (const PathSeen& p : paths) {
            if (p.target.link != f.link) continue;
            any = true;
            all = all && (p.result.ok || p.result.phase > Phase::kConnect);
        }
        if (any && all) f.state = State::kWarn;
    }
}

Findings judge_path(const std::string& link, const std::vector<PathSeen>& paths, core::Micros now_wall_us, bool let_in,
                    bool chosen) {
    Findings out;
    addresses(link, paths, chosen, out);
    for (const Step step : kWalk) {
        for (const auto& p : paths) {
            const std::string ip = p.result.ip.text();
            if (!is_asked(*p.target.spec, step)) continue;
            const Step end = last_step(p);
            if (step == Step::kWs && end == Step::kCount && !p.target.spec->ws) {
                out.push_back(unasked_websocket(p, now_wall_us));
            } else if (step < end && end != Step::kEnvironment) {
                Values values = values_of(p, now_wall_us);
                values["ms"] = core::in_ms(p.result.phase_us[0].value_or(0));
                const std::size_t before = out.size();
                doubts(p, step, now_wall_us, out);
                if (out.size() == before) out.push_back(passed(step, link, ip, std::move(values)));
            } else if (step == end) {
                out.push_back(failure(p, now_wall_us, let_in));
            } else {
                out.push_back(skipped(step, link, ip, failure(p, now_wall_us, let_in).code));
            }
        }
    }
    for (const auto& p : paths) {
        if (last_step(p) == Step::kEnvironment) one_of_host(failure(p, now_wall_us, let_in), out);
    }
    return out;
}

}  // namespace postern::agent::doctor

// One link's addresses and what a probe of each came to.
#include <fmt/format.h>

#include <algorithm>

#include "agent/doctor/codes.h"
#include "agent/doctor/judge.h"

namespace postern::agent::doctor {

namespace {

using probe::Phase;
using probe::ProbeResult;

constexpr std::array kWalk = {Step::kTcp, Step::kTls, Step::kHttp, Step::kSql, Step::kWs};

std::string ms(core::Micros us) {
    return fmt::format("{:.1f}", static_cast<double>(us) / 1000);
}

std::string date(core::Micros wall_us) {
    return core::format_utc(wall_us).substr(0, 10);
}

std::string joined(const std::vector<std::string>& texts) {
    return fmt::format("{}", fmt::join(texts, ", "));
}

/// The time that the failed phase took; of judgements on the reply the total.
core::Micros failed_after(const ProbeResult& r) {
    const auto phase = static_cast<std::size_t>(r.phase);
    return phase < probe::kTimedPhases && r.phase_us[phase] ? *r.phase_us[phase] : r.total_us;
}

Values values_of(const PathSeen& seen, core::Micros now) {
    const ProbeResult& r = seen.result;
    const probe::ProbeSpec& spec = *seen.target.spec;
    Values v = {{"host", spec.host}, {"name", spec.server_name}, {"port", std::to_string(spec.port)}, {"sql", spec.sql},
                {"zone", r.zone}, {"detail", r.detail}, {"now", date(now)}, {"reason", std::string(to_string(r.reason))}};
    if (r.http_status) v["status"] = std::to_string(*r.http_status);
    if (r.sql_code) v["code"] = std::to_string(*r.sql_code);
    if (r.certificate.present) {
        v["names"] = joined(r.certificate.names);
        v["issuer"] = r.certificate.issuer;
        v["from"] = date(r.certificate.not_before_us);
        v["until"] = date(r.certificate.not_after_us);
    }
    return v;
}

Finding failure(const PathSeen& seen, core::Micros now, bool let_in) {
    const ProbeResult& r = seen.result;
    Values values = values_of(seen, now);
    values["ms"] = ms(failed_after(r));
    const bool blocked = let_in && r.reason == probe::Reason::kTcpTimeout;
    const std::string_view code = r.phase == Phase::kWs ? "PN-WS-FAILED" : blocked ? "PN-TCP-BLOCKED" : code_of(r.reason).code;
    Finding f = found(code, r.link, r.ip.text(), std::move(values));
    f.evidence = {{"reason", std::string(to_string(r.reason))}, {"phase", std::string(to_string(r.phase))}};
    if (!r.detail.empty()) f.evidence.emplace_back("detail", r.detail);
    if (r.certificate.present) f.evidence.emplace_back("fingerprint_sha256", r.certificate.fingerprint_sha256);
    return f;
}

/// The step at which an attempt ended; kCount when it went through.
Step last_step(const PathSeen& seen) {
    if (seen.result.ok) return Step::kCount;
    if (seen.result.phase == Phase::kWs) return Step::kWs;
    return code_of(seen.result.reason).step;
}

bool is_asked(const probe::ProbeSpec& spec, Step step) {
    switch (step) {
        case Step::kTls:
        case Step::kHttp: return spec.kind != probe::Kind::kTcp;
        case Step::kSql: return spec.kind == probe::Kind::kTdengine;
        case Step::kWs: return spec.ws;
        default: return true;
    }
}

Finding address_finding(const std::string& link, const std::vector<PathSeen>& paths) {
    std::vector<std::string> all;
    for (const auto& p : paths)
        all.push_back(p.result.zone.empty() ? p.result.ip.text() : fmt::format("{} ({})", p.result.ip.text(), p.result.zone));
    return passed(Step::kAddress, link, {}, {{"name", paths[0].target.spec->host}, {"addresses", joined(all)}});
}

void addresses(const std::string& link, const std::vector<PathSeen>& paths, Findings& out) {
    if (paths.empty()) {
        out.push_back(found("PN-ADDRESS-NONE", link, {}, {}));
        return;
    }
    const std::size_t before = out.size();
    for (const auto& p : paths) {
        if (!p.result.ip.is_private()) out.push_back(found("PN-ADDRESS-PUBLIC", link, p.result.ip.text(), {}));
    }
    if (paths.size() == 1 && !link.empty())
        out.push_back(found("PN-ADDRESS-ONE", link, {}, {{"ip", paths[0].result.ip.text()}}));
    if (out.size() == before) out.push_back(address_finding(link, paths));
}

}  // namespace

Findings judge_path(const std::string& link, const std::vector<PathSeen>& paths, core::Micros now_wall_us, bool let_in) {
    Findings out;
    addresses(link, paths, out);
    for (const Step step : kWalk) {
        for (const auto& p : paths) {
            const std::string ip = p.result.ip.text();
            if (!is_asked(*p.target.spec, step)) continue;
            const Step end = last_step(p);
            if (step < end && end != Step::kEnvironment) {
                Values values = values_of(p, now_wall_us);
                values["ms"] = ms(p.result.phase_us[0].value_or(0));
                out.push_back(passed(step, link, ip, std::move(values)));
            } else if (step == end) {
                out.push_back(failure(p, now_wall_us, let_in));
            } else {
                out.push_back(skipped(step, link, ip, failure(p, now_wall_us, let_in).code));
            }
        }
    }
    for (const auto& p : paths) {
        if (last_step(p) == Step::kEnvironment) out.push_back(failure(p, now_wall_us, let_in));
    }
    return out;
}

}  // namespace postern::agent::doctor

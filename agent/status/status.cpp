// SPDX-License-Identifier: Apache-2.0
// Judges the whole from its links and all faults. Pure.
#include "agent/status/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/status/headline.h"
#include "agent/text/values.h"
#include "core/plan.h"
#include "core/text.h"

namespace postern::agent {

using doctor::catalogued;
using probe::State;

namespace {

/// Of addresses in [dns] listen that the resolver does not have: the socket unit differs, or one is taken.
std::optional<Fault> listen_fault(const ResolverStatus& r) {
    std::string missing;
    for (std::size_t i = 0; i < r.listen.size() && i < 64; ++i) {
        if ((r.stats.listen_missing >> i & 1) == 0) continue;
        core::add_item(missing, r.listen[i].text());
    }
    if (!r.stats_valid || missing.empty()) return std::nullopt;
    return make_fault("PN-AGENT-LISTEN", {}, {},
                      {{"missing", missing}, {"how", catalogued("listen", r.managed ? "managed" : "socket")}});
}

/// What is wrong with the resolver or the plan, as far as its statistics show it.
std::optional<Fault> resolver_fault(const ResolverStatus& r) {
    if (!r.running) return make_fault("PN-AGENT-RESOLVER", {}, {}, {{"problem", catalogued("resolver", "down_host")}});
    if (r.stats_valid && !r.accepted) {
        const auto fault = static_cast<core::PlanFault>(r.stats.plan_refused_fault);
        if (r.stats.plans_refused > 0 && fault != core::PlanFault::kNone &&
            r.stats.plan_refused_mono_us >= r.stats.plan_accepted_mono_us) {
            return make_fault("PN-AGENT-PLAN-REFUSED", {}, {}, {{"why", std::string(core::to_string(fault))}});
        }
        return make_fault("PN-AGENT-PLAN-LATE");
    }
    return listen_fault(r);
}

/// Unknown, where neither good nor bad is known of the link.
Overall not_known(const LinkStatus& link) {
    const bool vpc = link.vpc_answer && (link.vpc_answer->finding == VpcFinding::kUnknown);
    return vpc || (link.state == State::kUnknown && link.probing) ? Overall::kUnknown : Overall::kGood;
}

Overall overall_of(doctor::State severity) {
    return severity == doctor::State::kFail   ? Overall::kFailed
           : severity == doctor::State::kWarn ? Overall::kDegraded
                                              : Overall::kGood;
}

/// From the sorted faults.
void name_headline(StatusSnapshot& s) {
    std::size_t count = 0;
    s.headline_fault.reset();
    for (const Fault& f : s.faults) {
        const bool counts =
            !doctor::is_remark(f.code) && (f.state != doctor::State::kSkip || s.overall == Overall::kUnknown);
        if (!counts) continue;
        if (!s.headline_fault) s.headline_fault = f;
        ++count;
    }
    s.headline_link = s.headline_fault ? s.headline_fault->link : "";
    s.headline_more = count == 0 ? 0 : count - 1;
    s.headline = headline(s, doctor::Catalogue::in(doctor::Language::kEnglish));
}

void judge_links(StatusSnapshot& s) {
    for (auto& link : s.links)
        judge(link);
    if (!s.resolver.fault) s.resolver.fault = resolver_fault(s.resolver);
}

/// The whole, from its links and the faults of all parts.
void judge_all(StatusSnapshot& s) {
    const auto& words = doctor::Catalogue::in(doctor::Language::kEnglish);
    s.overall = Overall::kGood;
    s.faults.clear();
    for (const auto& link : s.links) {
        s.faults.insert(s.faults.end(), link.faults.begin(), link.faults.end());
        s.overall = worse(s.overall, not_known(link));
    }
    s.resolver.problem = s.resolver.fault ? told(*s.resolver.fault, words) : "";
    if (s.resolver.fault) s.faults.push_back(*s.resolver.fault);
    s.config_problem = s.config_fault ? told(*s.config_fault, words) : "";
    s.config_reload_ok = !s.config_fault;
    if (s.config_fault) s.faults.push_back(*s.config_fault);
    s.faults.insert(s.faults.end(), s.reported.begin(), s.reported.end());
    if (!s.config_path.empty() && s.config_path != kDefaultConfigPath) {
        for (auto* list : {&s.faults, &s.reported}) {
            for (Fault& f : *list)
                f.values.try_emplace("config", s.config_path);
        }
    }
    std::stable_sort(s.faults.begin(), s.faults.end(), doctor::told_before);
    for (const Fault& f : s.faults) {
        if (!doctor::is_remark(f.code)) s.overall = worse(s.overall, overall_of(f.state));
    }
    name_headline(s);
    std::erase_if(s.faults, [](const Fault& f) { return f.state == doctor::State::kSkip; });
}

}  // namespace

std::string drain_text(const DrainStatus& d, Micros now_wall_us, doctor::Language language) {
    const auto& words = doctor::Catalogue::in(language);
    const Micros left = std::max<Micros>(0, d.until_wall_us - now_wall_us);
    const Micros unit = left >= 2 * core::kMinute ? core::kMinute : core::kSecond;
    std::string out = words.text("screen", "drain",
                                 {{"target", d.target},
                                  {"until", core::format_time(d.until_wall_us)},
                                  {"left", format_duration(left / unit * unit)}});
    if (d.free) out += words.text("screen", "drain_free");
    if (!d.reason.empty()) out += words.text("screen", "drain_reason", {{"reason", d.reason}});
    return out;
}

namespace {

double percent(std::uint64_t attempts, std::uint64_t failures) {
    if (attempts == 0) return 0;
    const auto hundredths = (attempts - failures) * 10000 / attempts;  // rounded down: 100 is without a failure
    return static_cast<double>(hundredths) / 100;
}

}  // namespace

double percent(const probe::Availability& a) {
    return percent(a.attempts, a.failures);
}
double percent(const probe::Month& m) {
    return percent(m.attempts, m.failures);
}

void AddressCounters::add(const AddressCounters& other) {
    attempts += other.attempts;
    for (const auto& [reason, count] : other.failures)
        failures[reason] += count;
    for (std::size_t i = 0; i < phases.size(); ++i)
        phases[i].add(other.phases[i]);
}

void judge(StatusSnapshot& s) {
    judge_links(s);
    judge_all(s);
}

FaultNews judge(StatusSnapshot& s, FaultBook& book, Micros now_mono_us) {
    judge_links(s);
    std::vector<Fault> own = std::exchange(s.reported, {});
    for (auto* fault : {&s.resolver.fault, &s.config_fault}) {
        if (*fault) own.push_back(**fault);
    }
    book.settle(own, now_mono_us);
    for (auto* fault : {&s.resolver.fault, &s.config_fault}) {
        if (!*fault) continue;
        const auto settled = std::find_if(own.begin(), own.end(), [&](const Fault& f) { return f.same_as(**fault); });
        if (settled == own.end()) {
            fault->reset();
        } else {
            own.erase(settled);
        }
    }
    s.reported = std::move(own);
    judge_all(s);
    return book.note(s.faults, s.now_wall_us);
}

}  // namespace postern::agent

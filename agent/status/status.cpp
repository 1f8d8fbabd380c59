// SPDX-License-Identifier: Apache-2.0
// Judges addresses, then links, then the whole, and gives the reason in a sentence. Pure.
#include "agent/status/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/faults/reason_text.h"
#include "agent/text/values.h"
#include "core/plan.h"
#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {

using probe::Reason;
using probe::State;

namespace {

std::string place(const AddressStatus& address) {
    return address.zone.empty() ? address.ip.text() : fmt::format("{} ({})", address.ip.text(), address.zone);
}

bool failed_last(const AddressStatus& address) {
    return address.last && !address.last->ok && address.last->reason != Reason::kNone;
}

ReasonContext context_of(const LinkStatus& link, const AddressStatus& address) {
    ReasonContext context;
    context.link = link.name;
    context.host = link.host;
    context.ip = address.ip.text();
    context.port = link.port;
    return context;
}

/// The address that represents the failure - one with the most common reason among the bad ones - and how
/// many share it.
struct Suspect {
    const AddressStatus* address = nullptr;
    std::size_t alike = 0, bad = 0;
};

template <class Bad>
Suspect find_suspect(const LinkStatus& link, Bad bad) {
    Suspect out;
    std::map<Reason, std::size_t> count;
    for (const auto& a : link.addresses) {
        if (!bad(a)) continue;
        ++out.bad;
        if (failed_last(a)) ++count[a.last->reason];
    }
    for (const auto& a : link.addresses) {
        if (!bad(a)) continue;
        const std::size_t n = failed_last(a) ? count[a.last->reason] : 0;
        if (out.address == nullptr || n > out.alike) {
            out.address = &a;
            out.alike = n;
        }
    }
    return out;
}

void explain_suspect(LinkStatus& link, const Suspect& suspect, std::string_view prefix) {
    const AddressStatus& a = *suspect.address;
    const std::string subject = suspect.alike > 1 && suspect.alike == link.addresses.size() ? "every address"
                                : suspect.alike > 1 ? fmt::format("{} and {} more", place(a), suspect.alike - 1)
                                                    : place(a);
    const Reason reason = failed_last(a) ? a.last->reason : Reason::kNone;
    if (reason == Reason::kNone) {
        link.cause = fmt::format("{}{} is down", prefix, subject);
        link.fix = fmt::format("see: postern logs --link {} --state down", link.name);
        return;
    }
    link.finding = {"reason", reason, a.ip.text(), a.zone, suspect.alike};
    link.cause = fmt::format("{}{} {} ({})", prefix, subject, reason_cause(reason, context_of(link, a)),
                             probe::to_string(reason));
    const bool tells_more = a.last->phase != probe::Phase::kConnect;  // otherwise it repeats the reason
    if (tells_more && !a.last->detail.empty() && suspect.alike <= 1) link.cause += ": " + a.last->detail;
    link.fix = reason_fix(reason, context_of(link, a));
}

/// A degraded address: its certificate ends soon, or it is slow.
void explain_degraded(LinkStatus& link, const AddressStatus& a) {
    if (a.partial) {
        const auto& reason = a.last && !a.last->ok ? probe::to_string(a.last->reason) : std::string_view();
        link.finding = {"partial", Reason::kNone, a.ip.text(), a.zone, 1};
        link.cause =
            fmt::format("{} fails in part: {} of its last {} probes passed", place(a), a.rate.passed, a.rate.tried);
        if (a.peers_rate.tried > 0)
            link.cause += fmt::format(", {} of {} at the others", a.peers_rate.passed, a.peers_rate.tried);
        if (!reason.empty()) link.cause += fmt::format("; the last one: {}", reason);
        link.fix = "what fails, and how often? postern logs --since 5m";
        return;
    }
    if (a.last && a.last->ok) {
        if (a.certificate_expiring) {
            const Micros left = a.last->certificate.chain_not_after_us - a.last->started_wall_us;
            link.finding = {"certificate", Reason::kNone, a.ip.text(), a.zone, 1};
            link.cause = fmt::format("the certificate at {} ends in {} days", place(a), left / core::kDay);
            link.fix = "TDengine Cloud has to renew it; tell them now";
            return;
        }
        link.finding = {"slow", Reason::kNone, a.ip.text(), a.zone, 1};
        link.cause = fmt::format("{} is slow: its last probe took {:.0f} ms", place(a),
                                 static_cast<double>(a.last->total_us) / 1000);
    } else {
        link.cause = fmt::format("{} is degraded", place(a));
    }
    link.fix = fmt::format("which phase takes the time? postern probe {} --count 5", link.name);
}

void judge_no_addresses(LinkStatus& link) {
    const DiscoveryStatus& d = link.discovery;
    if (d.error) {
        link.state = link.path = link.verify_only ? State::kUnknown : State::kDown;  // else nothing is answered
        link.finding = {"api_error", Reason::kNone, "", "", 0};
        link.cause = "no address is known, because discovery fails: " + d.error->what;
        link.fix = d.error->hint;
    } else if (!d.waiting_for.empty()) {
        link.state = link.path = link.verify_only ? State::kUnknown : State::kDown;
        link.cause = "no address is ready: " + d.waiting_for;
        link.fix = "postern asks again by itself; at once with: postern refresh";
    } else {
        link.state = link.path = link.service = State::kUnknown;
        link.cause = d.known ? "the endpoint has no addresses" : "its addresses are not known yet";
        link.fix = d.known ? "add a zone to the endpoint in the VPC console, then: postern refresh" : "";
    }
}

/// Problems that the state does not show, or that come on top of it.
void explain(LinkStatus& link) {
    const auto path_down = [](const AddressStatus& a) { return a.verdict.path == State::kDown; };
    const auto service_down = [](const AddressStatus& a) {
        return a.verdict.path != State::kDown && a.verdict.service == State::kDown;
    };
    const Suspect no_path = find_suspect(link, path_down);
    const Suspect no_service = find_suspect(link, service_down);
    if (no_path.bad > 0 && no_path.bad == link.addresses.size()) {
        explain_suspect(link, no_path, "");
        if (link.addresses.size() > 1 && !link.verify_only) link.cause += "; all stay in the answer, as none is better";
    } else if (!link.token_problem.empty()) {
        link.finding = {"token", Reason::kNone, "", "", 0};
        link.cause = link.token_problem;
        link.fix = fmt::format("the file is read again by itself; then: postern probe {}", link.name);
    } else if (no_service.bad > 0) {
        explain_suspect(link, no_service, "");
    } else if (no_path.bad > 0) {
        explain_suspect(link, no_path, "");
    } else if (const auto slow = std::find_if(link.addresses.begin(), link.addresses.end(),
                                              [](const auto& a) { return a.state == State::kDegraded; });
               slow != link.addresses.end()) {
        explain_degraded(link, *slow);
    } else if (link.discovery.error) {
        link.finding = {"api_error", Reason::kNone, "", "", 0};
        link.cause = fmt::format("its addresses are those of {}, because discovery fails: {}",
                                 link.discovery.confirmed_wall_us > 0
                                     ? core::format_utc(link.discovery.confirmed_wall_us).substr(0, 19) + "Z"
                                     : "before",
                                 link.discovery.error->what);
        link.fix = link.discovery.error->hint;
    } else if (!link.discovery.waiting_for.empty()) {
        link.cause = link.discovery.waiting_for;
        link.fix = "postern asks again by itself; at once with: postern refresh";
    } else if (const auto local = std::find_if(link.addresses.begin(), link.addresses.end(),
                                               [](const auto& a) {
                                                   return failed_last(a) && probe::is_local(a.last->reason) &&
                                                          a.last->reason != Reason::kTokenMissing;
                                               });
               local != link.addresses.end()) {
        explain_suspect(link, {&*local, 1, 1}, "");
    }
}

/// What the VPC's DNS answers for a name that is only verified, on top of the state of its addresses.
void explain_vpc_answer(LinkStatus& link) {
    const VpcAnswer& a = *link.vpc_answer;
    const auto say = [&link](const std::string& text) {
        link.cause = link.cause.empty() ? text : text + "; " + link.cause;
    };
    const std::string correct = fmt::format("correct the record of {} in the VPC's DNS", link.host);
    if (leads_to_down(link)) {
        link.state = State::kDown;
        say(a.text + ": all that it answers are down");
        link.fix = correct + ", or set answer = true: postern then answers with what works";
    } else if (a.finding == VpcFinding::kOther || a.finding == VpcFinding::kNoName) {
        say(a.text);
        link.fix = correct;
    } else if (a.finding == VpcFinding::kUnknown && link.cause.empty()) {
        say(a.text);
        if (a.error) link.fix = a.error->hint;
    }
}

Overall overall_of_vpc_answer(const LinkStatus& link) {
    if (!link.vpc_answer) return Overall::kGood;
    switch (link.vpc_answer->finding) {
        case VpcFinding::kOther:
        case VpcFinding::kNoName:
            return Overall::kDegraded;
        case VpcFinding::kSame:
        case VpcFinding::kFewer:
            return Overall::kGood;
        case VpcFinding::kUnknown:
        case VpcFinding::kCount:
            break;
    }
    return Overall::kUnknown;
}

Overall overall_of(const LinkStatus& link) {
    if (link.state == State::kDown) return Overall::kFailed;
    if (link.state == State::kDegraded || link.discovery.error || !link.token_problem.empty())
        return Overall::kDegraded;
    const Overall named = overall_of_vpc_answer(link);
    if (link.state == State::kUnknown && link.probing) return worse(named, Overall::kUnknown);
    return named;
}

/// Addresses in [dns] listen that the resolver does not have: the socket unit differs, or one is taken.
std::string listen_trouble(const ResolverStatus& r) {
    std::string missing;
    for (std::size_t i = 0; i < r.listen.size() && i < 64; ++i) {
        if ((r.stats.listen_missing >> i & 1) == 0) continue;
        core::add_item(missing, r.listen[i].text());
    }
    if (!r.stats_valid || missing.empty()) return "";
    return fmt::format("the resolver does not listen on {}, which [dns] listen names: {}", missing,
                       r.managed ? "its log says why"
                                 : "name the same addresses in postern-resolver.socket (UDP and TCP) and restart it");
}

/// What is wrong with the resolver or the plan; "" if nothing is.
std::string resolver_trouble(const StatusSnapshot& s) {
    const ResolverStatus& r = s.resolver;
    if (!r.problem.empty()) return r.problem;
    if (!r.running) return "postern-resolver is not running: the host's names are not answered by postern";
    if (r.stats_valid && !r.accepted) {
        const auto fault = static_cast<core::PlanFault>(r.stats.plan_refused_fault);
        if (r.stats.plans_refused > 0 && fault != core::PlanFault::kNone &&
            r.stats.plan_refused_mono_us >= r.stats.plan_accepted_mono_us) {
            return fmt::format("the resolver refused the newest plan ({}) and keeps the previous one",
                               core::to_string(fault));
        }
        return "the resolver has not loaded the newest plan yet";
    }
    return listen_trouble(r);
}

std::string good_headline(const StatusSnapshot& s) {
    std::size_t addresses = 0, up = 0, unprobed = 0;
    for (const auto& link : s.links) {
        for (const auto& a : link.addresses) {
            ++addresses;
            if (!link.probing) ++unprobed;
            if (judged_state(link, a) == State::kUp) ++up;
        }
    }
    if (s.links.empty()) return "no links: postern only forwards";
    std::string out = fmt::format("{} {}, {} of {} {} up", s.links.size(), s.links.size() == 1 ? "link" : "links", up,
                                  addresses - unprobed, addresses - unprobed == 1 ? "address" : "addresses");
    if (unprobed > 0) out += fmt::format(", {} not probed", unprobed);
    const auto verified =
        std::count_if(s.links.begin(), s.links.end(), [](const LinkStatus& link) { return link.verify_only; });
    if (verified > 0) out += fmt::format(", {} verify only", verified);
    return out;
}

}  // namespace

std::string drain_text(const DrainStatus& d, Micros now_wall_us) {
    const Micros left = std::max<Micros>(0, d.until_wall_us - now_wall_us);
    const Micros unit = left >= 2 * core::kMinute ? core::kMinute : core::kSecond;
    std::string out = fmt::format("{} until {}Z, for {} more", d.target,
                                  core::format_utc(d.until_wall_us).substr(0, 19), format_duration(left / unit * unit));
    if (d.free) out += ", its idle and stuck connections are ended";
    if (!d.reason.empty()) out += ": " + d.reason;
    return out;
}

double percent(const probe::Availability& a) {
    if (a.attempts == 0) return 0;
    const auto hundredths = (a.attempts - a.failures) * 10000 / a.attempts;  // rounded down: 100 is without a failure
    return static_cast<double>(hundredths) / 100;
}

void AddressCounters::add(const AddressCounters& other) {
    attempts += other.attempts;
    for (const auto& [reason, count] : other.failures)
        failures[reason] += count;
    for (std::size_t i = 0; i < phases.size(); ++i)
        phases[i].add(other.phases[i]);
}

State judged_state(const LinkStatus& link, const AddressStatus& a) {
    return link.asks_service ? a.verdict.overall() : a.verdict.path;
}

bool leads_to_down(const LinkStatus& link) {
    if (!link.vpc_answer || link.vpc_answer->finding != VpcFinding::kFewer) return false;
    return std::all_of(link.addresses.begin(), link.addresses.end(), [&](const AddressStatus& a) {
        return !link.vpc_answer->has(a.ip) || judged_state(link, a) == State::kDown;
    });
}

void judge(LinkStatus& link) {
    link.cause.clear();
    link.fix.clear();
    link.finding.reset();
    link.path = link.service = link.state = State::kUnknown;
    if (link.addresses.empty()) {
        judge_no_addresses(link);
        if (link.vpc_answer) explain_vpc_answer(link);
        return;
    }

    const auto policy = link.policy;
    std::vector<State> path, service, state;
    for (const auto& a : link.addresses) {
        path.push_back(a.verdict.path);
        // If its path is down, an address's service is unknown and says nothing about the database.
        if (a.verdict.path != State::kDown) service.push_back(a.verdict.service);
        state.push_back(judged_state(link, a));
    }
    link.path = probe::link_state(path, policy);
    link.service = probe::link_state(service, policy);
    link.state = probe::link_state(state, policy);
    explain(link);
    if (link.cause.empty() && link.probing && link.state != State::kUp) {
        link.finding = {"first_probes", Reason::kNone, "", "", 0};
        link.cause = "the first probes are under way";
    }
    if (link.vpc_answer) explain_vpc_answer(link);
}

void judge(StatusSnapshot& s) {
    struct Trouble {
        Overall how;
        std::string what, link;
    };
    std::vector<Trouble> troubles;
    s.overall = Overall::kGood;
    const auto trouble = [&](Overall how, std::string what, const std::string& link = {}) {
        s.overall = worse(s.overall, how);
        troubles.push_back({how, std::move(what), link});
    };
    for (auto& link : s.links) {
        judge(link);
        const Overall how = overall_of(link);
        if (how == Overall::kGood) continue;
        trouble(how, fmt::format("{}: {}", link.name, link.cause.empty() ? probe::to_string(link.state) : link.cause),
                link.name);
    }
    if (std::string what = resolver_trouble(s); !what.empty()) {
        if (s.resolver.problem.empty()) s.resolver.problem = what;
        trouble(s.resolver.running ? Overall::kDegraded : Overall::kFailed, std::move(what));
    }
    if (!s.config_reload_ok) trouble(Overall::kDegraded, s.config_problem);
    for (const auto& warning : s.warnings) {
        if (warning.degrades()) trouble(Overall::kDegraded, warning.text);
    }
    s.headline_link.clear();
    s.headline_more = troubles.empty() ? 0 : troubles.size() - 1;
    if (troubles.empty()) {
        s.headline = good_headline(s);
        return;
    }
    const auto worst =
        std::find_if(troubles.begin(), troubles.end(), [&](const auto& t) { return t.how == s.overall; });
    s.headline = worst->what;
    s.headline_link = worst->link;
    if (s.headline_more > 0) s.headline += fmt::format(" (and {} more)", s.headline_more);
}

}  // namespace postern::agent

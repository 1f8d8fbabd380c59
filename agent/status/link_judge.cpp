// SPDX-License-Identifier: Apache-2.0
// Judges the addresses of a link, then the link, and gives its faults. Pure.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/status/status.h"
#include "core/text.h"
#include "probe/verdict.h"

namespace postern::agent {

using doctor::catalogued;
using probe::Reason;
using probe::State;
using Severity = doctor::State;

namespace {

bool failed_last(const AddressStatus& address) {
    return address.last && !address.last->ok && address.last->reason != Reason::kNone;
}

/// About `count` addresses alike, of which `a` is shown.
Fault about(const LinkStatus& link, const AddressStatus& a, std::size_t alike, std::string_view code,
            doctor::Values values = {}) {
    values.insert({{"ip", a.ip.text()},
                   {"zone", a.zone},
                   {"place", a.zone.empty() ? a.ip.text() : fmt::format("{} ({})", a.ip.text(), a.zone)},
                   {"host", link.host},
                   {"port", std::to_string(link.port)},
                   {"alike", std::to_string(alike)}});
    if (alike > 1) {
        const bool every = alike == link.addresses.size();
        values.insert({{"subject", every ? "every" : "more"},
                       {"more", std::to_string(alike - 1)},
                       {"count", std::to_string(alike)}});
    }
    return make_fault(code, link.name, alike > 1 ? "" : a.ip.text(), std::move(values));
}

/// One for each way in which the bad addresses failed last, the most common first.
template <class Bad>
void failed_addresses(const LinkStatus& link, Severity severity, Bad bad, std::vector<Fault>& out) {
    struct Group {
        Reason reason;
        const AddressStatus* first;
        std::size_t alike;
    };
    std::vector<Group> groups;
    for (const auto& a : link.addresses) {
        if (!bad(a)) continue;
        const Reason reason = failed_last(a) ? a.last->reason : Reason::kNone;
        const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.reason == reason; });
        if (same == groups.end()) {
            groups.push_back({reason, &a, 1});
        } else {
            ++same->alike;
        }
    }
    std::stable_sort(groups.begin(), groups.end(), [](const Group& a, const Group& b) {
        return std::pair(a.reason != Reason::kNone, a.alike) > std::pair(b.reason != Reason::kNone, b.alike);
    });
    for (const auto& group : groups) {
        const AddressStatus& a = *group.first;
        if (group.reason == Reason::kNone) {
            out.push_back(about(link, a, group.alike, "PN-ADDRESS-DOWN"));
        } else {
            doctor::Values values;
            const bool tells_more = a.last->phase != probe::Phase::kConnect;  // otherwise it repeats the reason
            if (tells_more && group.alike == 1) values["detail"] = doctor::told_value(a.last->detail);
            values["ms"] = fmt::format("{:.0f}", static_cast<double>(a.last->total_us) / 1000);
            out.push_back(about(link, a, group.alike, doctor::code_of(group.reason).code, std::move(values)));
        }
        out.back().state = severity;
    }
}

Fault partial(const LinkStatus& link, const AddressStatus& a, std::size_t alike) {
    doctor::Values values = {{"passed", std::to_string(a.rate.passed)}, {"tried", std::to_string(a.rate.tried)}};
    if (a.peers_rate.tried > 0) {
        values["peers"] = catalogued("partial", "peers");
        values["peers_passed"] = std::to_string(a.peers_rate.passed);
        values["peers_tried"] = std::to_string(a.peers_rate.tried);
    }
    if (failed_last(a)) {
        values["last"] = catalogued("partial", "last");
        values["reason"] = probe::to_string(a.last->reason);
    }
    return about(link, a, alike, "PN-ADDRESS-PARTIAL", std::move(values));
}

/// A part of its probes fails, its certificate ends soon, or it is slow.
Fault degraded(const LinkStatus& link, const AddressStatus& a) {
    if (a.partial) return partial(link, a, 1);
    if (!a.last || !a.last->ok) return about(link, a, 1, "PN-ADDRESS-DEGRADED");
    if (a.certificate_expiring) {
        const auto& until = a.last->certificate.chain_not_after_us;
        return about(link, a, 1, "PN-TLS-EXPIRING",
                     {{"left", std::to_string((until - a.last->started_wall_us) / core::kDay)},
                      {"until", core::format_time(until)}});
    }
    return about(link, a, 1, "PN-HTTP-SLOW",
                 {{"ms", fmt::format("{:.0f}", static_cast<double>(a.last->total_us) / 1000)}});
}

/// One of each kind, about the first address that has it.
void degraded_addresses(const LinkStatus& link, std::vector<Fault>& out) {
    const auto begin = static_cast<std::ptrdiff_t>(out.size());
    for (const auto& a : link.addresses) {
        if (a.state != State::kDegraded || a.verdict.path == State::kDown || a.verdict.service == State::kDown)
            continue;
        Fault f = degraded(link, a);
        const auto same =
            std::find_if(out.begin() + begin, out.end(), [&](const auto& other) { return other.code == f.code; });
        if (same == out.end()) out.push_back(std::move(f));
    }
}

Fault discovery_fails(const LinkStatus& link, std::string_view code) {
    const DiscoveryStatus& d = link.discovery;
    if (d.error->code == core::Code::kCredentialsMissing) code = "PN-CREDENTIALS-NONE";
    const bool known = d.confirmed_wall_us > 0;
    doctor::Values values = {{"problem", doctor::told_value(d.error->what)},
                             {"hint", doctor::told_value(d.error->hint)},
                             {"why", catalogued("none", "error")},
                             {"told", catalogued("discovery", known ? "kept" : "kept_before")}};
    if (known) values["confirmed"] = core::format_time(d.confirmed_wall_us);
    if (!link.addresses.empty()) values["why"] = values["told"];
    Fault f = make_fault(code, link.name, {}, std::move(values));
    f.state = link.addresses.empty() ? Severity::kFail : Severity::kWarn;
    return f;
}

Fault unknown(Fault fault) {
    fault.state = Severity::kSkip;
    return fault;
}

void judge_no_addresses(LinkStatus& link) {
    const DiscoveryStatus& d = link.discovery;
    if (d.error || !d.waiting_for.empty()) {
        link.state = link.path = link.verify_only ? State::kUnknown : State::kDown;  // else nothing is answered
        Fault f =
            d.error
                ? discovery_fails(link, "PN-ADDRESS-NONE")
                : make_fault("PN-ADDRESS-NONE", link.name, {},
                             {{"problem", doctor::told_value(d.waiting_for)}, {"why", catalogued("none", "waiting")}});
        if (link.verify_only) f.state = d.error ? Severity::kWarn : Severity::kSkip;
        link.faults.push_back(std::move(f));
    } else if (d.known) {
        link.faults.push_back(unknown(make_fault("PN-ADDRESS-EMPTY", link.name)));
    } else {
        link.faults.push_back(
            unknown(make_fault("PN-ADDRESS-STARTING", link.name, {}, {{"what", catalogued("starting", "addresses")}})));
    }
}

void judge_addresses(LinkStatus& link) {
    const auto path_down = [](const AddressStatus& a) { return a.verdict.path == State::kDown; };
    const auto service_down = [](const AddressStatus& a) {
        return a.verdict.path != State::kDown && a.verdict.service == State::kDown;
    };
    const auto local = [](const AddressStatus& a) {
        return failed_last(a) && probe::is_local(a.last->reason) && a.last->reason != Reason::kTokenMissing;
    };
    auto& out = link.faults;
    const Severity severity = link.state == State::kDown ? Severity::kFail : Severity::kWarn;
    const bool no_path = std::all_of(link.addresses.begin(), link.addresses.end(), path_down);
    if (no_path) {
        failed_addresses(link, severity, path_down, out);
        if (link.addresses.size() > 1 && !link.verify_only) out.front().values["also"] = "all_stay";
    }
    if (!link.token_problem.empty()) {
        out.push_back(
            make_fault("PN-CONFIG-TOKEN", link.name, {}, {{"problem", doctor::told_value(link.token_problem)}}));
        out.back().state = Severity::kWarn;
    }
    if (link.asks_service) failed_addresses(link, severity, service_down, out);
    if (!no_path) failed_addresses(link, severity, path_down, out);
    degraded_addresses(link, out);
    if (link.discovery.error) {
        out.push_back(discovery_fails(link, "PN-AGENT-DISCOVERY"));
    } else if (!link.discovery.waiting_for.empty()) {
        out.push_back(unknown(make_fault("PN-ADDRESS-WAITING", link.name, {},
                                         {{"problem", doctor::told_value(link.discovery.waiting_for)}})));
    }
    if (out.empty()) failed_addresses(link, Severity::kSkip, local, out);
    if (out.empty() && link.probing && link.state != State::kUp) {
        out.push_back(
            unknown(make_fault("PN-ADDRESS-STARTING", link.name, {}, {{"what", catalogued("starting", "probes")}})));
    }
}

/// What the VPC's DNS answers for a name that is only verified, on top of the state of its addresses.
void judge_vpc(LinkStatus& link) {
    const VpcAnswer& a = *link.vpc_answer;
    doctor::Values values = a.values;
    values["name"] = link.host;
    values["answer"] = catalogued("vpc", a.says);
    const auto first = [&](std::string_view code) {
        link.faults.insert(link.faults.begin(), make_fault(code, link.name, {}, std::move(values)));
    };
    if (leads_to_down(link)) {
        link.state = State::kDown;
        first("PN-VPC-DOWN");
    } else if (a.finding == VpcFinding::kOther) {
        first("PN-STUB-VPC");
    } else if (a.finding == VpcFinding::kNoName) {
        first("PN-VPC-NO-NAME");
    } else if (a.finding == VpcFinding::kUnknown && link.faults.empty()) {
        if (a.error) values["hint"] = doctor::told_value(a.error->hint);
        first("PN-VPC-UNKNOWN");
        link.faults.front().state = Severity::kSkip;
    }
}

/// CauseFinding's code of a fault; "" where it has none.
std::string_view finding_code(const Fault& fault) {
    static const std::map<std::string_view, std::string_view> kCodes = {
        {"PN-CONFIG-TOKEN", "token"},         {"PN-ADDRESS-PARTIAL", "partial"},
        {"PN-TLS-EXPIRING", "certificate"},   {"PN-HTTP-SLOW", "slow"},
        {"PN-AGENT-DISCOVERY", "api_error"},  {"PN-ADDRESS-NONE", "api_error"},
        {"PN-CREDENTIALS-NONE", "api_error"}, {"PN-ADDRESS-STARTING", "first_probes"}};
    const auto* info = doctor::find_code(fault.code);
    if (info != nullptr && info->reason) return "reason";
    const auto found = kCodes.find(fault.code);
    return found == kCodes.end() ? "" : found->second;
}

void name_cause(LinkStatus& link) {
    if (link.faults.empty()) return;
    const auto& words = doctor::Catalogue::in(doctor::Language::kEnglish);
    const Fault& first = link.faults.front();
    link.cause = told(first, words);
    link.fix = fix_of(first, words);
    const auto code = finding_code(first);
    if (code.empty()) return;
    CauseFinding f{code, Reason::kNone, doctor::value_of(first, "ip"), doctor::value_of(first, "zone"), 0};
    if (code == "reason") f.reason = *doctor::find_code(first.code)->reason;
    f.alike = std::strtoul(doctor::value_of(first, "alike").c_str(), nullptr, 10);
    link.finding = std::move(f);
}

}  // namespace

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
    link.faults.clear();
    link.path = link.service = link.state = State::kUnknown;
    if (link.addresses.empty()) {
        judge_no_addresses(link);
    } else {
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
        judge_addresses(link);
    }
    if (link.vpc_answer) judge_vpc(link);
    std::stable_sort(link.faults.begin(), link.faults.end(), doctor::told_before);
    name_cause(link);
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/status/reported.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "agent/faults/catalogue.h"
#include "agent/hostdns/truce.h"
#include "core/text.h"

namespace postern::agent {

using doctor::catalogued;

namespace {

std::string list_of(const std::vector<core::SocketAddress>& servers) {
    return core::joined(servers, [](const auto& server) { return server.host(); });
}

std::string_view upstream_code(UpstreamState state) {
    switch (state) {
        case UpstreamState::kUnknown:
        case UpstreamState::kWorks:
            break;
        case UpstreamState::kSilent:
            return "PN-UPSTREAM-SILENT";
        case UpstreamState::kRefused:
            return "PN-UPSTREAM-REFUSED";
        case UpstreamState::kServfail:
            return "PN-UPSTREAM-SERVFAIL";
        case UpstreamState::kNoNames:
            return "PN-UPSTREAM-NXDOMAIN";
        case UpstreamState::kOneAddress:
            return "PN-UPSTREAM-ONE-ADDRESS";
    }
    return "";
}

std::optional<Fault> takeover_fault(const HostDnsReport& r) {
    const Journal& j = r.journal;
    doctor::Values v = {{"listen", j.target.listen.text()},
                        {"writer", j.writer.empty() ? "-" : j.writer},
                        {"names", catalogued("names", j.decision.mode == Mode::kSplit ? "split" : "full")},
                        {"takeover", catalogued("takeover", to_string(j.state))},
                        {"servers", "-"}};
    if (j.since_wall_us != 0) v["since"] = core::format_time(j.since_wall_us);
    if (!r.problem.empty())
        return make_fault("PN-RESOLV-JOURNAL", {}, {}, {{"problem", doctor::told_value(r.problem)}});
    switch (j.state) {
        case TakeoverState::kOff:
            return std::nullopt;
        case TakeoverState::kOn:
            if (r.silent) return make_fault("PN-RESOLV-SILENT", {}, {}, std::move(v));
            if (r.seen.state != PathState::kFails) return std::nullopt;
            v["problem"] = doctor::told_value(r.seen.problem());
            return make_fault("PN-RESOLV-BROKEN", {}, {}, std::move(v));
        case TakeoverState::kSuspended:
            v["why"] = j.why.empty() ? catalogued("takeover", "no_answer") : doctor::told_value(j.why);
            return make_fault("PN-RESOLV-SUSPENDED", {}, {}, std::move(v));
        case TakeoverState::kTruce:
            if (j.writer.empty()) v["writer"] = catalogued("takeover", "another");
            v["until"] = core::format_time(truce_end(j));
            return make_fault("PN-RESOLV-TRUCE", {}, {}, std::move(v));
        case TakeoverState::kEnabling:
        case TakeoverState::kDisabling:
            break;
    }
    v["takeover"] = catalogued("takeover", j.state == TakeoverState::kEnabling ? "enabling_now" : "disabling_now");
    return make_fault("PN-RESOLV-UNFINISHED", {}, {}, std::move(v));
}

Fault hosts_fault(const HostsLine& line, const std::vector<LinkStatus>& links) {
    const auto ip = core::IpAddress::parse(line.text.substr(0, line.text.find_first_of(" \t")));
    const auto link = std::find_if(links.begin(), links.end(), [&](const auto& l) { return l.host == line.name; });
    const bool right = ip && link != links.end() &&
                       std::any_of(link->addresses.begin(), link->addresses.end(),
                                   [&](const AddressStatus& a) { return a.ip == *ip; });
    return make_fault(
        line.reversed ? "PN-HOSTS-REVERSED"
        : right       ? "PN-HOSTS-FROZEN"
                      : "PN-HOSTS-SHADOW",
        {}, {},
        {{"line", std::to_string(line.line)}, {"name", line.name}, {"text", line.text}, {"repair", line.fix()}});
}

}  // namespace

std::optional<Fault> config_fault(const ConfigTrouble& trouble, const std::string& file) {
    const bool last_good = trouble.kind == ConfigTrouble::Kind::kLastGood;
    switch (trouble.kind) {
        case ConfigTrouble::Kind::kNone:
            return std::nullopt;
        case ConfigTrouble::Kind::kRestart:
            return make_fault("PN-CONFIG-RESTART");
        case ConfigTrouble::Kind::kLastGood:
        case ConfigTrouble::Kind::kNotReloaded:
            break;
    }
    doctor::Values v = {{"what", catalogued("refused", last_good ? "last_good" : "not_reloaded")},
                        {"problem", doctor::told_value(trouble.mistake)},
                        {"file", file}};
    if (trouble.more > 0) {
        v["also"] = "mistakes";
        v["more"] = std::to_string(trouble.more);
    }
    return make_fault("PN-CONFIG-REFUSED", {}, {}, std::move(v));
}

Fault remark_on(const ConfigIssue& issue, const std::string& file) {
    return make_fault("PN-CONFIG-WARNING", {}, {},
                      {{"where", doctor::told_value(format_issue(file, issue))},
                       {"problem", doctor::told_value(core::message("{}: {}", issue.key, issue.what))},
                       {"key", issue.key},
                       {"file", file}});
}

Fault ca_file_fault(const std::string& file, const core::Message& problem, bool kept, const std::string& config) {
    Fault f = make_fault("PN-CONFIG-CA", {}, {},
                         {{"file", file.empty() ? catalogued("words", "system_store") : file},
                          {"problem", doctor::told_value(problem)},
                          {"config", config},
                          {"also", kept ? "ca_kept" : ""}});
    if (kept) f.state = doctor::State::kWarn;
    return f;
}

Fault clock_fault(const core::Message& problem) {
    Fault f = make_fault("PN-API-CLOCK", {}, {},
                         {{"problem", doctor::told_value(problem)}, {"and", catalogued("clock", "corrected")}});
    f.state = doctor::State::kWarn;
    return f;
}

Fault doubt_about_discovery(const core::Message& problem) {
    return make_fault("PN-AGENT-DISCOVERY", {}, {},
                      {{"problem", doctor::told_value(problem)}, {"told", catalogued("discovery", "doubt")}});
}

std::vector<Fault> list_faults(const ListStatus& list, Micros now_wall_us) {
    std::vector<Fault> out;
    if (!list.configured) return out;
    doctor::Values v = {{"place", list.place}, {"fleet", list.fleet}};
    if (list.trouble_since_wall_us != 0) v["since"] = core::format_time(list.trouble_since_wall_us);
    if (list.unreachable) {
        v["problem"] = doctor::told_value(list.unreachable->what);
        v["hint"] = doctor::told_value(list.unreachable->hint);
        out.push_back(make_fault("PN-LIST-UNREACHABLE", {}, {}, v));
    }
    if (list.refused) {
        v["why"] = catalogued("list", to_string(list.refused->problem));
        v["problem"] = doctor::told_value(list.refused->detail);
        out.push_back(make_fault("PN-LIST-REFUSED", {}, {}, v));
    }
    const Micros now = now_wall_us;
    if (list.list && (list.list->expired(now) || list.list->old(now))) {
        v["written"] = core::format_time(list.list->number.written_wall_us);
        v["until"] = core::format_time(list.list->not_after_wall_us);
        v["publisher"] = list.list->publisher.empty() ? "-" : list.list->publisher;
        v["why"] = catalogued("list", list.list->expired(now) ? "past" : "old");
        out.push_back(make_fault("PN-LIST-OLD", {}, {}, v));
    }
    return out;
}

std::optional<Fault> report_fault(const ReportStatus& report) {
    if (!report.configured || !report.problem) return std::nullopt;
    return make_fault("PN-REPORT-UNWRITTEN", {}, {},
                      {{"place", report.place},
                       {"fleet", report.fleet},
                       {"problem", doctor::told_value(report.problem->what)},
                       {"hint", doctor::told_value(report.problem->hint)}});
}

Fault config_older(const std::string& file, Micros loaded_wall_us, Micros changed_wall_us) {
    return make_fault("PN-CONFIG-OLDER", {}, {},
                      {{"file", file},
                       {"loaded", core::format_time(loaded_wall_us)},
                       {"changed", core::format_time(changed_wall_us)}});
}

std::optional<Fault> upstream_fault(const std::vector<UpstreamSeen>& upstreams) {
    if (upstreams.empty()) return std::nullopt;
    std::string servers, how;
    for (const UpstreamSeen& u : upstreams) {
        if (upstream_code(u.state).empty()) return std::nullopt;
        core::add_item(servers, u.server.host());
        core::add_item(how, u.server.host() + " " + std::string(to_string(u.state)));
    }
    // Of several kinds: what an answering server does says more than that another is silent.
    const auto telling = std::find_if(upstreams.begin(), upstreams.end(),
                                      [](const auto& u) { return u.state != UpstreamState::kSilent; });
    const UpstreamSeen& first = telling == upstreams.end() ? upstreams.front() : *telling;
    return make_fault(upstream_code(first.state), {}, {},
                      {{"servers", servers}, {"how", how}, {"address", first.one ? first.one->text() : ""}});
}

std::optional<Fault> report_upstreams(UpstreamWatch& watch, ResolverStatus& resolver) {
    std::map<core::SocketAddress, core::UpstreamStats> counters;
    for (const auto& upstream : resolver.upstreams)
        counters[upstream.address] = upstream.stats;
    if (resolver.stats_valid) watch.sample(resolver.stats, counters);
    const auto seen = watch.seen();
    for (const auto& one : seen) {
        for (auto& upstream : resolver.upstreams) {
            if (upstream.address == one.server) upstream.state = one.state;
        }
    }
    return upstream_fault(seen);
}

std::vector<Fault> host_faults(const HostDnsReport& r, const std::vector<LinkStatus>& links) {
    std::vector<Fault> out;
    if (auto fault = takeover_fault(r)) out.push_back(std::move(*fault));
    if (r.unwatched) out.push_back(make_fault("PN-RESOLV-UNWATCHED"));
    for (const auto& path : r.out_of_place)
        out.push_back(make_fault("PN-RESOLV-CHANGED", {}, {}, {{"path", path}, {"servers", "-"}}));
    const bool answers = std::any_of(links.begin(), links.end(), [](const auto& link) { return !link.verify_only; });
    if (answers && r.asks.state == HostAsks::State::kNo && r.problem.empty() && r.journal.state == TakeoverState::kOff)
        out.push_back(make_fault("PN-RESOLV-UNASKED", {}, {}, {{"servers", list_of(r.asks.servers)}}));
    for (const auto& line : r.hosts)
        out.push_back(hosts_fault(line, links));
    // Names of this host's programs are answered all the same, or by its own DNS: nothing of it fails a link.
    for (Fault& f : out)
        f.state = doctor::State::kWarn;
    return out;
}

}  // namespace postern::agent

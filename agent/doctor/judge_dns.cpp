// SPDX-License-Identifier: Apache-2.0
// postern's DNS, what programs get, and the files in between.
#include <fmt/format.h>

#include <algorithm>

#include "agent/doctor/judge.h"
#include "agent/hostdns/nsswitch.h"
#include "agent/hostdns/own_address.h"
#include "agent/hostdns/resolv_conf.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

using Addresses = std::vector<core::IpAddress>;

std::string text_of(const Addresses& addresses) {
    if (addresses.empty()) return "-";
    return core::joined(addresses, [](const core::IpAddress& a) { return a.text(); });
}

std::string text_of(const ResolvConf& conf) {
    if (conf.servers.empty()) return "-";
    return core::joined(conf.servers, [](const auto& server) { return server.host(); });
}

/// Whether `some` is not empty and a subset of `known`.
bool within(const Addresses& some, const Addresses& known) {
    return !some.empty() && std::all_of(some.begin(), some.end(), [&](const auto& a) {
        return std::find(known.begin(), known.end(), a) != known.end();
    });
}

Addresses addresses_in(const DnsReply& reply) {
    Addresses out;
    for (const auto& record : reply.answers) {
        if (const auto ip = core::IpAddress::parse(record.data)) out.push_back(*ip);
    }
    std::sort(out.begin(), out.end());
    return out;
}

/// Whether an answer fits what is known: all of it, or, where that is a part only, some of it.
bool fits(const Addresses& answer, const NameSeen& n) {
    if (n.known.empty()) return !answer.empty();
    if (!n.partial) return within(answer, n.known);
    return std::any_of(answer.begin(), answer.end(), [&](const auto& a) { return within({a}, n.known); });
}

Finding stub_finding(const DnsSeen& dns, const NameSeen& n) {
    const core::SocketAddress& server = dns.server;
    Values v = {{"name", n.name},
                {"holder", dns.holder.empty() ? catalogued("words", "some_program") : told_value(dns.holder)},
                {"server", server.text()},
                {"address", server.ip.text()},
                {"port", std::to_string(server.port)},
                {"expected", text_of(n.known)}};
    if (!*n.stub) {
        v["problem"] = told_value(n.stub->error().what);
        return found("PN-STUB-SILENT", {}, {}, std::move(v));
    }
    const DnsReply& reply = **n.stub;
    if (reply.explanation.empty()) return found("PN-STUB-FOREIGN", {}, {}, std::move(v));
    const Addresses answer = addresses_in(reply);
    v["found"] = answer.empty() ? reply.rcode_name : text_of(answer);
    v["addresses"] = v["found"];
    const bool right = fits(answer, n);
    if (n.verify_only) {
        v["how"] = catalogued("words", "of_vpc");
        // What else it answers may be of the zones that are left out.
        const bool some =
            std::any_of(answer.begin(), answer.end(), [&](const auto& a) { return within({a}, n.known); });
        return right || (n.narrowed && some) ? passed(Step::kStub, n.link, {}, std::move(v))
                                             : found("PN-STUB-VPC", n.link, {}, std::move(v));
    }
    return right ? passed(Step::kStub, n.link, {}, std::move(v)) : found("PN-STUB-WRONG", n.link, {}, std::move(v));
}

/// Whether our own DNS gave the right answer for the name.
bool answered_right(const NameSeen& n) {
    return n.stub && *n.stub && !(*n.stub)->explanation.empty() && fits(addresses_in(**n.stub), n);
}

/// Where programs ask nscd first, and our answer is right, what they get is what nscd keeps.
Finding system_finding(const NameSeen& n, const HostSeen& host) {
    const bool cached = (host.nscd || host.nscd_restart) && answered_right(n);
    Values v = {{"name", n.name},
                {"expected", text_of(n.known)},
                {"servers", text_of(ResolvConf::parse(host.resolv_conf))},
                {"found", text_of(n.system->addresses)},
                {"addresses", text_of(n.system->addresses)}};
    switch (n.system->outcome) {
        case SystemLookup::Outcome::kNoSuchName:
            return found(cached ? "PN-SYSTEM-CACHED" : "PN-SYSTEM-UNKNOWN-NAME", n.link, {}, std::move(v));
        case SystemLookup::Outcome::kFailed:
            return found("PN-SYSTEM-FAILED", n.link, {}, std::move(v));
        case SystemLookup::Outcome::kAnswered:
            break;
    }
    if (n.known.empty() || fits(n.system->addresses, n)) return passed(Step::kSystem, n.link, {}, std::move(v));
    const bool internet = std::any_of(n.system->addresses.begin(), n.system->addresses.end(),
                                      [](const auto& a) { return !a.is_private(); });
    return found(cached     ? "PN-SYSTEM-CACHED"
                 : internet ? "PN-SYSTEM-PUBLIC"
                            : "PN-SYSTEM-STALE",
                 n.link, {}, std::move(v));
}

const NameSeen* find_name(const DnsSeen& dns, const std::string& name) {
    const auto it = std::find_if(dns.names.begin(), dns.names.end(), [&](const auto& n) { return n.name == name; });
    return it == dns.names.end() ? nullptr : &*it;
}

Findings hosts_findings(const DnsSeen& dns, const HostSeen& host) {
    Findings out;
    for (const HostsLine& line : host.report.hosts) {
        const NameSeen* name = find_name(dns, line.name);
        const auto ip = core::IpAddress::parse(line.text.substr(0, line.text.find_first_of(" \t")));
        const bool right = name != nullptr && ip && within({*ip}, name->known);
        out.push_back(found(
            line.reversed ? "PN-HOSTS-REVERSED"
            : right       ? "PN-HOSTS-FROZEN"
                          : "PN-HOSTS-SHADOW",
            name == nullptr ? "" : name->link, {},
            {{"line", std::to_string(line.line)}, {"name", line.name}, {"text", line.text}, {"repair", line.fix()}}));
        // Programs get the right answer all the same: the file is asked last, or its first line for the name is right.
        const bool harmless = name != nullptr && name->system &&
                              name->system->outcome == SystemLookup::Outcome::kAnswered && !name->known.empty() &&
                              fits(name->system->addresses, *name);
        if (out.back().state == State::kFail && harmless) out.back().state = State::kWarn;
    }
    if (!host.hosts_problem.empty())
        out.push_back(found("PN-HOSTS-UNREAD", {}, {}, {{"problem", told_value(host.hosts_problem)}}));
    if (out.empty()) out.push_back(dns.names.empty() ? skipped(Step::kHosts) : passed(Step::kHosts, {}, {}, {}));
    return out;
}

/// In the catalogue's words.
std::string takeover_of(const HostDnsReport& report) {
    if (!report.problem.empty()) return told_value(report.text());
    const bool split = report.journal.decision.mode == Mode::kSplit;
    return catalogued(
        "takeover", report.journal.state == TakeoverState::kOn && split ? "on_split" : to_string(report.journal.state));
}

/// What keeps programs from using us: a failure if they get something else, a warning if not yet.
Findings resolv_findings(const DnsSeen& dns, const HostSeen& host, bool wrong) {
    const ResolvConf conf = ResolvConf::parse(host.resolv_conf);
    const Journal& journal = host.report.journal;
    const bool secret = !host.report.problem.empty() && !host.root;
    Values v = {{"listen", dns.server.text()},
                {"servers", text_of(conf)},
                {"takeover", takeover_of(host.report)},
                {"writer", journal.writer.empty() ? "-" : journal.writer}};
    if (!dns.names.empty()) v["name"] = dns.names[0].name;
    Findings out;
    const auto add = [&](std::string_view code, bool fails) {
        out.push_back(found(code, {}, {}, v));
        out.back().state = fails ? State::kFail : State::kWarn;
    };
    const NssHosts nsswitch = NssHosts::parse(host.nsswitch);
    const auto unasked = std::find_if(dns.names.begin(), dns.names.end(),
                                      [&](const auto& n) { return !nsswitch.asks_dns(n.name, host.resolved); });
    if (unasked != dns.names.end()) {
        v["line"] = nsswitch.line;
        v["wanted"] = nsswitch.with_dns();
        v["repair"] = nsswitch.repair();
        v["advice"] = v["repair"].empty() ? "hosts: " + v["wanted"] : v["repair"];
        v["name"] = unasked->name;
        const bool only_resolved = nsswitch.asks_dns(unasked->name, true);
        v["problem"] =
            catalogued("nsswitch", only_resolved                                                   ? "no_resolved"
                                   : nsswitch.asks_dns("name.example", true)                       ? "local"
                                   : core::lowered(nsswitch.line).find("dns") != std::string::npos ? "stops"
                                                                                                   : "no_dns");
        add("PN-RESOLV-NSSWITCH", wrong);
    }
    for (const auto& path : host.shut) {
        out.push_back(found("PN-RESOLV-MODE", {}, {}, {{"path", path}}));
        if (!dns.names.empty()) out.back().values["name"] = dns.names[0].name;
    }
    const auto silent = [](const NameSeen& n) { return n.stub && !*n.stub; };
    if (journal.state == TakeoverState::kOn && std::all_of(dns.names.begin(), dns.names.end(), silent))
        add("PN-RESOLV-SILENT", true);
    if (journal.state == TakeoverState::kSuspended) add("PN-RESOLV-SUSPENDED", wrong);
    if (journal.state == TakeoverState::kTruce) add("PN-RESOLV-TRUCE", wrong);
    if (!host.report.out_of_place.empty()) {
        v["path"] = host.report.out_of_place[0];
        add("PN-RESOLV-CHANGED", wrong);
    }
    const bool names_us = std::any_of(conf.servers.begin(), conf.servers.end(), [&](const core::SocketAddress& server) {
        return is_own(server, dns.listen, host.addresses);
    });
    if (names_us && conf.servers.size() > 1) add(conf.rotate ? "PN-RESOLV-ROTATE" : "PN-RESOLV-SECOND", wrong);
    if (journal.state == TakeoverState::kOff && !names_us && wrong && out.empty() && !secret)
        add("PN-RESOLV-OFF", true);
    if (out.empty() && secret) out.push_back(skipped(Step::kResolvConf, {}, {}, kNoRoot));
    if (journal.state == TakeoverState::kOff && names_us) v["takeover"] = catalogued("takeover", "by_hand");
    if (out.empty()) out.push_back(passed(Step::kResolvConf, {}, {}, v));
    return out;
}

}  // namespace

Findings judge_dns(const DnsSeen& dns, const HostSeen& host) {
    Findings out;
    bool wrong = false;
    for (const NameSeen& n : dns.names) {
        if (n.stub) out.push_back(stub_finding(dns, n));
        if (out.size() > 1 && out.back().state != State::kPass && out.back().link.empty() &&
            out[0].code == out.back().code)
            out.pop_back();  // a silent server is silent for all names
    }
    if (dns.forwarded) {
        const auto& reply = *dns.forwarded;
        const std::string problem = !reply              ? told_value(reply.error().what)
                                    : reply->rcode == 2 ? reply->rcode_name
                                                        : "";
        if (!problem.empty())
            out.push_back(found("PN-STUB-FORWARD", {}, {}, {{"problem", problem}, {"name", "aliyun.com"}}));
    }
    if (out.empty()) out.push_back(skipped(Step::kStub));
    for (const NameSeen& n : dns.names) {
        if (!n.system) continue;
        out.push_back(system_finding(n, host));
        if (out.back().state == State::kPass) continue;
        // Programs get a verified name from the VPC's DNS, by way of postern or not.
        if (n.verify_only) {
            out.back().state = State::kWarn;
        } else {
            wrong = true;
        }
    }
    if (dns.names.empty()) out.push_back(skipped(Step::kSystem));
    const Findings hosts = hosts_findings(dns, host);
    out.insert(out.end(), hosts.begin(), hosts.end());
    // Without a configuration the expected content of resolv.conf is unknown.
    const bool ours = !dns.names.empty() && dns.server != core::SocketAddress{};
    const Findings files = !ours ? Findings{skipped(Step::kResolvConf)} : resolv_findings(dns, host, wrong);
    out.insert(out.end(), files.begin(), files.end());
    return out;
}

}  // namespace postern::agent::doctor

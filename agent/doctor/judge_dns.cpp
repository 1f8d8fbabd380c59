// SPDX-License-Identifier: Apache-2.0
// postern's DNS, what programs get, and the files in between.
#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "agent/doctor/judge.h"
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

Finding stub_finding(const core::SocketAddress& server, const NameSeen& n) {
    Values v = {{"name", n.name},
                {"server", server.text()},
                {"address", server.ip.text()},
                {"port", std::to_string(server.port)},
                {"expected", text_of(n.known)}};
    if (!*n.stub) {
        v["problem"] = n.stub->error().what;
        return found("PN-STUB-SILENT", {}, {}, std::move(v));
    }
    const DnsReply& reply = **n.stub;
    if (reply.explanation.empty()) return found("PN-STUB-FOREIGN", {}, {}, std::move(v));
    const Addresses answer = addresses_in(reply);
    v["found"] = answer.empty() ? reply.rcode_name : text_of(answer);
    v["addresses"] = v["found"];
    const bool right = n.known.empty() ? !answer.empty() : within(answer, n.known);
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

Finding system_finding(const NameSeen& n, const std::string& servers) {
    Values v = {{"name", n.name},
                {"expected", text_of(n.known)},
                {"servers", servers},
                {"found", text_of(n.system->addresses)},
                {"addresses", text_of(n.system->addresses)}};
    switch (n.system->outcome) {
        case SystemLookup::Outcome::kNoSuchName:
            return found("PN-SYSTEM-UNKNOWN-NAME", n.link, {}, std::move(v));
        case SystemLookup::Outcome::kFailed:
            return found("PN-SYSTEM-FAILED", n.link, {}, std::move(v));
        case SystemLookup::Outcome::kAnswered:
            break;
    }
    if (n.known.empty() || within(n.system->addresses, n.known)) return passed(Step::kSystem, n.link, {}, std::move(v));
    const bool internet = std::any_of(n.system->addresses.begin(), n.system->addresses.end(),
                                      [](const auto& a) { return !a.is_private(); });
    return found(internet ? "PN-SYSTEM-PUBLIC" : "PN-SYSTEM-STALE", n.link, {}, std::move(v));
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
        out.push_back(found(line.reversed ? "PN-HOSTS-REVERSED"
                            : right       ? "PN-HOSTS-FROZEN"
                                          : "PN-HOSTS-SHADOW",
                            name == nullptr ? "" : name->link, {},
                            {{"line", std::to_string(line.line)}, {"name", line.name}, {"text", line.text}}));
    }
    if (out.empty()) out.push_back(dns.names.empty() ? skipped(Step::kHosts) : passed(Step::kHosts, {}, {}, {}));
    return out;
}

/// The hosts line of nsswitch.conf; "" if there is none (the default is "files dns").
std::string hosts_line(const std::string& nsswitch) {
    std::istringstream lines(nsswitch);
    for (std::string line; std::getline(lines, line);) {
        line.resize(std::min(line.find('#'), line.size()));
        const auto start = line.find_first_not_of(" \t");
        if (start != std::string::npos && line.compare(start, 6, "hosts:") == 0) return line.substr(start + 6);
    }
    return "";
}

bool asks_dns(const std::string& words) {
    std::istringstream in(words);
    for (std::string word; in >> word;) {
        if (word == "dns" || word == "resolve") return true;
    }
    return false;
}

/// In the catalogue's words.
std::string takeover_of(const HostDnsReport& report) {
    if (!report.problem.empty()) return report.text();
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
    const std::string words = hosts_line(host.nsswitch);
    if (!words.empty() && !asks_dns(words)) {
        v["line"] = words;
        add("PN-RESOLV-NSSWITCH", wrong);
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
    const ResolvConf conf = ResolvConf::parse(host.resolv_conf);
    bool wrong = false;
    for (const NameSeen& n : dns.names) {
        if (n.stub) out.push_back(stub_finding(dns.server, n));
        if (out.size() > 1 && out.back().state != State::kPass && out.back().link.empty() &&
            out[0].code == out.back().code)
            out.pop_back();  // a silent server is silent for all names
    }
    if (dns.forwarded) {
        const auto& reply = *dns.forwarded;
        const std::string problem = !reply ? reply.error().what : reply->rcode == 2 ? reply->rcode_name : "";
        if (!problem.empty())
            out.push_back(found("PN-STUB-FORWARD", {}, {}, {{"problem", problem}, {"name", "aliyun.com"}}));
    }
    if (out.empty()) out.push_back(skipped(Step::kStub));
    for (const NameSeen& n : dns.names) {
        if (!n.system) continue;
        out.push_back(system_finding(n, text_of(conf)));
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

// SPDX-License-Identifier: Apache-2.0
// The world of the fault matrix, in which all is well, and what breaks it.
#pragma once

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "agent/doctor/diagnosis.h"
#include "agent/faults/codes.h"
#include "tests/unit/agent/doctor/judge_fixture.h"

namespace postern::agent::doctor {

using core::Code;
using probe::HandshakeFate;
using probe::Phase;
using probe::Reason;

inline constexpr core::Micros kNow = 1767312000LL * core::kSecond;
inline constexpr const char *kA = "10.0.1.23", *kB = "10.0.2.9", *kPublic = "203.0.113.8";

inline DnsReply reply(std::vector<const char*> addresses, const char* source = "private") {
    DnsReply r;
    r.rcode_name = addresses.empty() ? "NXDOMAIN" : "NOERROR";
    if (source != nullptr) r.explanation = {{"source", source}};
    for (const char* a : addresses)
        r.answers.push_back({kName, "A", a, 10});
    return r;
}

/// All is well.
struct World : Seen {
    World() {
        config.file = "/etc/postern/postern.toml";
        config.config.emplace();
        config.config->path = config.file;
        config.config->dns.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
        LinkConfig link;
        link.name = "prod";
        link.host = kName;
        link.endpoints = {"ep-1"};
        link.token.file = "/etc/postern/prod.token";
        config.config->links = {link};
        agent.emplace();
        agent->listen = *core::SocketAddress::parse("127.0.0.1:9853", 0);
        agent->version = "0.1.0";
        agent->discovers = true;
        cloud.emplace();
        cloud->region = "cn-hangzhou";
        cloud->credentials = Credentials{};
        EndpointInfo info;
        info.report.endpoint_id = "ep-1";
        info.report.status = "Active";
        info.report.business_status = "Normal";
        info.report.connection_status = "Connected";
        info.report.zones = {{"zone-a", "Connected", ip(kA), {}, ""}, {"zone-b", "Connected", ip(kB), {}, ""}};
        EndpointAccess access;
        access.judgement.access = Access::kYes;
        cloud->endpoints.push_back({"prod", "ep-1", info, access});
        dns.emplace();
        dns->server = config.config->dns.listen[0];
        dns->listen = config.config->dns.listen;
        NameSeen n{"prod", kName, {ip(kA), ip(kB)}, {}, {}};
        n.stub = core::Result<DnsReply>(reply({kA, kB}));
        n.system = SystemLookup{SystemLookup::Outcome::kAnswered, {ip(kA), ip(kB)}};
        dns->names.push_back(n);
        dns->forwarded = core::Result<DnsReply>(reply({"192.0.2.1"}, "upstream"));
        host.emplace();
        host->resolv_conf = "nameserver 127.0.0.153\n";
        host->nsswitch = "hosts: files dns\n";
        host->addresses = {ip("127.0.0.1"), ip("10.0.0.7")};
        host->report.journal.state = TakeoverState::kOn;
        paths = std::vector<PathSeen>{good(kA), good(kB)};
    }
    NameSeen& name() { return dns->names[0]; }
    void is_pod(const char* resolv_conf, std::vector<const char*> addresses) {
        pod.emplace();
        pod->resolv_conf = resolv_conf;
        pod->names.push_back(
            {"prod", kName, {ip(kA), ip(kB)}, false, core::Result<DnsReply>(reply(std::move(addresses), nullptr))});
    }
    EndpointReport& report() { return cloud->endpoints[0].info->report; }
    void programs_get(std::vector<const char*> addresses) {
        std::vector<core::IpAddress> ips;
        for (const char* a : addresses)
            ips.push_back(ip(a));
        name().system = SystemLookup{SystemLookup::Outcome::kAnswered, ips};
    }
    void programs_find_nothing() { name().system = SystemLookup{SystemLookup::Outcome::kNoSuchName, {}}; }
    void programs_wait() { name().system = SystemLookup{SystemLookup::Outcome::kFailed, {}}; }
    void answer(std::vector<const char*> addresses) {
        name().stub = core::Result<DnsReply>(reply(std::move(addresses)));
    }
    void no_answer() { name().stub = core::Result<DnsReply>(core::fail(Code::kTimeout, "no answer within 5 s")); }
    void not_taken_over(const char* resolv_conf = "nameserver 10.0.0.2\n") {
        host->report.journal.state = TakeoverState::kOff;
        host->resolv_conf = resolv_conf;
    }
    void hosts_file(const std::string& text) { host->report.hosts = agent::hosts_findings(text, {kName}); }
    void api(Code code, int sys = 0) {
        cloud->endpoints[0].info = core::fail(code, "the API says no", "", sys);
        cloud->endpoints[0].access.reset();
    }
    void one(Reason reason, Phase phase = Phase::kConnect) { (*paths)[0] = path(kA, reason, phase); }
    void both(Reason reason, Phase phase = Phase::kConnect) {
        paths = std::vector<PathSeen>{path(kA, reason, phase), path(kB, reason, phase)};
    }
    void agent_is(AgentState state, const char* holder = "") {
        agent->state = state;
        agent->problem = "no answer";
        agent->holder = holder;
        agent->discovers = false;
    }
    void agent_says(const char* code, const char* problem) {
        agent->faults.push_back(make_fault(code, {}, {}, {{"problem", problem}}));
    }
    void group(Access access) { cloud->endpoints[0].access->judgement.access = access; }
};

using Break = void (*)(World&);

struct Single {
    const char* what;
    Break breaks;
    const char *fails, *warns;  // codes, sorted, with commas
    Owner owner;
    const char* command = "";  // its beginning; "": no command repairs it
};

inline constexpr Owner kYou = Owner::kYou, kAdmin = Owner::kCloudAdmin, kTd = Owner::kTdengine, kAli = Owner::kAlibaba;
inline constexpr const char* kEnable = "postern dns enable";

}  // namespace postern::agent::doctor

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>

#include "agent/doctor/fold.h"
#include "agent/doctor/judge.h"
#include "agent/faults/codes.h"

namespace postern::agent::doctor {
namespace {

constexpr const char* kName = "gw-private.cloud.example.com";
constexpr core::Micros kNow = 1767312000LL * core::kSecond;

core::IpAddress ip(const char* text) {
    return *core::IpAddress::parse(text);
}

/// "FAIL PN-X | WARN PN-Y", in order; what passed or was skipped is left out.
std::string troubles(Findings findings, const Findings& earlier = {}) {
    fold(earlier, findings);
    std::string out;
    for (const auto& f : findings) {
        if (f.state != State::kFail && f.state != State::kWarn) continue;
        out += (out.empty() ? "" : " | ") + std::string(to_string(f.state)) + " " + f.code;
    }
    return out;
}

std::string because(Findings findings, Step step, const Findings& earlier = {}) {
    fold(earlier, findings);
    for (const auto& f : findings) {
        if (f.step == step) return std::string(to_string(f.state)) + " " + f.because;
    }
    return "-";
}

DnsReply reply(std::vector<const char*> addresses) {
    DnsReply r;
    r.rcode_name = addresses.empty() ? "NXDOMAIN" : "NOERROR";
    r.explanation = {{"source", "private"}};
    for (const char* a : addresses)
        r.answers.push_back({kName, "A", a, 10});
    return r;
}

struct Host {
    DnsSeen dns;
    HostSeen host;

    Host() {
        dns.server = *core::SocketAddress::parse("127.0.0.153:53", 53);
        NameSeen n{"prod", kName, {ip("10.0.1.23"), ip("10.0.2.9")}, {}, {}};
        n.stub = core::Result<DnsReply>(reply({"10.0.1.23", "10.0.2.9"}));
        n.system = SystemLookup{SystemLookup::Outcome::kAnswered, {ip("10.0.1.23"), ip("10.0.2.9")}};
        dns.names.push_back(n);
        DnsReply forwarded;
        forwarded.rcode_name = "NOERROR";
        dns.forwarded = core::Result<DnsReply>(forwarded);
        host.resolv_conf = "nameserver 127.0.0.153\n";
        host.nsswitch = "hosts: files dns\n";
        host.report.journal.state = TakeoverState::kOn;
    }
    NameSeen& name() { return dns.names[0]; }
    void programs_get(SystemLookup::Outcome outcome, std::vector<core::IpAddress> addresses = {}) {
        name().system = SystemLookup{outcome, std::move(addresses)};
    }
    void hosts_file(const std::string& text) { host.report.hosts = agent::hosts_findings(text, {kName}); }
    Findings judge() const { return judge_dns(dns, host); }
};

PathSeen path(const char* address, probe::Reason reason, probe::Phase phase) {
    auto spec = std::make_shared<probe::ProbeSpec>();
    spec->host = spec->server_name = kName;
    PathSeen out{{"prod", ip(address), "zone-a", "ep-1", spec}, {}};
    out.result.link = "prod";
    out.result.ip = ip(address);
    out.result.ok = reason == probe::Reason::kNone;
    out.result.reason = reason;
    out.result.phase = phase;
    out.result.phase_us[0] = 1234;
    return out;
}
PathSeen good(const char* address) {
    return path(address, probe::Reason::kNone, probe::Phase::kCount);
}

}  // namespace

TEST_CASE("doctor: a healthy host has nothing to say", "[doctor]") {
    Host h;
    CHECK(troubles(h.judge()).empty());
    CHECK(troubles(judge_path("prod", {good("10.0.1.23"), good("10.0.2.9")}, kNow)).empty());
    CHECK(troubles(judge_environment(h.host, {kName}, false)).empty());
    CHECK(troubles(judge_agent({})).empty());
}

TEST_CASE("doctor: our DNS and what programs get, one cause each", "[doctor]") {
    Host h;
    const auto failed = core::Result<DnsReply>(core::fail(core::Code::kTimeout, "no answer within 5 s", ""));
    SECTION("never taken over") {
        h.host.report.journal.state = TakeoverState::kOff;
        h.host.resolv_conf = "nameserver 100.100.2.136\n";
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "FAIL PN-RESOLV-OFF");
        CHECK(because(h.judge(), Step::kSystem) == "SKIP PN-RESOLV-OFF");
    }
    SECTION("not taken over, but somebody pointed resolv.conf here") {
        h.host.report.journal.state = TakeoverState::kOff;
        CHECK(troubles(h.judge()).empty());
    }
    SECTION("rewritten by DHCP") {
        h.host.report.out_of_place = {"/etc/resolv.conf"};
        h.host.resolv_conf = "nameserver 100.100.2.136\n";
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "FAIL PN-RESOLV-CHANGED");
    }
    SECTION("truce") {
        h.host.report.journal.state = TakeoverState::kTruce;
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "FAIL PN-RESOLV-TRUCE");
    }
    SECTION("suspended, and the resolver is why") {
        h.host.report.journal.state = TakeoverState::kSuspended;
        h.name().stub = failed;
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "FAIL PN-STUB-SILENT");
        CHECK(because(h.judge(), Step::kResolvConf) == "SKIP PN-STUB-SILENT");
    }
    SECTION("an old line of /etc/hosts") {
        h.hosts_file("10.9.9.9 gw-private.cloud.example.com\n");
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("10.9.9.9")});
        CHECK(troubles(h.judge()) == "FAIL PN-HOSTS-SHADOW");
    }
    SECTION("a line of /etc/hosts that is right today") {
        h.hosts_file("10.0.1.23 gw-private.cloud.example.com\n");
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("10.0.1.23")});
        CHECK(troubles(h.judge()) == "WARN PN-HOSTS-FROZEN");
    }
    SECTION("the columns of old guides") {
        h.hosts_file("gw-private.cloud.example.com 10.0.1.23\n");
        CHECK(troubles(h.judge()) == "WARN PN-HOSTS-REVERSED");
    }
    SECTION("another program has the port") {
        DnsReply foreign = reply({"10.0.1.23"});
        foreign.explanation.clear();
        h.name().stub = core::Result<DnsReply>(foreign);
        CHECK(troubles(h.judge()) == "FAIL PN-STUB-FOREIGN");
    }
    SECTION("our answer is another") {
        h.name().stub = core::Result<DnsReply>(reply({"10.0.7.7"}));
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("10.0.7.7")});
        CHECK(troubles(h.judge()) == "FAIL PN-STUB-WRONG");
    }
    SECTION("the upstreams do not answer, our own names do") {
        DnsReply servfail;
        servfail.rcode = 2;
        servfail.rcode_name = "SERVFAIL";
        h.dns.forwarded = core::Result<DnsReply>(servfail);
        CHECK(troubles(h.judge()) == "FAIL PN-STUB-FORWARD");
    }
    SECTION("through the internet for a reason that no file tells") {
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("203.0.113.8")});
        CHECK(troubles(h.judge()) == "FAIL PN-SYSTEM-PUBLIC");
    }
    SECTION("a cache that keeps the old address") {
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("10.0.9.9")});
        CHECK(troubles(h.judge()) == "FAIL PN-SYSTEM-STALE");
    }
    SECTION("nsswitch without dns") {
        h.host.nsswitch = "passwd: files\nhosts: files myhostname # dns\n";
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "FAIL PN-RESOLV-NSSWITCH");
    }
    SECTION("rotate warns while all is well, and is the cause when it is not") {
        h.host.resolv_conf = "nameserver 127.0.0.153\nnameserver 100.100.2.136\noptions rotate\n";
        CHECK(troubles(h.judge()) == "WARN PN-RESOLV-ROTATE");
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "FAIL PN-RESOLV-ROTATE");
    }
    SECTION("two faults that have nothing to do with each other are two") {
        h.host.report.journal.state = TakeoverState::kOff;
        h.host.resolv_conf = "nameserver 100.100.2.136\n";
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        h.hosts_file("gw-private.cloud.example.com 10.0.1.23\n");
        CHECK(troubles(h.judge()) == "WARN PN-HOSTS-REVERSED | FAIL PN-RESOLV-OFF");
    }
}

TEST_CASE("doctor: an address fails at one step, the others are skipped because of it", "[doctor]") {
    const auto findings = judge_path(
        "prod", {path("10.0.1.23", probe::Reason::kTcpTimeout, probe::Phase::kConnect), good("10.0.2.9")}, kNow);
    CHECK(troubles(findings) == "FAIL PN-TCP-TIMEOUT");
    CHECK(std::count_if(findings.begin(), findings.end(), [](const auto& f) {
              return f.state == State::kSkip && f.because == "PN-TCP-TIMEOUT" && f.ip == "10.0.1.23";
          }) == 3);
    CHECK(std::count_if(findings.begin(), findings.end(),
                        [](const auto& f) { return f.state == State::kPass && f.ip == "10.0.2.9"; }) == 4);
}

TEST_CASE("doctor: without a configuration the commands to try have the host and the port", "[doctor]") {
    PathSeen bare = path("10.0.1.23", probe::Reason::kTcpRefused, probe::Phase::kConnect);
    bare.target.link.clear();
    bare.result.link.clear();
    const auto link = [](const Findings& all) {
        const auto failed = std::find_if(all.begin(), all.end(), [](const auto& f) { return f.state == State::kFail; });
        REQUIRE(failed != all.end());
        return failed->values.at("link");
    };
    CHECK(link(judge_path("", {bare}, kNow, false)) == std::string("--host ") + kName);
    auto other = std::make_shared<probe::ProbeSpec>(*bare.target.spec);
    other->port = 8443;
    bare.target.spec = other;
    CHECK(link(judge_path("", {bare}, kNow, false)) == std::string("--host ") + kName + " --port 8443");
    CHECK(link(judge_path("prod", {path("10.0.1.23", probe::Reason::kTcpRefused, probe::Phase::kConnect)}, kNow,
                          false)) == "prod");
}

TEST_CASE("doctor: every reason is found at its step, and nothing else is", "[doctor]") {
    for (int r = 1; r < static_cast<int>(probe::Reason::kCount); ++r) {
        const auto reason = static_cast<probe::Reason>(r);
        const CodeInfo& code = code_of(reason);
        const auto findings =
            judge_path("prod", {path("10.0.1.23", reason, probe::Phase::kTls), good("10.0.2.9")}, kNow);
        CHECK(troubles(findings) == std::string(to_string(code.severity)) + " " + std::string(code.code));
    }
}

TEST_CASE("doctor: addresses that are none, one, or of the internet", "[doctor]") {
    CHECK(troubles(judge_path("prod", {}, kNow)) == "FAIL PN-ADDRESS-NONE");
    CHECK(troubles(judge_path("prod", {good("10.0.1.23")}, kNow)) == "WARN PN-ADDRESS-ONE");
    CHECK(troubles(judge_path("", {good("10.0.1.23")}, kNow)).empty());  // the command line named one
    CHECK(troubles(judge_path("prod", {good("203.0.113.1"), good("10.0.1.23")}, kNow)) == "WARN PN-ADDRESS-PUBLIC");
}

TEST_CASE("doctor: a configuration with mistakes explains an agent that is down", "[doctor]") {
    ConfigSeen config;
    config.file = "/etc/postern/postern.toml";
    config.mistakes = {{3, "dns.ttl", "is not a duration"}};
    const auto findings = judge_config(config);
    CHECK(troubles(findings) == "FAIL PN-CONFIG-MISTAKE");
    AgentSeen agent;
    agent.problem = "connection refused";
    CHECK(troubles(judge_agent(agent)) == "FAIL PN-AGENT-DOWN");
    CHECK(troubles(judge_agent(agent), findings).empty());
}

TEST_CASE("doctor: proxies that take the private name away", "[doctor]") {
    HostSeen host;
    host.environment = {{"https_proxy", "http://user:secret@proxy:3128"}};
    const auto findings = judge_environment(host, {kName}, false);
    CHECK(troubles(findings) == "WARN PN-ENV-PROXY");
    CHECK(findings[0].values.at("proxy") == "http://proxy:3128");
    for (const char* no_proxy : {"*", ".example.com", "example.com", "other.test,gw-private.cloud.example.com"}) {
        host.environment = {{"https_proxy", "http://proxy:3128"}, {"NO_PROXY", no_proxy}};
        CHECK(troubles(judge_environment(host, {kName}, false)).empty());
    }
    host.environment = {{"HTTPS_PROXY", "http://proxy:3128"}, {"no_proxy", "ample.com"}};
    CHECK(troubles(judge_environment(host, {kName}, false)) == "WARN PN-ENV-PROXY");
    host.environment.clear();
    host.interfaces = {"eth0", "tailscale0"};
    CHECK(troubles(judge_environment(host, {kName}, true)).empty());
    host.upstreams = {*core::SocketAddress::parse("100.100.2.136", 53)};
    CHECK(troubles(judge_environment(host, {kName}, false)).empty());
    CHECK(troubles(judge_environment(host, {kName}, true)) == "WARN PN-ENV-TAILSCALE");
    host.nscd = true;
    CHECK(troubles(judge_environment(host, {kName}, false)) == "WARN PN-ENV-NSCD");
}

TEST_CASE("doctor: containers ask postern, or somebody who does not know the name", "[doctor]") {
    const std::vector<core::SocketAddress> loopback = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
    const std::vector<core::SocketAddress> bridge = {loopback[0], *core::SocketAddress::parse("172.17.0.1:53", 53)};
    const auto judged = [](const char* resolv_conf, bool own_network, const std::vector<core::SocketAddress>& listen) {
        HostSeen host;
        host.containers = {{7, "web", own_network, resolv_conf}};
        return troubles(judge_environment(host, {kName}, false, listen));
    };
    CHECK(judged("nameserver 8.8.8.8\n", true, loopback) == "WARN PN-ENV-CONTAINER");
    CHECK(judged("nameserver 127.0.0.153\n", true, loopback) == "WARN PN-ENV-CONTAINER");  // its own loopback
    CHECK(judged("nameserver 127.0.0.153\n", false, loopback).empty());
    CHECK(judged("nameserver 172.17.0.1\n", true, bridge).empty());
    CHECK(judged("nameserver 127.0.0.11\n# ExtServers: [host(127.0.0.153)]\n", true, loopback).empty());
    CHECK(judged("nameserver 127.0.0.11\n# ExtServers: [8.8.8.8]\n", true, loopback) == "WARN PN-ENV-CONTAINER");
    CHECK(judged("", true, loopback) == "WARN PN-ENV-CONTAINER");
}

TEST_CASE("doctor: silence in TLS that small packets break is a black hole", "[doctor]") {
    auto silent = path("10.0.1.23", probe::Reason::kTlsTimeout, probe::Phase::kTls);
    silent.small_packets_pass = false;
    CHECK(troubles(judge_path("prod", {silent, good("10.0.2.9")}, kNow)) == "FAIL PN-TLS-TIMEOUT");
    silent.small_packets_pass = true;
    CHECK(troubles(judge_path("prod", {silent, good("10.0.2.9")}, kNow)) == "FAIL PN-TLS-MTU");
}

TEST_CASE("doctor: what works is degraded by slowness and by a certificate near its end", "[doctor]") {
    auto slow = good("10.0.1.23");
    slow.result.total_us = 700 * core::kMillisecond;
    CHECK(troubles(judge_path("prod", {slow, good("10.0.2.9")}, kNow)) == "WARN PN-HTTP-SLOW");
    auto expiring = good("10.0.1.23");
    expiring.result.certificate.present = true;
    expiring.result.certificate.not_after_us = expiring.result.certificate.chain_not_after_us = kNow + 3 * core::kDay;
    CHECK(troubles(judge_path("prod", {expiring, good("10.0.2.9")}, kNow)) == "WARN PN-TLS-EXPIRING");
}

TEST_CASE("doctor: addresses that the endpoint has no more, and those that nobody knows yet", "[doctor]") {
    LinkConfig link;
    link.name = "prod";
    CloudSeen cloud;
    EndpointInfo info;
    info.report.status = "Active";
    info.report.business_status = "Normal";
    info.report.connection_status = "Connected";
    info.report.zones = {{"zone-a", "Connected", ip("10.0.1.23"), {}, ""},
                         {"zone-b", "Connected", ip("10.0.2.10"), {}, ""},
                         {"zone-c", "Wait", ip("10.0.3.1"), {}, ""}};
    cloud.endpoints.push_back({"prod", "ep-1", info, {}});
    CHECK(troubles(judge_drift(link, {good("10.0.1.23"), good("10.0.2.10")}, cloud)).empty());
    CHECK(troubles(judge_drift(link, {good("10.0.1.23"), good("10.0.2.9")}, cloud)) ==
          "FAIL PN-ADDRESS-STALE | WARN PN-ADDRESS-MISSING");
    link.zones = {"zone-a"};
    CHECK(troubles(judge_drift(link, {good("10.0.1.23")}, cloud)).empty());
    cloud.endpoints[0].info->report.connection_status = "Pending";  // then the list has no effect
    CHECK(troubles(judge_drift(link, {good("10.0.9.9")}, cloud)).empty());
}

TEST_CASE("doctor: what this command may not read is skipped, not wrong", "[doctor]") {
    ConfigSeen config;
    config.root = false;
    config.config.emplace();
    config.config->links.emplace_back().name = "prod";
    core::Error denied{core::Code::kFileUnreadable, "cannot open", "/etc/postern/token", EACCES};
    config.tokens = {{"prod", denied}};
    CHECK(troubles(judge_config(config)).empty());
    CHECK(because(judge_config(config), Step::kConfig) == "SKIP root");
    config.root = true;
    CHECK(troubles(judge_config(config)) == "FAIL PN-CONFIG-TOKEN");
    CloudSeen cloud;
    cloud.credentials = core::fail(core::Code::kCredentialsMissing, "none", "");
    CHECK(troubles(judge_cloud(cloud)) == "FAIL PN-CREDENTIALS-NONE");
    CHECK(troubles(judge_cloud(cloud, true)).empty());
}

}  // namespace postern::agent::doctor

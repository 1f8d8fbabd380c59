// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/doctor/judge_fixture.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

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
        dns.listen = {dns.server};
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

}  // namespace

TEST_CASE("doctor: a healthy host has no finding", "[doctor]") {
    Host h;
    CHECK(troubles(h.judge()).empty());
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
    SECTION("taken over, and nothing answers") {
        h.name().stub = failed;
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
    SECTION("rotate counts by whichever of our addresses the host is pointed at us") {
        h.host.resolv_conf = "nameserver 10.9.9.9\nnameserver 100.100.2.136\noptions rotate\n";
        CHECK(troubles(h.judge()).empty());
        h.dns.listen = {*core::SocketAddress::parse("10.9.9.9:53", 53), h.dns.server};
        CHECK(troubles(h.judge()) == "WARN PN-RESOLV-ROTATE");
        h.dns.listen = {*core::SocketAddress::parse("0.0.0.0:53", 53)};
        h.host.addresses = {ip("10.9.9.9")};
        CHECK(troubles(h.judge()) == "WARN PN-RESOLV-ROTATE");
    }
    SECTION("two faults that have nothing to do with each other are two") {
        h.host.report.journal.state = TakeoverState::kOff;
        h.host.resolv_conf = "nameserver 100.100.2.136\n";
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        h.hosts_file("gw-private.cloud.example.com 10.0.1.23\n");
        CHECK(troubles(h.judge()) == "WARN PN-HOSTS-REVERSED | FAIL PN-RESOLV-OFF");
    }
}

TEST_CASE("doctor: a name that is only verified is judged by what the VPC's DNS answers", "[doctor]") {
    Host h;
    h.name().verify_only = true;
    const auto stub = [&h](std::vector<const char*> addresses) {
        DnsReply r = reply(std::move(addresses));
        r.explanation = {{"source", "upstream"}};
        h.name().stub = core::Result<DnsReply>(r);
    };
    stub({"10.0.1.23"});
    CHECK(troubles(h.judge()).empty());
    CHECK(h.judge()[0].values.count("how") == 1);
    SECTION("other addresses are one warning, of the VPC's DNS, not of postern or the host") {
        h.host.report.journal.state = TakeoverState::kOff;  // nothing of it is wrong for such a name
        h.host.resolv_conf = "nameserver 100.100.2.136\n";
        stub({"10.9.9.9"});
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("10.9.9.9")});
        CHECK(troubles(h.judge()) == "WARN PN-STUB-VPC");
        CHECK(because(h.judge(), Step::kSystem) == "SKIP PN-STUB-VPC");
    }
    SECTION("an address that may be of a zone that the link leaves out") {
        h.name().narrowed = true;
        stub({"10.0.1.23", "10.0.3.1"});
        h.programs_get(SystemLookup::Outcome::kAnswered, {ip("10.0.1.23")});
        CHECK(troubles(h.judge()).empty());
        stub({"10.0.3.1"});
        CHECK(troubles(h.judge()) == "WARN PN-STUB-VPC");
    }
    SECTION("no such name") {
        stub({});
        h.programs_get(SystemLookup::Outcome::kNoSuchName);
        CHECK(troubles(h.judge()) == "WARN PN-STUB-VPC");
    }
    SECTION("upstreams that fail are the cause") {
        stub({});
        DnsReply failing;
        failing.rcode = 2;
        failing.rcode_name = "SERVFAIL";
        h.dns.forwarded = core::Result<DnsReply>(failing);
        CHECK(troubles(h.judge()) == "FAIL PN-STUB-FORWARD");
    }
}

}  // namespace postern::agent::doctor

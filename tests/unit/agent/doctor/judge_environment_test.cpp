// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/doctor/judge_fixture.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: an ordinary environment has no finding", "[doctor]") {
    HostSeen host;
    host.resolv_conf = "nameserver 127.0.0.153\n";
    host.nsswitch = "hosts: files dns\n";
    host.report.journal.state = TakeoverState::kOn;
    CHECK(troubles(judge_environment(host, {kName}, false)).empty());
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

TEST_CASE("doctor: resolve hooks of others than systemd are listed", "[doctor]") {
    HostSeen host;
    host.hooks = {"io.systemd.Machine", "io.systemd.Network"};
    CHECK(troubles(judge_environment(host, {kName}, false)).empty());
    host.hooks.insert(host.hooks.begin(), {"com.example.Filter", "com.example.Vpn"});
    const auto findings = judge_environment(host, {kName}, false);
    CHECK(troubles(findings) == "WARN PN-ENV-HOOK");
    CHECK(findings[0].values.at("hooks") == "com.example.Filter, com.example.Vpn");
}

TEST_CASE("doctor: containers ask postern, or a server without the name", "[doctor]") {
    const std::vector<core::SocketAddress> loopback = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
    const std::vector<core::SocketAddress> bridge = {loopback[0], *core::SocketAddress::parse("172.17.0.1:53", 53)};
    const auto judged = [](const char* resolv_conf, bool own_network, const std::vector<core::SocketAddress>& listen) {
        HostSeen host;
        host.addresses = {ip("127.0.0.1"), ip("10.9.9.9"), ip("172.17.0.1")};
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
    // On every address of the host, which a container's network can or can't reach; on another port nobody is asked.
    const std::vector<core::SocketAddress> every = {*core::SocketAddress::parse("0.0.0.0:53", 53)};
    const std::vector<core::SocketAddress> other_port = {*core::SocketAddress::parse("172.17.0.1:5353", 53)};
    CHECK(judged("nameserver 10.9.9.9\n", true, every).empty());
    CHECK(judged("nameserver 172.17.0.1\n", true, every).empty());
    CHECK(judged("nameserver 127.0.0.1\n", false, every).empty());
    CHECK(judged("nameserver 127.0.0.11\n# ExtServers: [8.8.8.8 host(127.0.0.1)]\n", true, every).empty());
    CHECK(judged("nameserver 127.0.0.1\n", true, every) == "WARN PN-ENV-CONTAINER");
    CHECK(judged("nameserver 8.8.8.8\n", true, every) == "WARN PN-ENV-CONTAINER");
    CHECK(judged("nameserver 172.17.0.1\n", true, other_port) == "WARN PN-ENV-CONTAINER");
}

TEST_CASE("doctor: applications' connections that are stuck, go around the link, or lack keep-alive", "[doctor]") {
    const auto judged = [](const ConnectionsSeen& c) { return judge_environment({}, {kName}, false, {}, {c}); };
    CHECK(troubles(judged({"prod", kName, "10.0.1.1", false, 12, 0, 0, 0, "1001"})).empty());
    const auto stuck = judged({"prod", kName, "10.0.1.1", false, 12, 9, 0, 41 * core::kSecond, "1001"});
    CHECK(troubles(stuck) == "WARN PN-APP-STUCK");
    CHECK((stuck[0].link == "prod" && stuck[0].ip == "10.0.1.1"));
    CHECK((stuck[0].values.at("count") == "9" && stuck[0].values.at("time") == "41 s"));
    CHECK(troubles(judged({"prod", kName, "10.0.1.1", false, 12, 0, 3, 0, "1001"})) == "WARN PN-APP-KEEPALIVE");
    CHECK(troubles(judged({"prod", kName, "203.0.113.9", true, 3, 1, 3, 0, "1001"})) == "WARN PN-APP-BYPASS");
}

}  // namespace postern::agent::doctor

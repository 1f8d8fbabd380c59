// SPDX-License-Identifier: Apache-2.0
#include <map>

#include "agent/hostdns/upstreams.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "tests/unit/agent/hostdns/fake_host.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("hostdns: the host's own resolvers, for every owner of the file", "[hostdns]") {
    struct Row {
        const char* what;
        std::map<std::string, std::string> files;
        const char* servers;
        const char* source;
        int timeout_s;
    };
    const char* const kRc = "/etc/resolv.conf";
    const char* const kUplink = "/run/systemd/resolve/resolv.conf";
    const Row rows[] = {
        {"a plain file",
         {{kRc, "options timeout:2 attempts:3 rotate\nnameserver 100.100.2.136\nnameserver 100.100.2.138\n"}},
         "100.100.2.136:53 100.100.2.138:53",
         kRc,
         2},
        {"no file at all", {}, "", "", 5},
        {"resolved's stub: the uplink file behind it",
         {{kRc, "nameserver 127.0.0.53\n"}, {kUplink, "nameserver 10.0.0.2\n"}},
         "10.0.0.2:53",
         kUplink,
         5},
        {"resolved's stub and nothing behind it: better than nothing",
         {{kRc, "nameserver 127.0.0.53\n"}},
         "127.0.0.53:53",
         kRc,
         5},
        {"ourselves: never", {{kRc, "nameserver 127.0.0.153\n"}}, "", "", 5},
        {"ourselves first, the old one second",
         {{kRc, "nameserver 127.0.0.153\nnameserver 10.0.0.2\n"}},
         "10.0.0.2:53",
         kRc,
         5},
        {"ourselves in resolved's uplink file (a backup that became a loop)",
         {{kRc, "nameserver 127.0.0.153\n"}, {kUplink, "nameserver 127.0.0.153\nnameserver 10.0.0.2\n"}},
         "10.0.0.2:53",
         kUplink,
         5},
        {"another local forwarder is the host's choice", {{kRc, "nameserver 127.0.0.1\n"}}, "127.0.0.1:53", kRc, 5},
        {"NetworkManager's file",
         {{kRc, "nameserver 127.0.0.53\n"}, {"/run/NetworkManager/no-stub-resolv.conf", "nameserver 10.9.9.9"}},
         "10.9.9.9:53",
         "/run/NetworkManager/no-stub-resolv.conf",
         5},
        {"nonsense and duplicates are left out, a scope is of link-local addresses only",
         {{kRc,
           "nameserver\nnameserver x\nnameserver fd00::1%eth0\nnameserver fe80::1%eth0\nnameserver 10.0.0.2\n"
           "nameserver 10.0.0.2\n"}},
         "[fe80::1%eth0]:53 10.0.0.2:53",
         kRc,
         5},
    };
    const std::vector<core::SocketAddress> ours{*core::SocketAddress::parse("127.0.0.153:53", 53)};
    for (const Row& row : rows) {
        INFO(row.what);
        test::FakeHost host;
        for (const auto& [path, text] : row.files)
            host.with_file(path, text);
        const auto found = host_upstreams(host, ours, Journal{});
        std::string servers;
        for (const auto& s : found.servers)
            servers += (servers.empty() ? "" : " ") + s.text();
        CHECK(servers == row.servers);
        CHECK(found.source == row.source);
        CHECK(found.timeout_s == row.timeout_s);
    }
}

TEST_CASE("hostdns: after the takeover the upstreams are what the network gave, never ourselves", "[hostdns]") {
    struct Row {
        const char* what;
        std::map<std::string, std::string> files;
        const char* kept;
        const char* servers;
    };
    const core::IpAddress us = *core::IpAddress::parse("127.0.0.153");
    const std::string ours_file = compose_resolv_conf("nameserver 10.0.0.1\n", us, std::nullopt);
    const char* const kRc = "/etc/resolv.conf";
    const Row rows[] = {
        {"the file as it was", {{kRc, ours_file}}, "nameserver 10.0.0.1\n", "10.0.0.1:53"},
        {"a newer lease of dhclient",
         {{kRc, ours_file}, {kLeaseFile, "nameserver 10.0.0.9\n"}},
         "nameserver 10.0.0.1\n",
         "10.0.0.9:53"},
        {"NetworkManager's own list",
         {{kRc, ours_file}, {kNmServers, "nameserver 10.0.0.7\n"}},
         "nameserver 10.0.0.1\n",
         "10.0.0.7:53"},
        {"the other records of resolvconf",
         {{kRc, "nameserver 127.0.0.153\n"},
          {"/run/resolvconf/interface/lo.postern", "nameserver 127.0.0.153\n"},
          {"/run/resolvconf/interface/eth0.dhclient", "nameserver 10.0.0.3\n"}},
         "nameserver 10.0.0.1\n",
         "10.0.0.3:53"},
        {"the other records of openresolv",
         {{kRc, "nameserver 127.0.0.153\n"},
          {"/run/resolvconf/interfaces/lo.postern", "nameserver 127.0.0.153\n"},
          {"/run/resolvconf/interfaces/eth0", "nameserver 10.0.0.4\n"}},
         "",
         "10.0.0.4:53"},
        {"the other records of openresolv 3.14 and later",
         {{kRc, "nameserver 127.0.0.153\n"},
          {"/run/resolvconf/keys/lo.postern", "nameserver 127.0.0.153\n"},
          {"/run/resolvconf/keys/eth0", "nameserver 10.0.0.4\n"}},
         "",
         "10.0.0.4:53"},
        {"a second nameserver line of ours is no news",
         {{kRc, compose_resolv_conf("", us, *core::IpAddress::parse("10.0.0.1"))},
          {kLeaseFile, "nameserver 10.0.0.9\n"}},
         "",
         "10.0.0.9:53"},
        {"resolved asks us for everything and knows no other: its stub would be a loop",
         {{kRc, "nameserver 127.0.0.53\n"}, {kResolvedUplinks, "nameserver 127.0.0.153\n"}},
         "nameserver 127.0.0.53\n",
         ""},
    };
    const std::vector<core::SocketAddress> ours{{us, 53}};
    for (const Row& row : rows) {
        INFO(row.what);
        test::FakeHost host;
        for (const auto& [path, text] : row.files)
            host.with_file(path, text);
        Journal journal;
        journal.state = TakeoverState::kOn;
        journal.decision.file = FileWay::kNmUnmanaged;
        journal.target.kept = row.kept;
        std::string servers;
        for (const auto& s : host_upstreams(host, ours, journal).servers)
            servers += (servers.empty() ? "" : " ") + s.text();
        CHECK(servers == row.servers);
    }
}

TEST_CASE("hostdns: on a host whose file had no owner, its content precedes what managers would have written",
          "[hostdns]") {
    const core::IpAddress us = *core::IpAddress::parse("127.0.0.153");
    test::FakeHost host;
    host.with_file("/etc/resolv.conf", compose_resolv_conf("nameserver 10.0.0.1\n", us, std::nullopt))
        .with_file(kNmServers, "nameserver 100.100.2.136\n");
    Journal journal;
    journal.state = TakeoverState::kOn;
    journal.decision.file = FileWay::kPlain;
    journal.target.kept = "nameserver 10.0.0.1\n";
    CHECK(host_upstreams(host, {{us, 53}}, journal).servers.front().text() == "10.0.0.1:53");
    // NetworkManager's dnsmasq asks us for the names: asking it back would be a loop.
    host.with_file("/etc/resolv.conf", "nameserver 127.0.0.1\n");
    journal.decision.file = FileWay::kNmDnsmasq;
    CHECK(host_upstreams(host, {{us, 53}}, journal).servers.front().text() == "100.100.2.136:53");
}

TEST_CASE("hostdns: which addresses are ours, whatever they listen on", "[hostdns]") {
    struct Row {
        const char* what;
        std::vector<const char*> listen;
        const char* resolv_conf;
        const char* servers;
    };
    const Row rows[] = {
        {"every address: loopback is ours", {"0.0.0.0:53"}, "nameserver 127.0.0.1\n", ""},
        {"every address: that of a network card is, too",
         {"0.0.0.0:53"},
         "nameserver 10.9.9.9\nnameserver 10.9.9.8\n",
         "10.9.9.8:53"},
        {"every address of IPv6", {"[::]:53"}, "nameserver ::1\nnameserver 127.0.0.1\n", "127.0.0.1:53"},
        {"another port: another server has port 53", {"127.0.0.1:5353"}, "nameserver 127.0.0.1\n", "127.0.0.1:53"},
        {"the second of ours",
         {"10.9.9.9:53", "127.0.0.153:53"},
         "nameserver 127.0.0.153\nnameserver 10.0.0.1\n",
         "10.0.0.1:53"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        test::FakeHost host;
        host.own_addresses = {*core::IpAddress::parse("10.9.9.9")};
        host.with_file(kResolvConf, row.resolv_conf);
        std::vector<core::SocketAddress> listen;
        for (const char* text : row.listen)
            listen.push_back(*core::SocketAddress::parse(text, 53));
        std::string servers;
        for (const auto& s : host_upstreams(host, listen, Journal{}).servers)
            servers += (servers.empty() ? "" : " ") + s.text();
        CHECK(servers == row.servers);
    }
    // [dns] listen has changed, and the host still asks where it was told to.
    test::FakeHost host;
    host.with_file(kResolvConf, "nameserver 127.0.0.153\n");
    Journal journal;
    journal.state = TakeoverState::kOn;
    journal.target.listen = *core::SocketAddress::parse("127.0.0.153:53", 53);
    CHECK(host_upstreams(host, {*core::SocketAddress::parse("127.0.0.154:53", 53)}, journal).servers.empty());
}

TEST_CASE("hostdns: the sources of upstreams, one after the other", "[hostdns]") {
    const test::TempFolder folder;
    const auto at = [](const char* text) { return *core::SocketAddress::parse(text, 53); };
    test::FakeHost host;
    Config config;
    config.agent.state_dir = folder.path();
    config.agent.runtime_dir = folder / "run";
    config.dns.listen = {at("127.0.0.153")};
    const Paths paths = paths_of(config.agent);
    Journal journal;
    AgentUpstreams agent;
    const auto found = [&] {
        const auto upstreams = find_upstreams(host, config.dns, paths, journal, agent);
        CHECK(upstreams.source.empty() == upstreams.servers.empty());
        return upstreams.servers.empty() ? "" : upstreams.servers.front().ip.text() + " " + upstreams.source;
    };
    // From the last source to the first.
    CHECK(found() == "");
    agent.of_instance = {*core::IpAddress::parse("100.100.2.136")};
    CHECK(found() == "100.100.2.136 instance metadata");
    const std::string fallback = core::format_fallback({{}, {at("10.0.0.6")}, {}});
    REQUIRE(core::write_file(paths.fallback, core::as_bytes(fallback), 0600, false));
    CHECK(found() == "10.0.0.6 " + paths.fallback);
    agent.in_use = {{at("10.0.0.4")}, "/etc/resolv.conf", 5};
    CHECK(found() == "10.0.0.4 /etc/resolv.conf");
    host.with_file(kResolvConf, "nameserver 127.0.0.153\n");
    CHECK(found() == "10.0.0.4 /etc/resolv.conf");
    host.with_file(kResolvConf, "nameserver 10.0.0.3\n");
    CHECK(found() == "10.0.0.3 /etc/resolv.conf");
    config.dns.upstreams = {at("10.0.0.2")};
    CHECK(found() == "10.0.0.2 configured");

    // What is ours by now, or asks us, is passed over wherever it is remembered.
    config.dns.upstreams.clear();
    host.files.erase(kResolvConf);
    config.dns.listen = {at("10.0.0.4")};
    CHECK(found() == "10.0.0.6 " + paths.fallback);
    agent.in_use.servers = {at("127.0.0.53")};
    CHECK(found() == "127.0.0.53 /etc/resolv.conf");
    journal.state = TakeoverState::kOn;
    journal.target.listen = at("10.0.0.4");
    journal.decision.mode = Mode::kSplit;
    CHECK(found() == "127.0.0.53 /etc/resolv.conf");
    journal.decision.mode = Mode::kFull;
    CHECK(found() == "10.0.0.6 " + paths.fallback);
}

TEST_CASE("hostdns: the resolver answers before the host's clients give up", "[hostdns]") {
    for (const int timeout_s : {1, 2, 3, 5, 30}) {
        const HostUpstreams upstreams{{}, "", timeout_s};
        CHECK(upstreams.budget_ms() == (timeout_s <= 2 ? 1800u : 4000u));
    }
}

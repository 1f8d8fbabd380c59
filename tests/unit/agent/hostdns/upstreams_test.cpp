#include <catch2/catch.hpp>

#include <map>

#include "agent/hostdns/upstreams.h"
#include "tests/unit/agent/hostdns/fake_host.h"

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
        {"nonsense, scopes and duplicates are left out",
         {{kRc, "nameserver\nnameserver x\nnameserver fe80::1%eth0\nnameserver 10.0.0.2\nnameserver 10.0.0.2\n"}},
         "10.0.0.2:53",
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

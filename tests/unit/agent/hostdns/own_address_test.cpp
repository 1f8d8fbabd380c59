// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/own_address.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::vector<core::SocketAddress> addresses(const std::vector<const char*>& texts) {
    std::vector<core::SocketAddress> out;
    for (const char* text : texts)
        out.push_back(*core::SocketAddress::parse(text, 53));
    return out;
}

}  // namespace

TEST_CASE("own address: which of ours this host asks", "[hostdns]") {
    const std::vector<const char*> loopback = {"127.0.0.0/8", "::1/128"};
    struct Row {
        const char* what;
        std::vector<const char*> listen, allow;
        const char* asked;
    };
    const Row rows[] = {
        {"the usual one", {"127.0.0.153:53"}, loopback, "127.0.0.153:53"},
        {"one for others first: it refuses this host", {"10.9.9.9:53", "127.0.0.153:53"}, loopback, "127.0.0.153:53"},
        {"the other way round", {"127.0.0.153:53", "10.9.9.9:53"}, loopback, "127.0.0.153:53"},
        {"both let this host in: loopback stays when a network goes",
         {"10.9.9.9:53", "127.0.0.153:53"},
         {"10.0.0.0/8", "127.0.0.0/8"},
         "127.0.0.153:53"},
        {"loopback is not let in", {"127.0.0.153:53", "10.9.9.9:53"}, {"10.0.0.0/8"}, "10.9.9.9:53"},
        {"nobody is", {"10.9.9.9:53", "127.0.0.153:53"}, {}, "127.0.0.153:53"},
        {"of 127.0.0.0/8 the kernel asks from .1",
         {"127.0.0.153:53", "10.9.9.9:53"},
         {"127.0.0.1/32"},
         "127.0.0.153:53"},
        {"and from no other", {"127.0.0.153:53", "10.9.9.9:53"}, {"127.0.0.153/32", "10.9.9.9/32"}, "10.9.9.9:53"},
        {"resolv.conf knows port 53 only", {"127.0.0.153:5353", "127.0.0.154:53"}, loopback, "127.0.0.154:53"},
        {"port 53 that refuses is none", {"10.9.9.9:53", "127.0.0.153:5353"}, loopback, "127.0.0.153:5353"},
        {"another port alone", {"127.0.0.153:5353"}, loopback, "127.0.0.153:5353"},
        {"every address", {"0.0.0.0:53"}, loopback, "127.0.0.1:53"},
        {"every address of IPv6", {"[::]:53"}, loopback, "[::1]:53"},
        {"every address, and one that refuses first", {"10.9.9.9:53", "[::]:53"}, loopback, "[::1]:53"},
        {"IPv6 is not let in", {"[::1]:53", "127.0.0.153:53"}, {"127.0.0.0/8"}, "127.0.0.153:53"},
        {"equals: the first", {"[::1]:53", "127.0.0.153:53"}, loopback, "[::1]:53"},
        {"nothing configured", {}, {}, "127.0.0.153:53"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        DnsConfig dns;
        dns.listen = addresses(row.listen);
        for (const char* prefix : row.allow)
            dns.allow.push_back(*core::IpPrefix::parse(prefix));
        CHECK(own_address(dns).text() == row.asked);
    }
}

TEST_CASE("own address: which addresses are ours", "[hostdns]") {
    struct Row {
        std::vector<const char*> listen;
        const char* server;
        bool own;
    };
    const Row rows[] = {
        {{"127.0.0.153:53"}, "127.0.0.153:53", true},
        {{"127.0.0.153:53"}, "127.0.0.1:53", false},
        {{"127.0.0.153:5353"}, "127.0.0.153:53", false},  // another server's: port 53 is not ours
        {{"10.9.9.9:53", "127.0.0.153:53"}, "10.9.9.9:53", true},
        {{"0.0.0.0:53"}, "127.0.0.1:53", true},
        {{"0.0.0.0:53"}, "10.9.9.9:53", true},
        {{"0.0.0.0:53"}, "10.9.9.8:53", false},
        {{"0.0.0.0:53"}, "0.0.0.0:53", true},
        {{"0.0.0.0:53"}, "[::1]:53", false},
        {{"[::]:53"}, "[::1]:53", true},
        {{"[::]:53"}, "[2408::9]:53", true},
        {{"[::]:53"}, "10.9.9.9:53", false},
        {{"0.0.0.0:5353"}, "127.0.0.1:53", false},
        {{}, "127.0.0.153:53", false},
    };
    const std::vector<core::IpAddress> of_host = {*core::IpAddress::parse("10.9.9.9"),
                                                  *core::IpAddress::parse("2408::9")};
    for (const Row& row : rows) {
        INFO((row.listen.empty() ? "" : row.listen.front()) << " | " << row.server);
        CHECK(is_own(*core::SocketAddress::parse(row.server, 53), addresses(row.listen), of_host) == row.own);
    }
}

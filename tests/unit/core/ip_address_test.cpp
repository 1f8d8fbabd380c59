// SPDX-License-Identifier: Apache-2.0
#include <net/if.h>

#include "core/ip_address.h"
#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("ip: text forms are parsed strictly and printed canonically", "[ip]") {
    CHECK(IpAddress::parse("10.0.1.23")->text() == "10.0.1.23");
    CHECK(IpAddress::parse("2408:4005:0:0::1")->text() == "2408:4005::1");
    for (const auto* bad : {"", "false", "true", "10.0.1", "10.0.1.256", "010.0.0.1x", " 10.0.0.1", "[::1]", "::1%lo",
                            "1.2.3.4.5", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}) {
        INFO(bad);
        CHECK_FALSE(IpAddress::parse(bad));
    }
}

TEST_CASE("ip: socket addresses take a default port and reject what is not one", "[ip]") {
    CHECK(SocketAddress::parse("100.100.2.136", 53)->text() == "100.100.2.136:53");
    CHECK(SocketAddress::parse("127.0.0.1:5300", 53)->port == 5300);
    CHECK(SocketAddress::parse("[::1]:53", 53)->text() == "[::1]:53");
    CHECK(SocketAddress::parse("::1", 53)->text() == "[::1]:53");
    for (const auto* bad : {"127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:5x", "[127.0.0.1]:53", "[::1",
                            "[::1]53", "host:53"}) {
        INFO(bad);
        CHECK_FALSE(SocketAddress::parse(bad, 53));
    }
}

TEST_CASE("ip: a link-local IPv6 address may have a scope", "[ip]") {
    const auto scoped = SocketAddress::parse("[fe80::1%eth0]:5353", 53);
    REQUIRE(scoped);
    CHECK(scoped->text() == "[fe80::1%eth0]:5353");
    CHECK(scoped->host() == "fe80::1%eth0");
    CHECK(SocketAddress::parse("fe80::1%eth0", 53)->text() == "[fe80::1%eth0]:53");
    CHECK(*scoped != *SocketAddress::parse("[fe80::1%eth1]:5353", 53));
    sockaddr_storage storage;
    SocketAddress::parse("fe80::1%lo", 53)->to(&storage);
    CHECK(reinterpret_cast<sockaddr_in6&>(storage).sin6_scope_id == if_nametoindex("lo"));
    SocketAddress::parse("fe80::1%7", 53)->to(&storage);
    CHECK(reinterpret_cast<sockaddr_in6&>(storage).sin6_scope_id == 7);
    for (const char* bad :
         {"fe80::1%", "fd00::1%eth0", "169.254.0.1%eth0", "fe80::1%a/b", "fe80::1%sixteen-letters!", "fe80::1%e th"})
        CHECK_FALSE(SocketAddress::parse(bad, 53));
}

TEST_CASE("ip: prefixes contain their addresses and no others", "[ip]") {
    const auto loopback = *IpPrefix::parse("127.0.0.0/8");
    CHECK(loopback.contains(*IpAddress::parse("127.255.0.1")));
    CHECK_FALSE(loopback.contains(*IpAddress::parse("128.0.0.1")));
    CHECK_FALSE(loopback.contains(*IpAddress::parse("::1")));
    const auto odd = *IpPrefix::parse("10.0.16.0/20");
    CHECK(odd.contains(*IpAddress::parse("10.0.31.255")));
    CHECK_FALSE(odd.contains(*IpAddress::parse("10.0.32.0")));
    CHECK(IpPrefix::parse("0.0.0.0/0")->contains(*IpAddress::parse("8.8.8.8")));
    CHECK(IpPrefix::parse("10.0.0.1")->length == 32);
    for (const auto* bad : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "/8"}) {
        INFO(bad);
        CHECK_FALSE(IpPrefix::parse(bad));
    }
}

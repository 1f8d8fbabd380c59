// SPDX-License-Identifier: Apache-2.0
// What a socket to listen on is made with.
#include "resolver/listen_sockets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::resolver;

TEST_CASE("listen sockets: one of IPv6 leaves the IPv4 addresses of its port to others", "[server]") {
    // Otherwise "[::]:53" would keep "0.0.0.0:53" of the same plan from being bound.
    for (const bool stream : {false, true}) {
        const auto bound = bind_socket({*core::IpAddress::parse("::1"), 0}, stream);
        REQUIRE(bound);
        CHECK(bound->stream == stream);
        CHECK(bound->address.port != 0);
        int only = 0;
        socklen_t size = sizeof only;
        REQUIRE(::getsockopt(bound->fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, &size) == 0);
        CHECK(only == 1);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "core/any_address.h"

#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("ip: a listener on every address is reached by loopback", "[ip]") {
    const auto reached = [](const char* listen) { return on_this_host(*SocketAddress::parse(listen, 0)).text(); };
    CHECK(reached("0.0.0.0:53") == "127.0.0.1:53");
    CHECK(reached("[::]:5353") == "[::1]:5353");
    CHECK(reached("127.0.0.153:53") == "127.0.0.153:53");
    CHECK(reached("[2408::1]:53") == "[2408::1]:53");
    CHECK_FALSE(is_any(*IpAddress::parse("0.0.0.1")));
    CHECK_FALSE(is_any(*IpAddress::parse("::1")));
}

// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using test::Bench;
using test::Query;
using test::records_of;

TEST_CASE("local: resolver.arpa is NODATA at every name, so that no client finds another resolver", "[local]") {
    // RFC 9462 6.4: _dns.resolver.arpa of an upstream would lead clients past the private names.
    Bench bench;
    bench.use(test::usual_plan());
    for (const char* name : {"_dns.resolver.arpa.", "resolver.arpa.", "a.b.Resolver.ARPA."}) {
        for (const std::uint16_t type : std::initializer_list<std::uint16_t>{1, 2, 16, 28, 33, 64, 65, 257}) {
            CAPTURE(name, type);
            const auto reply = bench.ask(Query{.name = name, .type = type});
            REQUIRE_FALSE(reply.empty());
            CHECK(test::flags_of(reply) == 0x8580);  // NOERROR, AA
            CHECK(records_of(reply).empty());
            const auto authority = records_of(reply, LDNS_SECTION_AUTHORITY);
            REQUIRE(authority.size() == 1);
            CHECK(authority[0].find("resolver.arpa. 600 IN SOA ") == 0);
        }
    }
    for (const std::uint16_t type : std::initializer_list<std::uint16_t>{6, 255}) {
        const auto apex = records_of(bench.ask(Query{.name = "resolver.arpa.", .type = type}));
        REQUIRE(apex.size() == 1);
        CHECK(apex[0].find("resolver.arpa. 600 IN SOA ") == 0);
        CHECK(records_of(bench.ask(Query{.name = "_dns.resolver.arpa.", .type = type})).empty());
    }
    CHECK(bench.transport.sent == 0);
    bench.ask(Query{.name = "resolver.arpa.example."});
    bench.ask(Query{.name = "notresolver.arpa."});
    CHECK(bench.transport.sent == 2);
}

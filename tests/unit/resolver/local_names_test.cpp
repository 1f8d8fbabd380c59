// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/resolver/handler_kit.h"

#include "tests/unit/catch.h"

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

// A type that does not exist is NODATA with the zone's SOA, which says for how long (RFC 2308): neither a record of
// another type nor an error, with which clients ask on and on.
TEST_CASE("local: of this host's own names the types that exist are answered, no others", "[local]") {
    Bench bench;
    bench.use(test::usual_plan());
    const std::string v4 = "1.0.0.127.in-addr.arpa.", zone = "127.in-addr.arpa.";
    const std::string v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.";
    constexpr std::uint16_t kA = 1, kSoa = 6, kPtr = 12, kMx = 15, kAaaa = 28, kAny = 255;
    struct Case {
        std::string name;
        std::uint16_t type;
        std::string answer, soa;  // how the record begins behind the name; the owner of the SOA of a negative reply
        int rcode = 0;
    };
    const Case cases[] = {{"localhost.", kA, "A 127.0.0.1", ""},
                          {"localhost.", kAny, "A 127.0.0.1", ""},
                          {"localhost.", kAaaa, "AAAA ::1", ""},
                          {"localhost.", kSoa, "SOA localhost. nobody.invalid. ", ""},
                          {"x.localhost.", kSoa, "", "localhost."},
                          {"localhost.", kMx, "", "localhost."},
                          {v4, kPtr, "PTR localhost.", ""},
                          {v4, kAny, "PTR localhost.", ""},
                          {v4, kA, "", zone},
                          {v6, kPtr, "PTR localhost.", ""},
                          {v6, kAny, "PTR localhost.", ""},
                          {v6, kA, "", v6},
                          {zone, kSoa, "SOA localhost. nobody.invalid. ", ""},
                          {zone, kAny, "SOA localhost. nobody.invalid. ", ""},
                          {zone, kA, "", zone},
                          {"0." + zone, kSoa, "", zone},
                          {"0.0." + zone, kPtr, "", zone},
                          {"1." + zone, kSoa, "", zone, 3},
                          {"x." + v4, kPtr, "", zone, 3}};
    for (const Case& c : cases) {
        CAPTURE(c.name, c.type);
        const auto reply = bench.ask(Query{.name = c.name, .type = c.type});
        REQUIRE_FALSE(reply.empty());
        CHECK(test::rcode_of(reply) == c.rcode);
        const auto answer = records_of(reply), authority = records_of(reply, LDNS_SECTION_AUTHORITY);
        REQUIRE(answer.size() == (c.answer.empty() ? 0 : 1));
        REQUIRE(authority.size() == (c.soa.empty() ? 0 : 1));
        if (!answer.empty()) CHECK(answer[0].find(c.name + " 600 IN " + c.answer) == 0);
        if (!authority.empty()) CHECK(authority[0].find(c.soa + " 600 IN SOA ") == 0);
    }
    CHECK(bench.transport.sent == 0);
}

TEST_CASE("local: in class CH the version is the name of the program, and nothing else is known", "[local]") {
    Bench bench;
    bench.use(test::usual_plan());
    for (const char* name : {"version.bind.", "version.server."}) {
        for (const std::uint16_t type : std::initializer_list<std::uint16_t>{16, 255}) {
            const auto answer = records_of(bench.ask(Query{.name = name, .type = type, .klass = 3}));
            CHECK(answer == std::vector<std::string>{std::string(name) + " 0 CH TXT \"postern\""});
        }
        CHECK(test::rcode_of(bench.ask(Query{.name = name, .type = 1, .klass = 3})) == 5);
    }
}

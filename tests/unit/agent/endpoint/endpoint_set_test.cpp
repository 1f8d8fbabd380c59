// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/endpoint_set.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

EndpointAddress at(const char* ip, const char* zone, const char* endpoint = "") {
    return {*core::IpAddress::parse(ip), zone, endpoint};
}

}  // namespace

TEST_CASE("endpoint set: sorted, each address once, and of two zones the first", "[endpoint_set]") {
    const auto set = make_endpoint_set({at("10.0.0.9", "i"), at("fd00::1", "h"), at("10.0.0.10", "h"),
                                        at("10.0.0.9", "j", "ep-2"), at("fd00::1", "h")});
    CHECK(describe(set) == "10.0.0.9 (i), 10.0.0.10 (h), fd00::1 (h)");
    CHECK(make_endpoint_set({at("10.0.0.10", "h"), at("fd00::1", "h"), at("10.0.0.9", "i")}) == set);
    CHECK(make_endpoint_set({}).empty());
    CHECK(describe({}) == "none");
    CHECK(describe({at("10.0.0.1", "")}) == "10.0.0.1");
}

TEST_CASE("endpoint set: narrowed to zones, what has no zone stays", "[endpoint_set]") {
    const auto set = make_endpoint_set({at("10.0.0.1", "h"), at("10.0.0.2", "i"), at("10.0.0.3", "")});
    CHECK(narrowed(set, {}) == set);
    CHECK(describe(narrowed(set, {"i"})) == "10.0.0.2 (i), 10.0.0.3");
    CHECK(describe(narrowed(set, {"i", "h", "k"})) == describe(set));
    CHECK(describe(narrowed(set, {"k"})) == "10.0.0.3");
    CHECK(describe(narrowed(set, {""})) == "10.0.0.3");
    CHECK(narrowed({}, {"h"}).empty());
}

TEST_CASE("endpoint set: what no interface endpoint has is not taken for its address", "[endpoint_set]") {
    for (const char* impossible : {"0.0.0.0", "169.254.169.254", "169.254.1.2", "100.100.100.200", "224.0.0.1",
                                   "255.255.255.255", "::", "fe80::1", "ff02::1", "::ffff:10.0.1.23"}) {
        INFO(impossible);
        CHECK_FALSE(why_no_endpoint(*core::IpAddress::parse(impossible), true).empty());
    }
    for (const char* here : {"127.0.0.2", "127.255.0.1", "::1"}) {
        INFO(here);
        CHECK(why_no_endpoint(*core::IpAddress::parse(here), false) == "a loopback address");
        CHECK(why_no_endpoint(*core::IpAddress::parse(here), true).empty());
    }
    for (const char* possible :
         {"10.0.1.23", "192.168.2.23", "100.100.100.201", "128.0.0.1", "::2", "2408:4005:3b6::10"}) {
        INFO(possible);
        CHECK(why_no_endpoint(*core::IpAddress::parse(possible), false).empty());
    }
}

// A link that names zones is answered with addresses of those, and of nothing whose zone is not known.
TEST_CASE("endpoint set: an address that the API gives without its zone is in none of the zones that a link names",
          "[endpoint_set]") {
    const auto set =
        make_endpoint_set({at("10.0.0.1", "h", "ep-1"), at("10.0.0.2", "", "ep-1"), at("10.0.0.3", "", "")});
    CHECK(describe(narrowed(set, {"h"})) == "10.0.0.1 (h), 10.0.0.3");
    CHECK(narrowed(set, {}).size() == 3);
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/endpoint_set.h"

#include <catch2/catch.hpp>

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

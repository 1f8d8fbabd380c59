// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/source_key.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("discovery: a link's sources have one name each, of the kind that its configuration says", "[discovery]") {
    using Keys = std::vector<std::string>;
    LinkConfig link;
    link.endpoints = {"ep-1", "ep-2"};
    CHECK(source_keys(link) == Keys{"ep-1", "ep-2"});
    CHECK(source_kind(link) == "api");

    link = {};
    link.find.service = "com.example";
    CHECK(source_keys(link) == Keys{"find:service=com.example"});
    CHECK(source_kind(link) == "api");

    link = {};
    link.targets = {"gw.example.com"};
    CHECK(source_keys(link) == Keys{"target:gw.example.com"});
    link.targets = {"gw-b.example.com", "gw-a.example.com"};
    CHECK(source_keys(link) == Keys{"target:gw-b.example.com", "target:gw-a.example.com"});
    CHECK(source_kind(link) == "dns");

    link = {};
    link.zones_file = "/etc/hosts.d/zones.json";
    CHECK(source_keys(link) == Keys{"file:/etc/hosts.d/zones.json"});
    CHECK(source_kind(link) == "file");

    link = {};
    link.addresses = {core::IpAddress::v4(0x0a000001)};
    CHECK(source_keys(link).empty());
    CHECK(source_kind(link) == "fixed");
}

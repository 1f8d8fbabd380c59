// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/provider.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("provider: only what is active, normal and connected counts", "[provider]") {
    EndpointReport r{
        .endpoint_id = "ep-1", .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
    r.zones = {{"h", "Connected", core::IpAddress::parse("10.0.0.1"), core::IpAddress::parse("2001:db8::1"), ""},
               {"i", "Wait", core::IpAddress::parse("10.0.1.1"), {}, ""},
               {"j", "Connected", {}, {}, ""}};
    CHECK(describe(ready_addresses(r, {})) == "10.0.0.1 (h), 2001:db8::1 (h)");
    CHECK(why_not_ready(r, {}).empty());
    CHECK(ready_addresses(r, {"i"}).empty());
    CHECK(why_not_ready(r, {"i"}).find(
              "accept it in TDengine's console: 实例 > 私有连接 > 添加私有连接, endpoint ID ep-1") !=
          std::string::npos);
    CHECK(why_not_ready(r, {"j"}) == "no zone of endpoint ep-1 is connected: j Connected without an address");
    CHECK(why_not_ready(r, {"k"}) == "endpoint ep-1 has none of the zones that the link names; it has h, i, j");
    for (const char* status : {"Creating", "Pending", "Deleting", "BrandNew", ""}) {
        auto other = r;
        other.status = status;
        CHECK(ready_addresses(other, {}).empty());
        CHECK_FALSE(why_not_ready(other, {}).empty());
    }
    for (const char* status :
         {"Pending", "Connecting", "Disconnecting", "Disconnected", "Deleting", "ServiceDeleted", ""}) {
        auto other = r;
        other.connection_status = status;
        CHECK(ready_addresses(other, {}).empty());
        CHECK_FALSE(why_not_ready(other, {}).empty());
    }
    auto pending = r;
    pending.connection_status = "Pending";
    CHECK(why_not_ready(pending, {}) ==
          "the connection of endpoint ep-1 is Pending: accept it in TDengine's console: "
          "实例 > 私有连接 > 添加私有连接, endpoint ID ep-1");
    auto locked = r;
    locked.business_status = "FinancialLocked";
    CHECK(ready_addresses(locked, {}).empty());
    CHECK(why_not_ready(locked, {}).find("overdue bill") != std::string::npos);
}

// An answer with such an address sends clients to their own host, or nowhere: it is left out, and people are told which.
TEST_CASE("provider: an address that no endpoint has is taken out with its reason", "[provider]") {
    EndpointReport r{
        .endpoint_id = "ep-1", .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
    r.zones = {{.zone_id = "h", .status = "Connected", .ipv4 = core::IpAddress::parse("169.254.169.254")},
               {.zone_id = "i",
                .status = "Connected",
                .ipv4 = core::IpAddress::parse("100.100.100.200"),
                .ipv6 = core::IpAddress::parse("::ffff:10.0.1.23")},
               {.zone_id = "j", .status = "Connected", .ipv4 = core::IpAddress::parse("127.0.0.2")}};
    auto stand_in = r;
    refuse_impossible(stand_in, true);
    CHECK(describe(ready_addresses(stand_in, {})) == "127.0.0.2 (j)");
    CHECK(why_not_ready(stand_in, {}).empty());
    CHECK(
        refused_in(stand_in) ==
        "endpoint ep-1: not used, as no endpoint has such an address: 169.254.169.254, a link-local address, in h, "
        "100.100.100.200, the address of the metadata service, ::ffff:10.0.1.23, an IPv4 address written as IPv6, in i");
    refuse_impossible(r, false);
    CHECK(ready_addresses(r, {}).empty());
    CHECK(
        why_not_ready(r, {"j"}) ==
        "no zone of endpoint ep-1 is connected: j Connected with 127.0.0.2, a loopback address, which no endpoint has");
    EndpointReport found{.search = true, .parts = {r}};
    CHECK(refused_in(found) == refused_in(r));
    found.parts[0].zones = {{.zone_id = "h", .status = "Connected", .ipv4 = core::IpAddress::parse("224.0.0.1")}};
    refuse_impossible(found, true);
    CHECK(ready_addresses(found, {}).empty());
    CHECK(refused_in(EndpointReport{}).empty());
}

TEST_CASE("provider: what was found by a search is ready where one of its parts is", "[provider]") {
    const auto part = [](const std::string& id, const std::string& connection, const std::string& ip) {
        EndpointReport r{.endpoint_id = id, .status = "Active", .connection_status = connection};
        r.zones.push_back({"h", "Connected", core::IpAddress::parse(ip), {}, ""});
        return r;
    };
    EndpointReport found{.endpoint_id = "endpoint for com.x"};
    found.search = true;
    CHECK(why_not_ready(found, {}).find("there is no endpoint for com.x: create one") == 0);
    CHECK(ready_addresses(found, {}).empty());
    found.parts = {part("ep-1", "Pending", "10.0.0.1"), part("ep-2", "Connected", "10.0.0.2")};
    CHECK(describe(ready_addresses(found, {})) == "10.0.0.2 (h)");
    CHECK(why_not_ready(found, {}).empty());
    CHECK(part_about(found, "ep-1")->connection_status == "Pending");
    CHECK(part_about(found, "ep-3") == nullptr);
    CHECK(part_about(found.parts[0], "ep-3") == &found.parts[0]);
    found.parts.pop_back();
    CHECK(why_not_ready(found, {}).find("endpoint ID ep-1") != std::string::npos);
    CHECK(title(found.parts[0]) == "endpoint ep-1");
    CHECK(title({.endpoint_id = "/etc/zones.json"}) == "/etc/zones.json");
}

TEST_CASE("provider: what several endpoints have to wait for is told once, with all of them", "[provider]") {
    const auto endpoint = [](const std::string& id, const std::string& status, const std::string& connection) {
        EndpointReport r{.endpoint_id = id, .status = status, .connection_status = connection};
        r.zones.push_back({"h", "Wait", {}, {}, ""});
        return r;
    };
    EndpointReport found{.endpoint_id = "endpoint for com.x", .search = true};
    found.parts = {endpoint("ep-1", "Active", "Pending"), endpoint("ep-2", "Creating", ""),
                   endpoint("ep-3", "Active", "Pending"), endpoint("ep-4", "Creating", "")};
    const std::string all =
        "the connection of endpoint ep-1 is Pending; the connection of endpoint ep-3 is Pending: accept them in TDengine's "
        "console: 实例 > 私有连接 > 添加私有连接, endpoint IDs ep-1, ep-3; endpoint ep-2 is being created; endpoint ep-4 is being "
        "created; it takes about a minute";
    CHECK(why_not_ready(found, {}) == all);
    std::vector<const EndpointReport*> each;
    for (const auto& part : found.parts)
        each.push_back(&part);
    CHECK(why_none_ready(each, {}) == all);
    found.parts.push_back(endpoint("ep-5", "Active", "Connected"));
    found.parts.back().zones = {{"h", "Connected", core::IpAddress::parse("10.0.0.1"), {}, ""}};
    const EndpointReport waiting = found.parts[0];
    CHECK(why_none_ready({&waiting, &found}, {}).empty());  // one of them is
}

TEST_CASE("provider: a search that finds nothing names the region", "[provider]") {
    EndpointReport found{.endpoint_id = "endpoint of S in vpc-1", .search = true};
    found.region = "cn-hangzhou";
    CHECK(
        why_not_ready(found, {}) ==
        "there is no endpoint of S in vpc-1 in region cn-hangzhou: create one, or correct what the link looks for; it may "
        "be in another region");
}

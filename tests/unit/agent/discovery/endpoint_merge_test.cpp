// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/endpoint_merge.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::IpAddress;
using core::kMinute;

namespace {

EndpointReport report(std::vector<ZoneReport> zones) {
    return {.endpoint_id = "ep-1",
            .status = "Active",
            .business_status = "Normal",
            .connection_status = "Connected",
            .zones = std::move(zones)};
}
ZoneReport zone(const std::string& id, const std::string& ip, const std::string& status = "Connected") {
    return {.zone_id = id, .status = status, .ipv4 = IpAddress::parse(ip)};
}
HeldAddresses held(std::vector<std::pair<std::string, std::string>> zones) {
    std::vector<EndpointAddress> out;
    for (auto& [id, ip] : zones)
        out.push_back({*IpAddress::parse(ip), id, "ep-1"});
    return {make_endpoint_set(out), {}};
}
std::string served(const MergedAddresses& m) {
    return describe(m.held.served);
}

const HeldAddresses kTwo = held({{"h", "10.0.0.1"}, {"i", "10.0.1.1"}});

}  // namespace

TEST_CASE("merge: the same again is confirmed, new zones count at once", "[merge]") {
    auto m = merge_report(kTwo, report({zone("h", "10.0.0.1"), zone("i", "10.0.1.1")}), 0, {});
    CHECK(m.confirmed);
    CHECK(m.doubt.empty());
    m = merge_report(kTwo, report({zone("h", "10.0.0.1"), zone("i", "10.0.1.1"), zone("j", "10.0.2.1")}), 0, {});
    CHECK(served(m) == "10.0.0.1 (h), 10.0.1.1 (i), 10.0.2.1 (j)");
    CHECK(m.confirmed);
}

TEST_CASE("merge: an address replaced in its zone changes at once", "[merge]") {
    const auto m = merge_report(kTwo, report({zone("h", "10.0.0.9"), zone("i", "10.0.1.1")}), 0, {});
    CHECK(served(m) == "10.0.0.9 (h), 10.0.1.1 (i)");
    CHECK(m.confirmed);
}

// A zone may have an address of each family. The arrival of one says nothing about the other.
TEST_CASE("merge: an address of the other family is no successor", "[merge]") {
    const auto one = held({{"h", "10.0.0.1"}});
    auto dual = zone("h", "10.0.0.1");
    dual.ipv4.reset();
    dual.ipv6 = IpAddress::parse("fd00::9");
    const auto m = merge_report(one, report({dual}), 0, {});
    CHECK(served(m) == "10.0.0.1 (h), fd00::9 (h)");
    CHECK_FALSE(m.confirmed);
    CHECK(m.doubt.find("10.0.0.1 (h) no longer listed") != std::string::npos);
}

TEST_CASE("merge: a zone that vanished goes after the grace time, a flapping one never", "[merge]") {
    const auto without = report({zone("h", "10.0.0.1")});
    const auto with = report({zone("h", "10.0.0.1"), zone("i", "10.0.1.1")});
    auto m = merge_report(kTwo, without, 0, {});
    CHECK(served(m) == "10.0.0.1 (h), 10.0.1.1 (i)");
    CHECK_FALSE(m.confirmed);
    CHECK(m.doubt.find("10.0.1.1 (i) no longer listed") != std::string::npos);
    CHECK(merge_report(m.held, without, 10 * kMinute, {}).held.served.size() == 1);
    auto flapping = kTwo;
    for (int minute = 0; minute < 600; ++minute) {
        flapping = merge_report(flapping, minute % 7 == 0 ? with : without, minute * kMinute, {}).held;
        REQUIRE(flapping.served.size() == 2);
    }
}

TEST_CASE("merge: addresses that replace each other by turns are both served until one has stayed", "[merge]") {
    const auto first = report({zone("h", "10.0.0.1")}), second = report({zone("h", "10.0.0.9")});
    auto now = held({{"h", "10.0.0.1"}});
    now = merge_report(now, second, 0, {}).held;
    CHECK(describe(now.served) == "10.0.0.9 (h)");
    now = merge_report(now, first, 1 * kMinute, {}).held;  // taken back: followed, too
    CHECK(describe(now.served) == "10.0.0.1 (h)");
    for (int minute = 2; minute < 60; ++minute) {
        now = merge_report(now, minute % 2 == 0 ? second : first, minute * kMinute, {}).held;
        REQUIRE(describe(now.served) == "10.0.0.1 (h), 10.0.0.9 (h)");
    }
    for (int minute = 60; minute < 72; ++minute)
        now = merge_report(now, first, minute * kMinute, {}).held;
    CHECK(describe(now.served) == "10.0.0.1 (h)");
    CHECK(now.leaving.empty());
    now = merge_report(now, second, 90 * kMinute, {}).held;  // long after that it is a change like any other
    CHECK(describe(now.served) == "10.0.0.9 (h)");
}

TEST_CASE("merge: an end that the API states counts at once, unless a probe disagrees", "[merge]") {
    for (const char* word : {"Deleting", "Deleted", "Disconnecting", "Disconnected"}) {
        const auto m = merge_report(kTwo, report({zone("h", "10.0.0.1"), zone("i", "10.0.1.1", word)}), 0, {});
        CHECK(served(m) == "10.0.0.1 (h)");
    }
    auto gone = report({zone("h", "10.0.0.1", "Wait"), zone("i", "10.0.1.1", "Wait")});
    gone.connection_status = "Disconnected";
    const auto works = [](const IpAddress&) { return true; };
    auto m = merge_report(kTwo, gone, 0, works);
    CHECK(m.held.served.size() == 2);
    CHECK_FALSE(m.held.ended);
    // The reason tells the operator what ends it: a probe, or the grace time.
    CHECK(m.doubt.find("the API says that the end of 10.0.0.1 (h), 10.0.1.1 (i) has come") != std::string::npos);
    m = merge_report(m.held, gone, 10 * kMinute, works);
    CHECK(m.held.ended);
    CHECK(merge_report(m.held, gone, 11 * kMinute, works).held.ended);  // whatever probes say, until it is back
}

// The last known good is never replaced by nothing: a dead address is no worse than none, and the connection may come back.
TEST_CASE("merge: the end of the last address is noted, and the address stays until there is another", "[merge]") {
    for (const char* word : {"Deleting", "Deleted", "Disconnecting", "Disconnected", "ServiceDeleted"}) {
        INFO(word);
        auto connection = report({zone("h", "10.0.0.1", "Wait"), zone("i", "10.0.1.1", "Wait")});
        connection.connection_status = word;
        auto endpoint = report({});
        endpoint.status = word;
        const auto zones = report({zone("h", "10.0.0.1", word), zone("i", "10.0.1.1", word)});
        for (const auto& r : {connection, endpoint, zones}) {
            auto m = merge_report(kTwo, r, 0, {});
            for (int hour = 1; hour < 100; ++hour)
                m = merge_report(m.held, r, hour * core::kHour, {});
            CHECK(served(m) == "10.0.0.1 (h), 10.0.1.1 (i)");
            CHECK_FALSE(m.confirmed);
            CHECK(m.doubt.find("stay in use") != std::string::npos);
            const auto back = merge_report(m.held, report({zone("h", "10.0.0.1")}), 200 * core::kHour, {});
            CHECK_FALSE(back.held.ended);
            const auto another = merge_report(m.held, report({zone("h", "10.0.0.9"), zone("i", "10.0.1.1", word)}),
                                              200 * core::kHour, {});
            CHECK(served(another) == "10.0.0.9 (h)");
            CHECK_FALSE(another.held.ended);
        }
    }
    CHECK_FALSE(merge_report({}, report({}), 0, {}).held.served.size() > 0);
}

TEST_CASE("merge: a reply that would leave nothing without saying why never empties anything", "[merge]") {
    std::vector<EndpointReport> odd{report({}),
                                    report({zone("h", "10.0.0.1", "Wait"), zone("i", "10.0.1.1", "Migrating")}),
                                    report({zone("k", "10.0.9.9", "Creating")})};
    odd.push_back(report({zone("h", "10.0.0.1"), zone("i", "10.0.1.1")}));
    odd.back().status = "Pending";
    odd.push_back(odd.back());
    odd.back().status = "Active";
    odd.back().business_status = "FinancialLocked";
    odd.push_back(odd.back());
    odd.back().business_status = "Normal";
    odd.back().connection_status = "SomethingNew";
    for (const auto& r : odd) {
        auto m = merge_report(kTwo, r, 0, {});
        for (int hour = 0; hour < 100; ++hour)
            m = merge_report(m.held, r, hour * core::kHour, {});
        CHECK(served(m) == "10.0.0.1 (h), 10.0.1.1 (i)");
        CHECK(m.doubt.find("stay in use") != std::string::npos);
        CHECK_FALSE(m.confirmed);
    }
    CHECK(merge_report({}, report({}), 0, {}).doubt.empty());  // nothing known, nothing to doubt
}

// The addresses of an endpoint that was made again under another ID may belong to another machine of the VPC by then.
TEST_CASE("merge: an endpoint that a new one has replaced in a search is answered no more, unless it still works",
          "[merge]") {
    const auto found = [](std::vector<EndpointReport> parts) {
        return EndpointReport{.endpoint_id = "endpoint of com.x", .search = true, .parts = std::move(parts)};
    };
    EndpointReport again = report({zone("h", "10.0.0.9")});
    again.endpoint_id = "ep-2";
    const auto one = held({{"h", "10.0.0.1"}});
    const auto works = [](const core::IpAddress&) { return true; };
    const auto fails = [](const core::IpAddress&) { return false; };
    CHECK(served(merge_report(one, found({again}), 0, fails)) == "10.0.0.9 (h)");
    CHECK(merge_report(one, found({again}), 0, fails).confirmed);
    CHECK(served(merge_report(one, found({again}), 0, works)) == "10.0.0.1 (h), 10.0.0.9 (h)");
    // Both were there before: that one is left out of a reply says little.
    auto both = merge_report(one, found({report({zone("h", "10.0.0.1")}), again}), 0, works);
    CHECK(served(merge_report(both.held, found({again}), kMinute, fails)) == "10.0.0.1 (h), 10.0.0.9 (h)");
    // In another zone it is no successor.
    again.zones[0].zone_id = "i";
    CHECK(served(merge_report(one, found({again}), 0, fails)) == "10.0.0.1 (h), 10.0.0.9 (i)");
}

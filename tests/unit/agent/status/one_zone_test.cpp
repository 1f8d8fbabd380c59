// SPDX-License-Identifier: Apache-2.0
#include "agent/status/one_zone.h"

#include <fmt/format.h>

#include "agent/faults/fault_text.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::IpAddress;

namespace {

constexpr const char* kDomain = "ep-1.epsrv-2.cn-hangzhou.privatelink.aliyuncs.com";

EndpointReport endpoint() {
    EndpointReport r{.endpoint_id = "ep-1"};
    r.domain = kDomain;
    r.zones = {{"h", "Connected", IpAddress::parse("10.0.1.1"), IpAddress::parse("2001:db8::1"), "ep-1-h.example"},
               {"i", "Connected", IpAddress::parse("10.0.2.1"), {}, "ep-1-i.example"},
               {"j", "Wait", IpAddress::parse("10.0.3.1"), {}, "ep-1-j.example"}};
    return r;
}

std::vector<IpAddress> ips(std::vector<const char*> list) {
    std::vector<IpAddress> out;
    for (const char* ip : list)
        out.push_back(*IpAddress::parse(ip));
    return out;
}

std::string found(const std::string& name, std::vector<const char*> gave, std::vector<const char*> in_use,
                  const EndpointReport& report = endpoint(), const std::string& leads_to = "") {
    const auto finding = one_zone(FollowedName{name, leads_to, ips(std::move(gave))}, ips(std::move(in_use)), report);
    return finding ? finding->zone + " not " + finding->others : "-";
}

}  // namespace

TEST_CASE("one zone: the endpoint's domain that gave one zone's addresses of several is a finding", "[zones]") {
    CHECK(found(kDomain, {"10.0.1.1"}, {"10.0.1.1"}) == "h not i");
    CHECK(found(kDomain, {"10.0.1.1", "2001:db8::1"}, {"10.0.1.1", "2001:db8::1"}) == "h not i");  // of both families
    CHECK(found("db.alias.example", {"10.0.2.1"}, {"10.0.2.1"}, endpoint(), fmt::format("{}.", kDomain)) == "i not h");
}

TEST_CASE("one zone: what is not known to be so is not said", "[zones]") {
    CHECK(found(kDomain, {"10.0.1.1", "10.0.2.1"}, {"10.0.1.1", "10.0.2.1"}) == "-");
    CHECK(found(kDomain, {"10.0.1.1"}, {"10.0.1.1", "10.0.2.1"}) == "-");  // another name of the link gives the rest
    CHECK(found(kDomain, {}, {}) == "-");
    CHECK(found(kDomain, {"10.9.9.9"}, {"10.9.9.9"}) == "-");  // of another endpoint
    CHECK(found("other.example", {"10.0.1.1"}, {"10.0.1.1"}) == "-");
    CHECK(found("ep-1-h.example", {"10.0.1.1"}, {"10.0.1.1"}) == "-");  // one zone was asked for
    auto single = endpoint();
    single.zones.erase(single.zones.begin() + 1);
    CHECK(found(kDomain, {"10.0.1.1"}, {"10.0.1.1"}, single) == "-");  // the other is not connected
}

TEST_CASE("one zone: a zones file has no domain of the endpoint, its zones' names are enough", "[zones]") {
    auto saved = endpoint();
    saved.domain.clear();
    CHECK(found(kDomain, {"10.0.1.1"}, {"10.0.1.1"}, saved) == "h not i");
    CHECK(found("ep-1-h.example", {"10.0.1.1"}, {"10.0.1.1"}, saved) == "-");
    saved.zones[0].domain.clear();
    CHECK(found(kDomain, {"10.0.1.1"}, {"10.0.1.1"}, saved) == "-");  // it might be zone h's own name
}

TEST_CASE("one zone: the sentence claims affinity only where it is known, and says what to do", "[zones]") {
    DiscoveryStatus link;
    link.addresses = {{*IpAddress::parse("10.0.1.1"), "", kDomain}};
    link.sources = {{fmt::format("target:{}", kDomain), kDomain, link.addresses, 1, {}}};
    auto report = endpoint();
    const auto sentence = [&] {
        const auto found = one_zone(link, {EndpointReport{.endpoint_id = "ep-9"}, report});
        return told(fault_of(*found, "db"), doctor::Catalogue::in(doctor::Language::kEnglish));
    };
    CHECK(
        sentence() ==
        fmt::format(
            "{} resolves to zone h only, and the other zones of ep-1 (i) are not used (zone affinity would do that): list the "
            "names of all zones as target: ep-1-h.example, ep-1-i.example, or switch ZoneAffinityEnabled off",
            kDomain));
    report.zone_affinity = true;
    CHECK(sentence().find("(its zone affinity is on)") != std::string::npos);
    report.zone_affinity = false;
    CHECK(sentence().find("its zone affinity is off") != std::string::npos);
    CHECK_FALSE(one_zone(link, {}));
}

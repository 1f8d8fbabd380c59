// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_records.h"

#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern::agent;
using namespace postern::agent::publish;

namespace {

std::vector<std::string> told(const std::vector<ZoneRecord>& records) {
    std::vector<std::string> out;
    for (const auto& r : records)
        out.push_back(r.type + " " + r.line + " " + r.value);
    return out;
}
using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("zone records: all for everybody, and for each zone its own", "[publish]") {
    const EndpointSet two = {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")};
    const auto records = wanted_records(two, true, 30);
    CHECK(told(records) == Lines{"A aliyun_r_cn-hangzhou-h 10.0.1.23", "A aliyun_r_cn-hangzhou-i 10.0.2.9",
                                 "A default 10.0.1.23", "A default 10.0.2.9"});
    for (const auto& r : records) {
        CHECK(r.rr == "@");
        CHECK(r.ttl_s == 30);
        CHECK(r.remark == kMark);
    }
    CHECK(told(wanted_records(two, false, 30)) == Lines{"A default 10.0.1.23", "A default 10.0.2.9"});
}

TEST_CASE("zone records: no lines where they would say what the default line says", "[publish]") {
    CHECK(wanted_records({at("10.0.1.23", "cn-hangzhou-h")}, true, 30).size() == 1);
    CHECK(wanted_records({at("10.0.1.23", "cn-hangzhou-h"), at("10.0.1.24", "cn-hangzhou-h")}, true, 30).size() == 2);
    CHECK(wanted_records({at("10.0.1.23"), at("10.0.1.24")}, true, 30).size() == 2);
    CHECK(wanted_records({}, true, 30).empty());
}

TEST_CASE("zone records: a line is complete: a family that the zone lacks has all addresses", "[publish]") {
    const auto records = wanted_records(
        {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i"), at("fd00::9", "cn-hangzhou-i")}, true, 5);
    CHECK(told(records) == Lines{"A aliyun_r_cn-hangzhou-h 10.0.1.23", "A aliyun_r_cn-hangzhou-i 10.0.2.9",
                                 "A default 10.0.1.23", "A default 10.0.2.9", "AAAA aliyun_r_cn-hangzhou-h fd00::9",
                                 "AAAA aliyun_r_cn-hangzhou-i fd00::9", "AAAA default fd00::9"});
    // An address without a zone is nobody's own.
    CHECK(told(wanted_records({at("10.0.1.23", "cn-hangzhou-h"), at("10.0.9.9")}, true, 5)) ==
          Lines{"A aliyun_r_cn-hangzhou-h 10.0.1.23", "A default 10.0.1.23", "A default 10.0.9.9"});
}

TEST_CASE("zone records: the fingerprint tells every difference", "[publish]") {
    const EndpointSet one = {at("10.0.1.23", "cn-hangzhou-h")}, other = {at("10.0.1.24", "cn-hangzhou-h")};
    const std::string base = fingerprint(wanted_records(one, true, 30));
    CHECK(base.size() == 16);
    CHECK(fingerprint(wanted_records(one, true, 30)) == base);
    CHECK(fingerprint(wanted_records(other, true, 30)) != base);
    CHECK(fingerprint(wanted_records(one, true, 5)) != base);
    const EndpointSet two = {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")};
    CHECK(fingerprint(wanted_records(two, true, 30)) != fingerprint(wanted_records(two, false, 30)));
}

// SPDX-License-Identifier: Apache-2.0
// A snapshot with one of everything.
#pragma once

#include <string>

#include "agent/discovery/snapshot_store.h"

namespace postern::test {

inline agent::Snapshot sample(int n = 1) {
    agent::Snapshot s;
    s.region = "cn-hangzhou";
    s.zone = "cn-hangzhou-h";
    s.written_wall_us = 1767323045123456;
    s.api_hosts["privatelink-vpc.cn-hangzhou.aliyuncs.com"] = {*core::IpAddress::parse("100.100.0.1"),
                                                               *core::IpAddress::parse("2001:db8::1")};
    s.list = {"prod", 7, 1767320000000001};
    agent::SourceRecord& r = s.sources["ep-1"];
    r.addresses = {{*core::IpAddress::parse("10.0.0." + std::to_string(n)), "cn-hangzhou-h", "ep-1"}};
    r.report = {.endpoint_id = "ep-1",
                .status = "Active",
                .business_status = "Normal",
                .connection_status = "Connected",
                .service_name = "svc \"quoted\"\n",
                .request_id = "R-1"};
    r.report.zones = {{"cn-hangzhou-h", "Connected", core::IpAddress::parse("10.0.0.1"),
                       core::IpAddress::parse("2001:db8::2"), "d.example"},
                      {"cn-hangzhou-i", "Wait", {}, {}, ""}};
    r.confirmed_wall_us = 1767323045000001;
    agent::SourceRecord& found = s.sources["find:service=x"];
    found.report = {
        .endpoint_id = "endpoint of x in vpc-1", .search = true, .parts = {r.report, {.endpoint_id = "ep-2"}}};
    s.sources["find:service=none"].report.search = true;
    r.changed_wall_us = 1767320000000000;
    return s;
}

}  // namespace postern::test

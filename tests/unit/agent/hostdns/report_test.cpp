// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/report.h"

#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::Lab;

TEST_CASE("hostdns: \"on\" is said of a takeover that is answered", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    HostDnsReport report = report_host_dns(lab.host, lab.journal(), {}, {});
    CHECK(report.text().starts_with("on, not seen working, full since "));
    report.seen = {PathState::kWorks, "", 1};
    CHECK(report.text().starts_with("on, full since "));
    report.seen = {PathState::kFails, "db.private.lab", 1};
    CHECK(report.text().starts_with("broken, full since "));
    CHECK(report.text().ends_with(", but programs of this host can't look up db.private.lab"));
    report.silent = true;
    CHECK(report.text().starts_with("not answered, full since "));
    CHECK(report.text().ends_with(": all names go to 127.0.0.153:53, where nothing answers"));
}

TEST_CASE("hostdns: a file that another program changed is named", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    lab.host.with_file(kResolvConf, "nameserver 10.0.0.1\n");
    const HostDnsReport report = report_host_dns(lab.host, lab.journal(), {}, {});
    CHECK(report.out_of_place == std::vector<std::string>{kResolvConf});
}

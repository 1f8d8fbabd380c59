// SPDX-License-Identifier: Apache-2.0
#include "agent/status/warning.h"

#include "agent/faults/codes.h"
#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("warning: the code of a fault says its kind", "[warning]") {
    const auto kind = [](std::string_view code) { return warning_kind(make_fault(code)); };
    CHECK(kind("PN-CONFIG-WARNING") == "config");
    CHECK(kind("PN-CONFIG-OLDER") == "config");
    CHECK(kind("PN-AGENT-DISCOVERY") == "discovery");
    CHECK(kind("PN-ENDPOINT-AFFINITY") == "zones");
    CHECK(kind("PN-API-CLOCK") == "clock");
    CHECK(kind("PN-RESOLV-TRUCE") == "host_dns");
    CHECK(kind("PN-HOSTS-SHADOW") == "host_dns");
    CHECK(kind("PN-APP-FREEING") == "freeing");
    CHECK(kind("PN-AGENT-PLAN") == "agent");
    CHECK(kind("PN-UNHEARD-OF") == "agent");
}

TEST_CASE("warning: the text names the link, and the command where one repairs it", "[warning]") {
    CHECK(warning_text(make_fault("PN-AGENT-WARNING", "db", {}, {{"problem", "the disk is full"}})) ==
          "db: the disk is full");
    CHECK(warning_text(make_fault("PN-RESOLV-CHANGED", {}, {}, {{"path", "/etc/resolv.conf"}})) ==
          "host DNS: /etc/resolv.conf was changed by another program (fix: postern dns reapply)");
}

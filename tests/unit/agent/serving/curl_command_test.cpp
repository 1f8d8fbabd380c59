// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/curl_command.h"

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

TEST_CASE("curl: the request of a probe, quoted for a shell; the token is the shell's", "[page]") {
    LinkStatus l = link({});
    l.host = "gw.example";
    const auto v4 = *core::IpAddress::parse("10.0.1.23"), v6 = *core::IpAddress::parse("fd00::1");
    CHECK(curl_command(l, v4).empty());  // a kind that sends nothing
    l.request = {"", "/rest/sql", "select 1", ""};
    CHECK(
        curl_command(l, v4) ==
        "curl -sS -m 10 --resolve gw.example:443:10.0.1.23 -d 'select 1' \"https://gw.example/rest/sql?token=$TOKEN\"");
    CHECK(curl_command(l, v6).find("--resolve gw.example:443:'[fd00::1]' ") != std::string::npos);
    CHECK(curl_template(l).find("gw.example:443:{ip} ") != std::string::npos);
    l.request = {"sni.example", "/it's $(id)", "", "/etc/my ca.pem"};
    l.port = 6041;
    CHECK(curl_command(l, v4) ==
          "curl -sS -m 10 --resolve sni.example:6041:10.0.1.23 --cacert '/etc/my ca.pem' -H 'Host: gw.example' "
          "'https://sni.example:6041/it'\\''s $(id)'\"?token=$TOKEN\"");
    l.token_configured = false;
    CHECK(curl_command(l, v4).ends_with(" 'https://sni.example:6041/it'\\''s $(id)'"));
}

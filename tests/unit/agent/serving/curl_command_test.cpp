// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/curl_command.h"

#include <cstdio>
#include <fstream>

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

/// What curl is given when a shell reads the command, a line each.
std::string given(const std::string& command) {
    const test::TempFolder folder;
    const std::string script = folder / "script";
    std::ofstream(script) << "curl() { printf '%s\\n' \"$@\"; }\nTOKEN='from the shell'\n" << command << "\n";
    FILE* shell = ::popen(("sh " + script).c_str(), "re");
    REQUIRE(shell != nullptr);
    std::string out;
    char buffer[512];
    while (std::fgets(buffer, sizeof buffer, shell) != nullptr)
        out += buffer;
    CHECK(::pclose(shell) == 0);
    return out;
}

}  // namespace

TEST_CASE("curl: a shell gives curl what is meant, whatever the names are; the token stays a variable", "[page]") {
    LinkStatus l = link({});
    l.host = "gw.example";
    l.port = 8443;
    l.request = {"tls.example", "/a$b", "select 'a b' $(id)", "/etc/my ca.pem"};
    CHECK(given(curl_command(l, *core::IpAddress::parse("fd00::1"))) ==
          "-sS\n-m\n10\n--resolve\ntls.example:8443:[fd00::1]\n--cacert\n/etc/my ca.pem\n-H\nHost: gw.example\n-d\n"
          "select 'a b' $(id)\nhttps://tls.example:8443/a$b?token=from the shell\n");
}

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

// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include "agent/serving/connections_view.h"
#include "agent/serving/status_page.h"
#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using Json = nlohmann::json;

namespace {

StatusSnapshot seen() {
    auto s = mixed();
    s.now_wall_us += 2 * core::kSecond;
    add_connections(connections_report(s.now_wall_us - 2 * core::kSecond), s);
    return s;
}

}  // namespace

TEST_CASE("connections: the table has a row for each address and user", "[connections]") {
    auto s = seen();
    CHECK(connections_text(s, false) ==
          "tdengine-prod  gw-private.cloud.example.com\n"
          "  ADDRESS      DNS        UID   CONNECTIONS       STUCK  RTT UP TO  UNACKED  NO KEEP-ALIVE\n"
          "  10.0.1.23    in answer  -               0           0          -      0 B              0\n"
          "  10.0.2.9     withdrawn  1001           12  9 for 41 s          -    900 B              0\n"
          "  203.0.113.9  public     1001            3           0          -      0 B              0\n"
          "  12 connections of uid 1001 still on 10.0.2.9, 9 stuck for 41 s\n"
          "  3 connections of uid 1001 to the public gateway 203.0.113.9, not over PrivateLink\n"
          "\n"
          "Seen 2 s ago, in this network namespace; containers and pods with their own are not.\n");
    CHECK(without_escapes(connections_text(s, true)) == connections_text(s, false));
    s.connections.complete = false;
    CHECK(connections_text(s, false).find("the numbers are the least") != std::string::npos);
}

TEST_CASE("connections: what is not known is not shown as none", "[connections]") {
    auto s = mixed();
    CHECK(connections_text(s, false) == "not known yet: the first look is under way\n");
    Json json = Json::parse(connections_json(s));
    CHECK(json["known"] == false);
    CHECK(json["links"][0]["addresses"][0]["connections"].is_null());
    CHECK(json["links"][0]["bypass"].is_null());
    s.connections.error = core::Error{core::Code::kSocket, "the kernel does not list connections", "modprobe", 0};
    CHECK(connections_text(s, false) == "not known: the kernel does not list connections (modprobe)\n");
    CHECK(Json::parse(connections_json(s))["error"]["hint"] == "modprobe");
}

TEST_CASE("connections: without a known answer no address is said to be in it", "[connections]") {
    auto s = seen();
    s.links[0].answer.clear();  // a name that is only verified, before the VPC has answered
    for (auto& a : s.links[0].addresses)
        a.answered = false;
    const std::string text = connections_text(s, false);
    CHECK(text.find("  10.0.1.23    -       -  ") != std::string::npos);
    CHECK(text.find("in answer") == std::string::npos);
    CHECK(text.find("withdrawn") == std::string::npos);
}

TEST_CASE("connections: the JSON has what the table has", "[connections]") {
    const Json json = Json::parse(connections_json(seen()));
    CHECK(json["schema_version"] == 1);
    CHECK(json["looked"] == "2026-01-02T03:04:05.000000Z");
    CHECK(json["scope"] == "network_namespace");
    const Json& link = json["links"][0];
    CHECK(link["name"] == "tdengine-prod");
    CHECK(link["addresses"][1]["answered"] == false);
    CHECK(link["addresses"][1]["connections"]["stuck"] == 9);
    CHECK(link["bypass"][0]["total"] == 3);
    CHECK(link["notes"].size() == 2);
}

TEST_CASE("page: connections that need attention are a line, in both languages", "[page]") {
    const auto s = seen();
    const std::string english = status_content(s, "en"), chinese = status_content(s, "zh-CN");
    CHECK(english.find("<p>12 connections of uid 1001 still on 10.0.2.9, 9 stuck for 41 s</p>") != std::string::npos);
    CHECK(english.find("<p>3 connections of uid 1001 to the public gateway 203.0.113.9, not over PrivateLink</p>") !=
          std::string::npos);
    CHECK(chinese.find("<p>uid 1001 仍有 12 个 TCP 连接在 10.0.2.9 上，其中 9 个已卡住 41 秒</p>") !=
          std::string::npos);
}

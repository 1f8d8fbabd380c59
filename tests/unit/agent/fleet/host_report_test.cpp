// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/host_report.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using probe::State;

namespace {

std::string refused(const std::string& bytes, const std::string& name = "web-1_i-web-1.json") {
    const auto report = read_report(bytes, name, "prod", kNow);
    return report ? "" : std::string(to_string(report.error()));
}
std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("host report: what is written is read the same", "[host_report]") {
    HostReport r = report_of_host("web-1", kZoneH, State::kDown);
    r.list_generation = 7;
    r.list_age_us = 12 * core::kSecond;
    const std::string text = format_report(r);
    CHECK(text.size() < 700);
    CHECK(text.find("\"postern_report\":1") != std::string::npos);
    const auto again = read_report(text, report_name(r), "prod", kNow);
    REQUIRE(again);
    CHECK(*again == r);
}

TEST_CASE("host report: never above 2048 bytes, the worst addresses first and the rest counted", "[host_report]") {
    HostReport r = report_of_host("web-1", kZoneH);
    r.links.clear();
    for (int l = 0; l < 5; ++l) {
        ReportedLink link{.name = "link-" + std::to_string(l), .host = "gw" + std::to_string(l) + ".example.com"};
        for (int a = 0; a < 20; ++a) {
            const bool down = l == 3 && a == 19;
            link.addresses.push_back({*core::IpAddress::parse("10.0." + std::to_string(l) + "." + std::to_string(a)),
                                      kZoneH, down ? State::kDown : State::kUp, kNow, down ? "PN-TCP-REFUSED" : ""});
        }
        r.links.push_back(std::move(link));
    }
    const std::string text = format_report(r);
    CHECK(text.size() <= kMaxReportBytes);
    CHECK(text.size() > kMaxReportBytes - 300);
    const auto again = read_report(text, report_name(r), "prod", kNow);
    REQUIRE(again);
    std::size_t kept = 0, left = 0;
    bool has_down = false;
    for (const auto& link : again->links) {
        kept += link.addresses.size();
        left += link.more;
        for (const auto& a : link.addresses)
            has_down = has_down || a.state == State::kDown;
    }
    CHECK(has_down);
    CHECK(kept + left + again->more_links * 20 == 100);
    CHECK(again->more_links > 0);
}

TEST_CASE("host report: names of any length and any bytes stay in bounds", "[host_report]") {
    HostReport r = report_of_host("web-1", kZoneH);
    r.host = std::string(300, '"') + "\n\xff";
    r.instance = std::string(300, '/');
    r.zone = std::string(300, 'z');
    r.worst = "PN-" + std::string(300, 'W');
    r.links.assign(200, {.name = std::string(300, 'n'), .host = std::string(253, 'h')});
    const std::string text = format_report(r);
    CHECK(text.size() <= kMaxReportBytes);
    const auto again = read_report(text, report_name(r), "prod", kNow);
    REQUIRE(again);
    CHECK(again->host == std::string(64, '_'));
    CHECK(again->more_links == 200);
}

TEST_CASE("host report: the name of an object is a name, and tells hosts apart", "[host_report]") {
    const auto name = [](const std::string& host, const std::string& instance) {
        HostReport r;
        r.host = host;
        r.instance = instance;
        return report_name(r);
    };
    CHECK(name("web-1", "i-bp1") == "web-1_i-bp1.json");
    CHECK(name("web-1", "") == "web-1.json");
    CHECK(name("", "i-bp1") == "i-bp1.json");
    CHECK(name("", "").empty());
    CHECK(name("..", "") == "_..json");
    CHECK(name("a/b c", "") == "a_b_c.json");
    CHECK(name("web-1", "i-bp1") != name("web-1", "i-bp2"));
}

TEST_CASE("host report: hostile reports are refused, and why", "[host_report]") {
    const std::string good = format_report(report_of_host("web-1", kZoneH, State::kDown));
    REQUIRE(refused(good).empty());
    CHECK(refused("") == "form");
    CHECK(refused(good.substr(0, good.size() / 2)) == "form");
    CHECK(refused("[]") == "form");
    CHECK(refused("<html>") == "form");
    CHECK(refused(good + std::string(kMaxReportBytes, ' ')) == "large");
    CHECK(refused(replaced(good, "\"postern_report\":1", "\"postern_report\":2")) == "newer");
    CHECK(refused(replaced(good, "\"fleet\":\"prod\"", "\"fleet\":\"test\"")) == "fleet");
    CHECK(refused(good, "web-2_i-web-2.json") == "place");
    HostReport future = report_of_host("web-1", kZoneH);
    future.written_wall_us = kNow + core::kHour;
    CHECK(refused(format_report(future)) == "future");
    for (const auto& [from, to] :
         {std::pair{"\"host\":\"web-1\"", "\"host\":\"\\u001b[31mweb-1\""},
          std::pair{"\"host\":\"web-1\"", "\"host\":\"<script>\""},
          std::pair{"\"state\":\"down\"", "\"state\":\"dead\""}, std::pair{"10.0.1.23", "10.0.1.999"},
          std::pair{"PN-TCP-TIMEOUT", "rm -rf"}, std::pair{"\"interval_s\":300", "\"interval_s\":1000000000"},
          std::pair{"\"interval_s\":300", "\"interval_s\":-1"},
          std::pair{"\"overall\":\"degraded\"", "\"overall\":\"well\""},
          std::pair{"gw.example.com", "gw\\u202eexample.com"}})
        CHECK(refused(replaced(good, from, to)) == "content");
}

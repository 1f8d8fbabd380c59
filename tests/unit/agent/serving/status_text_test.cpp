// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>

#include "agent/faults/fault_text.h"
#include "agent/serving/status_page.h"
#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::State;
using Json = nlohmann::json;

TEST_CASE("status text: three links fit a screen of 80 by 24", "[status]") {
    auto s = mixed();
    for (const char* name : {"second", "third"}) {
        s.links.push_back(link({address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kUp),
                                address("10.0.2.9", "cn-hangzhou-i", State::kUp, State::kUp)}));
        s.links.back().name = name;
    }
    for (auto& l : s.links) {
        for (auto& a : l.addresses)
            a.last_day = probe::Availability{s.now_wall_us - 20 * core::kHour, 7200, 1, 4321};
    }
    judge(s);
    const std::string text = status_text(s, false, 80);
    INFO(text);
    CHECK(widest(text) <= 80);
    CHECK(std::count(text.begin(), text.end(), '\n') <= 24);
    for (const char* part : {"DEGRADED", "tdengine-prod", "gw-private.cloud.example.com", "10.0.2.9", "tcp_refused ×3",
                             "withdrawn", "in answer", "pid 4321", "plan 5.12 accepted", "100.100.2.136 0.4 ms",
                             "confirmed 14 s ago", "cn-hangzhou-h"}) {
        CHECK(text.find(part) != std::string::npos);
    }
    const char* past = "24 h  10.0.1.23 99.98 %, p95 4.3 ms; 10.0.2.9 99.98 %, p95 4.3 ms";
    CHECK(text.find(past) == std::string::npos);
    s.links.pop_back();
    CHECK(status_text(s, false, 80).find(past) != std::string::npos);
}

TEST_CASE("status text: what does not fit the terminal leaves out what is only good to know, never what is wrong",
          "[status]") {
    auto s = mixed();
    for (const char* name : {"second", "third"}) {
        s.links.push_back(link({address("10.0.3.4", "cn-hangzhou-h", State::kUp, State::kUp)}));
        s.links.back().name = name;
        s.links.back().compare = CompareStatus{};
        s.links.back().compare->host = "gw.example.com";
        s.links.back().compare->finding = Comparison::kBothWork;
        s.links.back().compare->text = "median 3.1 ms, over the public gateway 12.4 ms: the private path saves 9.3 ms";
    }
    judge(s);
    const auto lines = [](const std::string& text) { return std::count(text.begin(), text.end(), '\n'); };
    const std::string whole = status_text(s, false, 80), brief = status_text(s, false, 80, 24);
    INFO(brief);
    CHECK(lines(whole) > 23);
    CHECK(lines(brief) <= 23);
    CHECK(status_text(s, false, 80, static_cast<std::size_t>(lines(whole)) + 1) == whole);
    for (const char* said : {"one address only", "compared with"}) {
        CHECK(whole.find(said) != std::string::npos);
        CHECK(brief.find(said) == std::string::npos);
    }
    for (const std::string& said : {s.headline.substr(0, 40), s.links[0].fix.substr(0, 30), std::string("withdrawn"),
                                    std::string("third"), std::string("Agent")})
        CHECK(brief.find(said) != std::string::npos);
    s.links[2].compare->finding = Comparison::kPrivatelinkBroken;
    s.links[2].compare->says = "privatelink_broken";
    CHECK(status_text(s, false, 80, 24).find("compared with gw.example.com: PrivateLink is broken") !=
          std::string::npos);
}

TEST_CASE("status: the availability of a day is rounded down, and null where nothing is known", "[status]") {
    auto s = mixed();
    s.links[0].addresses[0].last_day = probe::Availability{1767312000LL * core::kSecond, 1000000, 1, 4321};
    CHECK(status_text(s, false, 80).find("24 h  10.0.1.23 99.99 %, p95 4.3 ms\n") != std::string::npos);
    const Json json = Json::parse(status_json(s));
    CHECK(json["links"][0]["addresses"][0]["availability_24h"].dump() ==
          R"({"attempts":1000000,"failures":1,"p95_us":4321,"percent":99.99,"since":"2026-01-02T00:00:00.000000Z"})");
    CHECK(json["links"][0]["addresses"][1]["availability_24h"].is_null());
    s.links[0].addresses[0].last_day = probe::Availability{1767312000LL * core::kSecond, 10, 0, 4321};
    s.links[0].addresses[1].last_day = probe::Availability{1767312000LL * core::kSecond, 10, 10, 0};
    CHECK(status_text(s, false, 80).find("24 h  10.0.1.23 100 %, p95 4.3 ms; 10.0.2.9 0 %\n") != std::string::npos);
}

TEST_CASE("status text: colour adds escapes and nothing else; a pipe breaks no sentence", "[status]") {
    const auto s = mixed();
    CHECK(status_text(s, false, 80).find('\033') == std::string::npos);
    CHECK(without_escapes(status_text(s, true, 80)) == status_text(s, false, 80));
    CHECK(status_text(s, false, 0).find(s.links[0].cause) != std::string::npos);
    CHECK(status_text(s, false, 0).find(s.links[0].fix) != std::string::npos);
}

TEST_CASE("status text: what is drained, until when, and whether it is answered all the same", "[status]") {
    auto s = mixed();
    CHECK(status_text(s, false, 0).find("rained") == std::string::npos);
    s.drains = {{"cn-hangzhou-h", s.now_wall_us, s.now_wall_us + core::kHour, "new cable"},
                {"10.0.9.9", s.now_wall_us, s.now_wall_us + 90 * core::kSecond, ""}};
    s.links[0].addresses[0].drained = true;
    s.links[0].addresses[0].answered = false;
    std::string text = status_text(s, false, 80, 24);
    CHECK(text.find("  drained ") != std::string::npos);
    CHECK(text.find("Drained    cn-hangzhou-h until 2026-01-02T04:04:05Z, for 1h more: new cable\n"
                    "           10.0.9.9 until 2026-01-02T03:05:35Z, for 90s more\n") != std::string::npos);
    s.links[0].addresses[0].answered = true;
    text = status_text(s, false, 0);
    CHECK(text.find("in answer") != std::string::npos);
    CHECK(text.find("drained, but no other works\n") != std::string::npos);
}

TEST_CASE("status text: remote words can't draw on the terminal", "[status]") {
    auto s = mixed();
    s.links[0].addresses[0].zone = "cn\033[2J";
    s.links[0].discovery.error = core::Error{core::Code::kApiBadReply, "evil \033]0;title\007", "", 0};
    const std::string text = status_text(s, false, 80);
    CHECK(text.find('\033') == std::string::npos);
    CHECK(text.find('\007') == std::string::npos);
}

TEST_CASE("status text: a cause is left out where the headline tells it, and stands at every other link", "[status]") {
    auto first = link({address("10.0.1.23", "", State::kDown, State::kUnknown)});
    first.name = "first";
    auto s = snapshot({first, first});
    s.links[1].name = "second";
    judge(s);
    const std::string text = status_text(s, false, 0);
    CHECK(text.starts_with("FAILED  first: 10.0.1.23 is down (and 1 more)\n"));
    const auto at = text.find("\n  10.0.1.23 is down\n");
    CHECK(at > text.find("\nsecond  "));
    CHECK(text.find("\n  10.0.1.23 is down\n", at + 1) == std::string::npos);
}

TEST_CASE("status: a comparison is shown in text, JSON and page, and changes nothing else", "[status]") {
    StatusSnapshot s = mixed();
    const std::string before = status_text(s, false, 0);
    CHECK(before.find("compared") == std::string::npos);
    CHECK(Json::parse(status_json(s))["links"][0]["compare"].is_null());
    const std::string headline = s.headline;
    auto& c = s.links[0].compare.emplace();
    c.host = "gw.example.com";
    c.at_wall_us = s.now_wall_us - 3 * core::kMinute;
    c.fresh = c.reached_before = true;
    c.view = PrivateView::kPathDown;
    c.attempts = 5;
    c.last.emplace().ok = true;
    c.public_median_us = 12400;
    judge_comparison(c);
    judge(s);
    CHECK(s.headline == headline);
    const std::string text = status_text(s, false, 0);
    CHECK(text.find("  compared with gw.example.com: PrivateLink is broken, not the service: ") != std::string::npos);
    CHECK(text.find("(3 min ago)") != std::string::npos);
    CHECK(widest(status_text(s, false, 80)) <= 80);
    const Json json = Json::parse(status_json(s))["links"][0]["compare"];
    CHECK(json["finding"] == "privatelink_broken");
    CHECK(json["gateway"] == "gw.example.com");
    CHECK(json["public_median_us"] == 12400);
    CHECK(json["private_median_us"].is_null());
    CHECK(json["attempts_total"] == 5);
    CHECK(json["last"]["ok"] == true);
    CHECK(status_content(s).find("Compared with <code>gw.example.com</code>: PrivateLink is broken") !=
          std::string::npos);
}

TEST_CASE("views: one address means no failover, and how to get one", "[status]") {
    auto l = link({address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kUp)});
    std::string text = status_text(snapshot({l}), false, 0);
    CHECK(text.find("one address only: no failover is possible\n") != std::string::npos);  // of a name that is followed
    l.addresses[0].endpoint = "ep-bp1";
    text = status_text(snapshot({l}), false, 0);
    CHECK(text.find(
              "one address only: no failover is possible; add a second zone to the endpoint in the VPC console\n") !=
          std::string::npos);
    l.discovery.source = "fixed";
    text = status_text(snapshot({l}), false, 0);
    CHECK(text.find("add a second zone to the endpoint in the VPC console, and its address to [[link]] addresses") !=
          std::string::npos);
    l.addresses.push_back(address("10.0.2.23", "cn-hangzhou-i", State::kUp, State::kUp));
    CHECK(status_text(snapshot({l}), false, 0).find("no failover") == std::string::npos);
}

TEST_CASE("status text: a name that is only verified, and which followed name gave which address", "[status]") {
    auto s = verified();
    const std::string text = status_text(s, false, 0);
    INFO(text);
    for (const char* part :
         {"gw-private.cloud.example.com  verify only", "answered by the VPC", "not answered",
          "verified: the VPC's DNS answers 10.0.1.23, but not 10.0.2.9 (20 s ago)", "from h.example: 10.0.1.23",
          "from i.example: 10.0.2.9 (fails: i.example does not exist)", "1 verify only"})
        CHECK(text.find(part) != std::string::npos);
    CHECK(text.find("withdrawn") == std::string::npos);
    CHECK(widest(status_text(s, false, 80)) <= 80);
    s.links[0].vpc_answer->failed_in_row = 2;  // then it is not known what is answered
    const std::string unknown = status_text(s, false, 0);
    CHECK(unknown.find("not answered") == std::string::npos);
    CHECK(unknown.find("answered by the VPC") == std::string::npos);
    s.links[0].discovery.sources.pop_back();
    CHECK(status_text(s, false, 0).find("from h.example") == std::string::npos);  // one name needs no word
}

TEST_CASE("status text: applications' connections that need attention are told, also on a small screen", "[status]") {
    auto s = mixed();
    CHECK(status_text(s, false, 0).find("connections of") == std::string::npos);
    add_connections(connections_report(s.now_wall_us), s);
    for (const std::size_t rows : {0, 10}) {
        const std::string text = status_text(s, false, 0, rows);
        INFO(text);
        CHECK(text.find("\n  12 connections of uid 1001 still on 10.0.2.9, 9 stuck for 41 s\n") != std::string::npos);
        CHECK(text.find("\n  3 connections of uid 1001 to the public gateway 203.0.113.9, not over PrivateLink\n") !=
              std::string::npos);
    }
    auto& notes = s.links[0].connections->notes;
    for (int i = 0; i < 9; ++i)
        notes.push_back(notes[0]);
    CHECK(status_text(s, false, 0).find("\n  3 more: postern connections\n") != std::string::npos);
    auto report = connections_report(s.now_wall_us);
    report.error = core::Error{core::Code::kSocket, "the kernel does not list connections", "", 0};
    auto unknown = mixed();
    add_connections(report, unknown);
    CHECK(status_text(unknown, false, 0)
              .find("connections of applications are not known: the kernel does not list connections") !=
          std::string::npos);
}

TEST_CASE("status text: in Chinese nothing of it is English but names, reasons and what others said", "[status]") {
    auto s = mixed();
    s.reported = {make_fault("PN-CONFIG-OLDER", {}, {}, {{"file", "f"}, {"changed", "T1"}, {"loaded", "T2"}}),
                  make_fault("PN-RESOLV-UNASKED", {}, {}, {{"servers", "10.0.0.2"}})};
    s.links[0].addresses[0].last_day = probe::Availability{s.now_wall_us - 20 * core::kHour, 7200, 1, 4321};
    judge(s);
    const std::string text = status_text(s, false, 0, 0, doctor::Language::kChinese);
    INFO(text);
    const auto& words = doctor::Catalogue::in(doctor::Language::kChinese);
    for (const Fault& f : s.faults)
        CHECK(text.find(told(f, words)) != std::string::npos);
    for (const char* key : {"DEGRADED", "in_answer", "withdrawn", "discovery", "dns"})
        CHECK(text.find(words.text("screen", key)) != std::string::npos);
    for (const char* part : {"DEGRADED", "in answer", "withdrawn", "queries", "upstreams", "refuses", "ago", " up "})
        CHECK(text.find(part) == std::string::npos);
    CHECK(text.find("次查询：私有域名 300 次，上游 DNS 936 次") != std::string::npos);
    for (const char* part : {" （", "： ", "; ", " %"})
        CHECK(text.find(part) == std::string::npos);
}

TEST_CASE("status text: each fault of a link stands there, the one of the headline once", "[status]") {
    auto silent =
        address("10.0.3.3", "", State::kDown, State::kUnknown, probe::Reason::kTcpTimeout, probe::Phase::kConnect);
    auto refused =
        address("10.0.2.9", "", State::kDown, State::kUnknown, probe::Reason::kTcpRefused, probe::Phase::kConnect);
    auto s = snapshot({link({refused, silent})});
    judge(s);
    const std::string text = status_text(s, false, 0);
    const auto count = [&](const std::string& part) {
        std::size_t n = 0;
        for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
            ++n;
        return n;
    };
    CHECK(count("(tcp_refused)") == 1);
    CHECK(count("(tcp_timeout)") == 1);
}

TEST_CASE("status: the fleet's list, in text, JSON and on the page", "[status]") {
    auto s = mixed();
    CHECK(Json::parse(status_json(s))["discovery"]["list"].is_null());
    s.list.configured = true;
    s.list.fleet = "prod";
    s.list.place = "oss://fleet/current.json";
    CHECK(status_text(s, false, 80).find("list of prod: none yet") != std::string::npos);
    CHECK(Json::parse(status_json(s))["discovery"]["list"]["age_s"].is_null());
    FleetList list;
    list.number = {7, s.now_wall_us - core::kHour};
    list.publisher = "host-1";
    list.not_after_wall_us = s.now_wall_us + core::kDay;
    s.list.list = std::make_shared<FleetList>(list);
    s.list.refused = ListRefusal{ListProblem::kOlder, "it has generation 6"};
    CHECK(status_text(s, false, 80).find("list of prod: generation 7, 60 min old") != std::string::npos);
    CHECK(status_text(s, false, 80, 0, doctor::Language::kChinese).find("第 7 版") != std::string::npos);
    const Json told = Json::parse(status_json(s))["discovery"]["list"];
    CHECK(told["generation"] == 7);
    CHECK(told["age_s"] == 3600);
    CHECK(told["publisher"] == "host-1");
    CHECK(told["refused"]["reason"] == "older");
    CHECK(told["error"].is_null());
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/status_page.h"
#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;
using probe::State;

TEST_CASE("page: the plain part shows the state and escapes what is foreign", "[status]") {
    auto s = mixed();
    s.links[0].cause = "<script>alert(1)</script>\033[2J";
    const std::string page = status_content(s);
    CHECK(page.find("<script") == std::string::npos);
    CHECK(page.find('\033') == std::string::npos);
    CHECK(page.find("&lt;script&gt;") != std::string::npos);
    CHECK(page.find("10.0.2.9") != std::string::npos);
    CHECK(page.find("tcp_refused") != std::string::npos);
    CHECK(page.find("style=") == std::string::npos);
}

TEST_CASE("page: the plain part follows Accept-Language; the agent's own sentences are marked as English", "[status]") {
    const auto s = mixed();
    for (const char* chinese : {"zh-CN,zh;q=0.9,en;q=0.8", "ZH", "fr, zh-TW;q=0.5", "en;q=0.1, zh;q=0.2"}) {
        const std::string page = status_content(s, chinese);
        CHECK(page.find("<div lang=\"zh-CN\">") == 0);
        CHECK(page.find("<strong>降级</strong> <span lang=\"en\">" + s.headline) != std::string::npos);
        CHECK(page.find("✕ 不通") != std::string::npos);
        CHECK(page.find("<th scope=\"col\">可用区</th>") != std::string::npos);
        CHECK(page.find("withdrawn") == std::string::npos);
        CHECK(page.size() < 10000);
    }
    for (const char* english : {"", "en", "de-DE", "en-GB,en;q=0.9,zh;q=0.1", "zhx", "zh;q=0", "q=", ";;,,"}) {
        const std::string page = status_content(s, english);
        CHECK(page.find("<div lang=\"en\">") == 0);
        CHECK(page.find("✕ down") != std::string::npos);
        CHECK(page.find("lang=\"zh") == std::string::npos);
    }
}

TEST_CASE("page: what is drained is shown in the page's language, and many drains are cut", "[status]") {
    auto s = mixed();
    s.drains = {{"cn-hangzhou-h", s.now_wall_us, s.now_wall_us + core::kHour, "<b>"}};
    s.links[0].addresses[0].answered = false;
    s.links[0].addresses[0].drained = true;
    const std::string page = status_content(s);
    CHECK(page.find("<td>drained</td>") != std::string::npos);
    CHECK(page.find("<p>drained: cn-hangzhou-h until 2026-01-02T04:04:05Z, for 1h more: &lt;b&gt;</p>") !=
          std::string::npos);
    CHECK(status_content(s, "zh").find("<p>人工下线: <span lang=\"en\">cn-hangzhou-h until") != std::string::npos);
    s.drains = std::vector<DrainStatus>(32, {"cn-hangzhou-h", s.now_wall_us, s.now_wall_us, std::string(200, '&')});
    CHECK(status_content(s).size() < 10000);
    CHECK(status_content(s).find("postern drain status") != std::string::npos);
}

TEST_CASE("page: a thousand addresses or links are cut, those in trouble stay, and the rest is counted", "[status]") {
    std::vector<AddressStatus> many;
    for (int i = 0; i < 1000; ++i)
        many.push_back(address(("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250)).c_str(), "h",
                               State::kUp, State::kUp));
    many.push_back(address("10.9.9.9", "i", State::kDown, State::kUnknown, Reason::kTcpRefused, Phase::kConnect));
    auto s = snapshot({link(many)});
    judge(s);
    const std::string page = status_content(s);
    CHECK(page.size() < 10000);
    CHECK(page.find("10.9.9.9") != std::string::npos);
    CHECK(page.find(" more: postern status") != std::string::npos);
    s = snapshot(std::vector<LinkStatus>(300, link({many[0]})));
    judge(s);
    CHECK(status_content(s).size() < 10000);
    CHECK(status_content(s).find(" more links: postern status") != std::string::npos);
}

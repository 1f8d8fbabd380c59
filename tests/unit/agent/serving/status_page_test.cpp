// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/status_page.h"

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/serving/page_asset.h"
#include "agent/status/headline.h"
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
    s.faults.push_back(make_fault("PN-TCP-REFUSED", "<script>alert(1)</script>\033[2J", "10.0.2.9"));
    const std::string page = status_content(s);
    CHECK(page.find("<script") == std::string::npos);
    CHECK(page.find('\033') == std::string::npos);
    CHECK(page.find("&lt;script&gt;") != std::string::npos);
    CHECK(page.find("10.0.2.9") != std::string::npos);
    CHECK(page.find("tcp_refused") != std::string::npos);
    CHECK(page.find("style=") == std::string::npos);
}

TEST_CASE("page: the plain part follows Accept-Language, faults included", "[status]") {
    const auto s = mixed();
    for (const char* chinese : {"zh-CN,zh;q=0.9,en;q=0.8", "ZH", "fr, zh-TW;q=0.5", "en;q=0.1, zh;q=0.2"}) {
        const std::string page = status_content(s, chinese);
        CHECK(page.find("<div lang=\"zh-CN\">") == 0);
        CHECK(page.find("<strong>降级</strong> " + headline(s, doctor::Catalogue::in(doctor::Language::kChinese))) !=
              std::string::npos);
        CHECK(page.find("负责方：TDengine Cloud") != std::string::npos);
        CHECK(page.find(s.headline) == std::string::npos);
        CHECK(page.find("✕ 不通") != std::string::npos);
        CHECK(page.find("<th scope=\"col\">可用区</th>") != std::string::npos);
        CHECK(page.find("withdrawn") == std::string::npos);
        CHECK(page.size() < 10000);
    }
    for (const char* english : {"", "en", "de-DE", "en-GB,en;q=0.9,zh;q=0.1", "zhx", "zh;q=0", "q=", ";;,,"}) {
        const std::string page = status_content(s, english);
        CHECK(page.find("<div lang=\"en\">") == 0);
        CHECK(page.find("✕ down") != std::string::npos);
        CHECK(page.find("<strong>degraded</strong> " + s.headline) != std::string::npos);
        CHECK(page.find("Owner: TDengine Cloud") != std::string::npos);
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

TEST_CASE("page: a fault has its owner, since when it is, and its command as a block", "[status]") {
    auto s = mixed();
    // One whose repair is a command as it stands.
    Fault with;
    for (const auto& info : doctor::all_codes()) {
        with = make_fault(info.code, "", "", {{"link", "prod"}, {"file", "/etc/hosts"}});
        if (!fix_command(with).empty()) break;
    }
    REQUIRE_FALSE(fix_command(with).empty());
    with.since_wall_us = 1767323045LL * core::kSecond;
    s.faults = {with};
    const std::string page = status_content(s);
    CHECK(page.find("<pre class=\"command\"><code>") != std::string::npos);
    CHECK(page.find(" · Since <time datetime=\"2026-01-02T03:04:05.000000Z\">2026-01-02 03:04:05 UTC</time>") !=
          std::string::npos);
    CHECK(page.find("postern status</li>") == std::string::npos);
    s.faults = std::vector<Fault>(400, with);
    CHECK(status_content(s).size() < 10000);
    CHECK(status_content(s).find(" more faults: postern status</li>") != std::string::npos);
    CHECK(status_content(s, "", PageSize::kWhole).find(" more faults") == std::string::npos);
}

TEST_CASE("page: title and icon are of the state and the host, in the page's language", "[status]") {
    auto s = mixed();
    s.host_name = "app<1>";
    CHECK(status_head(s).find("<title>▲ degraded · app&lt;1&gt; · postern</title>") == 0);
    CHECK(status_head(s, "zh").find("<title>▲ 降级 · app&lt;1&gt; · postern</title>") == 0);
    CHECK(status_head(s).find("href=\"" + std::string(kPageIcons[1]) + "\"") != std::string::npos);
    for (const auto icon : kPageIcons) {
        CHECK(icon.starts_with("data:image/svg+xml,"));
        CHECK(icon.find_first_of("<>\"#") == std::string_view::npos);
    }
    s.instance = "i-bp1example";
    CHECK(status_content(s).find("<h1>▲ degraded · app&lt;1&gt;</h1>\n<p class=\"note\">i-bp1example") !=
          std::string::npos);
}

TEST_CASE("page: the whole page has what the script shows: facts of a link, upstreams, failures folded", "[status]") {
    auto s = mixed();
    auto& a = s.links[0].addresses[0];
    a.last_day = probe::Availability{s.now_wall_us - core::kHour, 360, 6, 4200};
    a.recent = std::string(58, '+') + "xx";
    a.last->certificate.present = true;
    a.last->certificate.subject = "CN=gw";
    a.last->certificate.not_after_us = s.now_wall_us + 5 * 24 * core::kHour;
    a.certificate_expiring = true;
    UpstreamStatus upstream{*core::SocketAddress::parse("100.100.2.136", 53), {}};
    upstream.stats.sent = 812;
    upstream.stats.timeouts = 812;
    s.resolver.upstreams = {upstream};
    std::vector<probe::Record> records(31);
    for (auto& record : records) {
        record.link = s.links[0].name;
        record.ip = s.links[0].addresses[1].ip;
        record.reason = Reason::kTcpRefused;
        record.wall_us = s.now_wall_us;
    }
    records[7].ok = true;
    records[7].reason = Reason::kNone;
    const std::string page = status_content(s, "", PageSize::kWhole, records);
    for (const char* fact : {"98.33 % <span class=\"note\">of 360 probes</span>", ">58/60<", "CN=gw",
                             "<span class=\"state degraded\">valid until", "<code>100.100.2.136:53</code>", ">812<",
                             "This host: ", "tcp_refused ×30", "<h2>Failed probes</h2>"}) {
        INFO(fact);
        CHECK(page.find(fact) != std::string::npos);
    }
    CHECK(page.find("href=\"plain\"") == std::string::npos);
    CHECK(status_content(s).find("<a href=\"plain\">") != std::string::npos);
}

TEST_CASE("page: every link in trouble is told with its next step, the worst addresses and links first", "[status]") {
    std::vector<LinkStatus> links;
    for (int i = 0; i < 5; ++i) {
        links.push_back(link({address("10.0.1.23", "h", State::kUp, State::kUp),
                              address("10.0.2.9", "i", i == 0 ? State::kUp : State::kDown, State::kUnknown,
                                      i == 0 ? Reason::kNone : Reason::kTcpRefused, Phase::kConnect)}));
        links.back().name = "link-" + std::to_string(i);
    }
    auto s = snapshot(links);
    judge(s);
    const std::string page = status_content(s);
    for (int i = 1; i < 5; ++i)
        CHECK(page.find("<b>link-" + std::to_string(i) + "</b>: ") != std::string::npos);
    CHECK(page.find("<b>link-0</b>: ") == std::string::npos);
    const std::string whole = status_content(s, "", PageSize::kWhole);
    CHECK(whole.find("<h2>link-1 ") < whole.find("<h2>link-0 "));
    CHECK(whole.find("<code>10.0.2.9</code>") < whole.find("<code>10.0.1.23</code>"));
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

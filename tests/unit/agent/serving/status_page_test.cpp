// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/status_page.h"

#include <tuple>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/serving/page_asset.h"
#include "agent/serving/page_link.h"
#include "agent/status/headline.h"
#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;
using probe::State;

namespace {

const PageHistory no_history = [](const auto&, const auto&, auto, auto) { return std::nullopt; };

/// A day of minutes, one in ten with a failure; the chart has a gap where nothing was measured.
std::vector<probe::Rollup> minutes(Micros now_wall_us, int count) {
    std::vector<probe::Rollup> out;
    for (int i = count; i > 0; --i) {
        probe::Rollup r;
        r.start_wall_us = now_wall_us - now_wall_us % core::kMinute - i * core::kMinute;
        r.attempts = 6;
        if (i % 10 == 0) {
            r.failures = 1;
            r.reasons[0] = {Reason::kTcpTimeout, 1};
        }
        if (i < 40 || i > 60) r.series[probe::kTotal] = probe::Spread{1000, 2600 + i, 4100, 5000, 9000};
        out.push_back(r);
    }
    return out;
}

}  // namespace

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
    CHECK(status_content(s, "zh").find("<p>人工下线: cn-hangzhou-h，至 2026-01-02T04:04:05Z，还有 1h：&lt;b&gt;</p>") !=
          std::string::npos);
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
    CHECK(whole_content(s, "", {}, {}, no_history).find(" more faults") == std::string::npos);
}

TEST_CASE("page: what is not known yet is no trouble, and nobody's to mend", "[status]") {
    auto s = mixed();
    Fault starting = make_fault("PN-ADDRESS-STARTING", "prod", "", {{"what", "the first probes"}});
    starting.state = doctor::State::kSkip;
    s.faults = {starting};
    const std::string page = status_content(s);
    const auto at = page.find("<li><p class=\"cause\">○ <b>prod</b>: ");
    REQUIRE(at != std::string::npos);
    CHECK(page.substr(at, page.find("</li>", at) - at).find("class=\"note\"") == std::string::npos);  // no owner
    s.faults[0].state = doctor::State::kWarn;
    CHECK(status_content(s).find("<li><p class=\"why\">▲ <b>prod</b>: ") != std::string::npos);
}

TEST_CASE("page: strips of the path and tables have one order, the worst link first; not probed is no trouble",
          "[status]") {
    auto s = mixed();
    s.links.resize(1);
    for (const auto& [name, state, probing] : {std::tuple{"fine", probe::State::kUp, true},
                                               {"off", probe::State::kUnknown, false},
                                               {"worst", probe::State::kDown, true}}) {
        s.links.push_back(s.links[0]);
        s.links.back().name = name, s.links.back().state = state, s.links.back().probing = probing;
    }
    s.links[0].name = "bad", s.links[0].state = probe::State::kDegraded;
    std::string order;
    for (const auto* link : worst_first(s))
        order += link->name + ' ';
    CHECK(order == "worst bad fine off ");
    CHECK(std::string(page_words("en").of_source("list")) == "list of the fleet");
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
    const std::string page = whole_content(s, "", {}, records, no_history);
    for (const char* fact : {"98.33 % <span class=\"note\">60 min</span>", ">58/60 <svg", "CN=gw",
                             "<span class=\"state degraded\">valid until", "<code>100.100.2.136:53</code>", ">812<",
                             "This host: ", "<b>tcp_refused</b> ×30", "<h2>Failed probes</h2>"}) {
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
    const std::string whole = whole_content(s, "", {}, {}, no_history);
    CHECK(whole.find("<h2>link-1 ") < whole.find("<h2>link-0 "));
    CHECK(whole.find(">10.0.2.9</a>") < whole.find(">10.0.1.23</a>"));
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

TEST_CASE("page: /plain is as complete as the page with its script, in both languages", "[status]") {
    auto s = mixed();
    auto& l = s.links[0];
    l.request = {"", "/rest/sql", "select 1", ""};
    auto& a = l.addresses[1];
    a.last->detail = "no reply within 1.2 s";
    a.recent = "++x?~";
    a.last_month = probe::Month{s.now_wall_us - 21 * core::kMinute, 21 * core::kMinute, 126, 2};
    a.incidents = {{s.now_wall_us - core::kHour, s.now_wall_us - 50 * core::kMinute, 60, {Reason::kTcpRefused}, false},
                   {s.now_wall_us - core::kMinute, s.now_wall_us, 6, {Reason::kTcpRefused}, true}};
    add_connections(connections_report(s.now_wall_us), s);
    s.resolver.upstreams[0].state = UpstreamState::kRefused;
    const auto past = minutes(s.now_wall_us, 120);
    const PageHistory history = [&](const std::string& link, const core::IpAddress& ip, probe::Resolution resolution,
                                    Micros since) -> std::optional<std::vector<probe::Rollup>> {
        CHECK(link == "tdengine-prod");
        CHECK(ip.text() == "10.0.2.9");
        if (resolution == probe::Resolution::kHour) {
            CHECK(since == s.now_wall_us - 7 * core::kDay);
            probe::Rollup hour;
            hour.start_wall_us = s.now_wall_us - core::kHour;
            hour.attempts = 126, hour.failures = 2;
            return std::vector<probe::Rollup>{hour};
        }
        CHECK(since == s.now_wall_us - core::kDay);
        return past;
    };
    const std::string english = whole_content(s, "", {}, {}, history);
    for (
        const char* text :
        {"<span class=\"step\">Security group</span>",
         "<li class=\"warn\"><span class=\"step\">TCP</span> <span class=\"state warn\">▲ warn</span> <span class=\"note\">1 of 2</span></li>",
         "9 stuck on 10.0.2.9",
         "1 of 1: REFUSED",
         "<span class=\"state down\">✕ REFUSED</span>",
         "<svg class=\"chart\"",
         "<path class=\"band\" d=\"M",
         "<summary>The chart as a table</summary>",
         "curl -sS -m 10 --resolve gw-private.cloud.example.com:443:10.0.2.9 -d &#39;select 1&#39; &quot;https://gw-private.cloud.example.com/rest/sql?token=$TOKEN&quot;",
         "postern probe tdengine-prod --address 10.0.2.9",
         "<h2>Failures of the last 30 days</h2>",
         "✕ still failing</span> 60 s<",
         "21 min of 7 d",
         "range=week#detail",
         ">10 min<",
         "98.41 % <span class=\"note\">21 min</span>",
         "21 min of 30 d",
         "2 of 126 failed",
         "failed at TCP connect",
         "plain?link=tdengine-prod&amp;ip=10.0.2.9&amp;range=month#detail",
         "<svg class=\"streak\"",
         "ListVpcEndpointZones ok</code> 42"}) {
        INFO(text);
        CHECK(english.find(text) != std::string::npos);
    }
    CHECK(english.find("style=") == std::string::npos);
    const std::string chinese = whole_content(s, "zh", {}, {}, history);
    for (const char* text :
         {"安全组", "10.0.2.9 上有 9 个卡住", "1 个中 1 个：REFUSED", "以表格显示图表数据", "curl 命令",
          "最近 30 天的失败", "仍在失败", "30 天中的 21 分钟", "失败阶段：TCP 连接", "postern 未接管本机的 DNS"}) {
        INFO(text);
        CHECK(chinese.find(text) != std::string::npos);
    }
    // No English sentence without its mark: what is left are names, codes, commands, data.
    std::string bare;
    for (std::size_t i = 0; i < chinese.size(); ++i) {
        for (const auto& [open, close] : {std::pair<std::string_view, std::string_view>{"<code", "</code>"},
                                          {"<span lang=\"en\"", "</span>"},
                                          {"<svg", "</svg>"},
                                          {"<", ">"}}) {
            if (std::string_view(chinese).substr(i).starts_with(open)) {
                i = chinese.find(close, i) + close.size();
                break;
            }
        }
        if (i < chinese.size()) bare += chinese[i];
    }
    for (const char* english_word : {" the ", " is ", " of ", " not ", " on ", " and "}) {
        INFO(bare);
        CHECK(bare.find(english_word) == std::string::npos);
    }
}

TEST_CASE("page: /plain shows the address and the time that are asked for, else the worst", "[status]") {
    auto s = mixed();
    CHECK(chosen_address(s, {}).address->ip.text() == "10.0.2.9");
    CHECK(chosen_address(s, {"tdengine-prod", "10.0.1.23"}).address->ip.text() == "10.0.1.23");
    CHECK(chosen_address(s, {"tdengine-prod", "10.9.9.9"}).address->ip.text() == "10.0.2.9");
    CHECK(chosen_address(snapshot({}), {}).link == nullptr);
    CHECK(whole_content(snapshot({}), "", {}, {}, no_history).find("id=\"detail\"") == std::string::npos);
    s.links[0].name = "a&b \"c\"";
    CHECK(plain_link(s.links[0], s.links[0].addresses[0], PageRange::kHour) ==
          "plain?link=a%26b%20%22c%22&amp;ip=10.0.1.23&amp;range=hour#detail");
    probe::Resolution asked = probe::Resolution::kMinute;
    const PageHistory note = [&](const auto&, const auto&, probe::Resolution resolution, auto) {
        asked = resolution;
        return std::optional<std::vector<probe::Rollup>>();
    };
    CHECK(whole_content(s, "", {"", "", PageRange::kMonth}, {}, note).find("No measurement in this time.") !=
          std::string::npos);
    CHECK(asked == probe::Resolution::kHour);
}

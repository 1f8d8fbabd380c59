// SPDX-License-Identifier: Apache-2.0
// Whatever is wrong in a configuration, and the takeover, is told in Chinese without an English sentence inside.
#include <regex>

#include <fmt/format.h>

#include "agent/client/language.h"
#include "agent/config/config_keys.h"
#include "agent/hostdns/decision.h"
#include "agent/hostdns/report.h"
#include "agent/text/object_place.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

/// Two English words beside each other, but for what is to be typed (in quotes, brackets, or a command) and what toml++ says.
bool has_english(const std::string& chinese) {
    static const std::regex kTyped(
        R"re("[^"]*"|\{[^{}]*\}|\[[^\]]*\]|postern [a-z]+ [a-z]+|chattr -i [a-z/.]+|--mode full|key = value|Error while parsing .*)re");
    static const std::regex kEnglish("[A-Za-z']{2,} [a-z']{2,}");
    return std::regex_search(std::regex_replace(chinese, kTyped, ""), kEnglish);
}

bool has_chinese(const std::string& text) {
    return text.find_first_of("\xe4\xe5\xe6\xe7\xe8\xe9") != std::string::npos;
}

void check(const core::Message& message) {
    const std::string chinese = doctor::Catalogue::in(doctor::Language::kChinese).of(message);
    INFO(message.text() << "\n" << chinese);
    CHECK(has_chinese(chinese));
    CHECK_FALSE(has_english(chinese));
    // As a fault's value it comes to the page and to doctor.
    const doctor::Values values = {{"problem", doctor::told_value(message)}};
    CHECK(doctor::Catalogue::in(doctor::Language::kChinese).value(values, "problem") == chinese);
    CHECK(doctor::Catalogue::in(doctor::Language::kEnglish).value(values, "problem") == message.text());
}

std::size_t check_all(const std::string& text) {
    const auto config = parse_config("f.toml", text);
    INFO(text);
    const auto told = [](const std::vector<ConfigIssue>& issues) {
        for (const ConfigIssue& issue : issues)
            check(format_issue("f.toml", issue));
        return issues.size();
    };
    if (!config) return told(config.error());
    return told(config->warnings) + told(config->notes);
}

std::string file_with(const KeyRow& row, std::string_view value) {
    const char* form = row.section == Section::kLink    ? "[[link]]\n{}{} = {}\n"
                       : row.section == Section::kProbe ? "[[link]]\n{}[link.probe]\n{} = {}\n"
                                                        : "[{}]\n{} = {}\n";
    const bool link = row.section == Section::kLink || row.section == Section::kProbe;
    return fmt::format(fmt::runtime(form), link ? "" : to_string(row.section), row.name, value);
}

}  // namespace

TEST_CASE("language: a mistake in any key of the configuration is told in Chinese", "[language]") {
    for (const KeyRow& row : config_keys()) {
        for (const std::string_view value :
             {row.bad, std::string_view("1979-05-27"), std::string_view("{ a = 1 }"), std::string_view("-7"),
              std::string_view(R"("")"), std::string_view("[]"), std::string_view(R"(["", "a b", "a b", 7])"),
              std::string_view(R"({ tag = { aliyun = "x" } })"), std::string_view(R"({ "/a" = [] })"),
              std::string_view(R"("0123456789abcdef0123456789abcdef01234567")"),
              std::string_view(R"("https://u:p@host.example.com:0/x?y#z")")}) {
            if (row.name != "zones_file" && row.name != "state_dir") CHECK(check_all(file_with(row, value)) > 0);
        }
        std::string slip(row.name);
        if (slip.size() >= 4) check_all(file_with({row.section, slip.erase(2, 1), nullptr, "", ""}, "1"));
    }
}

TEST_CASE("language: a list of many mistakes is told in Chinese", "[language]") {
    std::string list;
    for (int i = 0; i < 64; ++i)
        list += fmt::format("\"{} {}\",", i, i);
    CHECK(check_all("[[link]]\naddresses = [" + list + "]\n") == 3);
}

TEST_CASE("language: mistakes over several keys are told in Chinese", "[language]") {
    const std::string link =
        "[[link]]\nname = \"x\"\nhost = \"x.example.com\"\naddresses = [\"10.0.0.9\"]\ntoken_file = \"/x\"\n";
    for (
        const std::string& text : {
            std::string("x"),
            std::string("a: b"),
            std::string("[dns]\nttl = 10s\n"),
            std::string("[dns]\nttl = \"1s\"\nttl = \"1s\"\n"),
            std::string("[nonsense]\na = 1\n"),
            std::string("[agnet]\na = 1\n"),
            std::string("token = \"1\"\n"),
            std::string("listen = \"1\"\n"),
            std::string("link = 1\n"),
            std::string("link = [1]\n"),
            std::string("dns = 1\n"),
            std::string(""),
            std::string(2 << 20, '#'),
            link + link,
            "[dns]\nlisten = [\"127.0.0.53\", \"0.0.0.0\"]\nallow = [\"0.0.0.0/0\"]\n[http]\nallow = [\"::/0\"]\n" +
                link,
            "[dns]\nlisten = [\"127.0.0.1:5300\"]\nupstreams = [\"127.0.0.1:5300\"]\n[http]\nlisten = \"127.0.0.1:5300\"\n" +
                link,
            "[agent]\nstate_dir = \"/a\"\nruntime_dir = \"/a\"\n" + link,
            "[aliyun]\npoll_interval = \"1h\"\npoll_max_interval = \"1s\"\nsecret = \"x\"\n" + link,
            "[fleet]\nlist_url = \"oss://fleet/x\"\n" + link,
            "[fleet]\nfleet_only = true\n" + link,
            "[dns]\nplan_ttl = \"30s\"\n" + link + "[link.probe]\ninterval = \"1m\"\n",
            std::string() +
                "[aliyun]\nregion = \"cn-beijing\"\n[[link]]\nname = \"x\"\nhost = \"x.example.com\"\nendpoint = \"ep-a\"\nzones = "
                "[\"cn-hangzhou-h\"]\nanswer = false\nfree_stuck = true\n",
            link + "free_stuck = true\ntoken_env = \"X\"\ntarget = \"y.example.com\"\n[link.probe]\nenabled = false\n",
            link + "compare = \"gw.example.com\"\n",
            link + "compare = \"x.example.com\"\n",
            link + "compare_interval = \"1h\"\nzones = [\"cn-hangzhou-h\"]\n",
            link + "[link.probe]\nkind = \"tcp\"\nsql = \"select 1\"\nstatus = [200]\n",
            link + "[link.probe]\npath = \"/rest/sql?x=1\"\ntimeout = \"1s\"\ndegraded_over = \"10s\"\n",
        }) {
        CHECK(check_all(text) > 0);
    }
}

TEST_CASE("language: an object's place that is none is told in Chinese", "[language]") {
    for (const std::string& place :
         {std::string("x"), std::string("oss://x"), std::string("oss://X/y"), std::string("oss://abc/"),
          std::string("oss://abc/a//b"), std::string("oss://abc/../b"), "oss://abc/" + std::string(2000, 'x'),
          std::string("file:x"), std::string("http://example.com/x"), std::string("https://example.com"),
          std::string("https://example.com/x#y"), std::string("https://example.com/\xc3\xa4"),
          std::string(5000, 'x')}) {
        const auto parsed = parse_object_place(place);
        REQUIRE_FALSE(parsed);
        check(parsed.error().whole());
    }
}

TEST_CASE("language: the takeover is told in Chinese, whatever its state and its cause", "[language]") {
    HostDnsReport report;
    report.journal.target.listen = *core::SocketAddress::parse("127.0.0.153", 53);
    report.seen.name = "db.example.com";
    for (int state = 0; state <= static_cast<int>(TakeoverState::kTruce); ++state) {
        for (const core::Message& why : {core::Message(), core::message("nothing answers at {}", "127.0.0.153:53"),
                                         core::message("{} through it", report.seen.problem())}) {
            for (int seen = 0; seen < 6; ++seen) {
                report.journal.state = static_cast<TakeoverState>(state);
                report.journal.why = why;
                report.journal.since_wall_us = seen * 1'800'000'000 * core::kSecond;
                report.journal.decision.mode = seen % 2 == 0 ? Mode::kFull : Mode::kSplit;
                report.seen.state = static_cast<PathState>(seen % 3);
                report.silent = seen == 5;
                check(report.text());
            }
        }
    }
    report.problem = core::message("cannot look at {}", "/var/lib/postern/hostdns.json");
    check(report.text());
    for (const HostsLine& line :
         hosts_findings("10.0.0.1 db.example.com\ndb.example.com 10.0.0.1\n", {"db.example.com"}))
        check(line.what());
    HostFacts facts;
    for (const bool immutable : {false, true}) {
        facts.resolv_conf.kind = FileState::Kind::kFile;
        facts.immutable = immutable;
        facts.read_only = !immutable;
        for (const Mode mode : {Mode::kSplit, Mode::kFull}) {
            const Decision decision = decide(facts, mode);
            REQUIRE_FALSE(decision.refusal.empty());
            check(decision.refusal);
            check(decision.hint);
        }
    }
}

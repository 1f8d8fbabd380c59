// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>
#include <regex>
#include <set>
#include <sstream>

#include "agent/faults/catalogue.h"
#include "agent/faults/codes.h"
#include "core/secret.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

std::set<std::string> placeholders(const std::string& text) {
    std::set<std::string> out;
    const std::regex word(R"(\{([a-z_]+)\})");
    for (std::sregex_iterator it(text.begin(), text.end(), word), end; it != end; ++it)
        out.insert((*it)[1]);
    return out;
}

}  // namespace

TEST_CASE("doctor: both catalogues have every text, and each says the same values", "[doctor]") {
    const auto& english = Catalogue::in(Language::kEnglish).all();
    const auto& chinese = Catalogue::in(Language::kChinese).all();
    const auto flat_english = english.flatten(), flat_chinese = chinese.flatten();
    CHECK(flat_english.size() > 5 * all_codes().size());
    for (const auto& [key, text] : flat_english.items()) {
        INFO(key);
        REQUIRE(flat_chinese.contains(key));
        const auto other = placeholders(flat_chinese[key]);
        if (key.ends_with("/cause") || key.find("/passed/") == 0) CHECK(other == placeholders(text));
        CHECK(flat_chinese[key].get<std::string>().empty() == text.get<std::string>().empty());
    }
    CHECK(flat_chinese.size() == flat_english.size());
}

TEST_CASE("doctor: every code has its words, and every word its code", "[doctor]") {
    const auto& findings = Catalogue::in(Language::kEnglish).all()["findings"];
    for (const CodeInfo& code : all_codes()) {
        INFO(code.code);
        REQUIRE(findings.contains(std::string(code.code)));
        for (const char* part : {"cause", "expected", "found", "fix", "verify"})
            CHECK(findings[std::string(code.code)].contains(part));
        CHECK(code.code.starts_with("PN-"));
        CHECK((code.severity == State::kFail || code.severity == State::kWarn));
    }
    CHECK(findings.size() == all_codes().size());
    for (int s = 0; s < static_cast<int>(Step::kCount); ++s) {
        const std::string step(to_string(static_cast<Step>(s)));
        for (const char* section : {"steps", "passed", "skipped"})
            CHECK(Catalogue::in(Language::kEnglish).all()[section].contains(step));
    }
}

TEST_CASE("doctor: what explains a code exists, and explains nothing in a circle", "[doctor]") {
    std::map<std::string, std::set<std::string>> causes;
    for (const CodeInfo& code : all_codes()) {
        std::istringstream names{std::string(code.explained_by)};
        for (std::string name; names >> name;) {
            INFO(name);
            CHECK(find_code(name) != nullptr);
            causes[std::string(code.code)].insert(name);
        }
    }
    for (const auto& [code, direct] : causes) {
        std::set<std::string> all = direct;
        for (std::size_t before = 0; before != all.size();) {
            before = all.size();
            for (const auto& name : std::set<std::string>(all))
                all.insert(causes[name].begin(), causes[name].end());
        }
        INFO(code);
        CHECK(all.count(code) == 0);
    }
}

TEST_CASE("doctor: every reason of a probe has one code", "[doctor]") {
    std::set<std::string_view> seen;
    for (int r = 1; r < static_cast<int>(probe::Reason::kCount); ++r) {
        const auto reason = static_cast<probe::Reason>(r);
        const auto& codes = all_codes();
        REQUIRE(std::count_if(codes.begin(), codes.end(), [&](const auto& c) { return c.reason == reason; }) == 1);
        CHECK(seen.insert(code_of(reason).code).second);
    }
}

TEST_CASE("doctor: texts are filled", "[doctor]") {
    CHECK(fill("{ip} on {port}", {{"ip", "10.0.0.1"}, {"port", "443"}}) == "10.0.0.1 on 443");
    CHECK(fill("probe {link} --json", {}) == "probe --json");
    CHECK(fill("{\"code\":0,…}", {}) == "{\"code\":0,…}");
    CHECK(fill("open { brace", {}) == "open { brace");
    CHECK(fill("{a}", {{"a", "{b}"}, {"b", "never"}}) == "{b}");  // values are not texts
}

TEST_CASE("doctor: a value can be a text of the catalogue, filled itself", "[doctor]") {
    const Values values = {{"takeover", catalogued("takeover", "on")}, {"listen", "127.0.0.153:53"}};
    CHECK(Catalogue::in(Language::kEnglish).text("passed", "resolv_conf", values) ==
          "taken over: all names go to 127.0.0.153:53");
    CHECK(Catalogue::in(Language::kChinese).text("passed", "resolv_conf", values) ==
          "已接管：所有域名都由 127.0.0.153:53 解析");
}

TEST_CASE("doctor: a value can be a message, told in the catalogue's language", "[doctor]") {
    using core::message;
    const core::Message m =
        message("{}: {}", message("cannot connect to {}", "a:443"), std::string("Connection refused"));
    const std::string value = told_value(m);
    REQUIRE(message_value(value));
    CHECK(*message_value(value) == m);
    CHECK_FALSE(is_plain(value));
    CHECK(told_value(std::string("as it is")) == "as it is");
    CHECK_FALSE(message_value("as it is"));
    const Values values = {{"problem", value}, {"what", catalogued("discovery", "doubt")}};
    const auto &english = Catalogue::in(Language::kEnglish), &chinese = Catalogue::in(Language::kChinese);
    CHECK(english.value(values, "problem") == "cannot connect to a:443: Connection refused");
    CHECK(chinese.value(values, "problem") == "无法连接 a:443：Connection refused");
    CHECK(chinese.value(values, "what") == chinese.value(values, "problem"));  // filled with it
    CHECK(chinese.value(values, "none").empty());
    CHECK(chinese.of(message("a form of tomorrow: {}", "x")) == "a form of tomorrow: x");
}

TEST_CASE("doctor: a secret in a part of a message is masked, and the message stays one", "[doctor]") {
    const core::Secret secret("s3cr3t-token-value");
    const auto value = told_value(core::message("cannot read {}: {}", "f", std::string("it says s3cr3t-token-value")));
    const auto masked = message_value(redacted_value(value));
    REQUIRE(masked);
    CHECK(masked->text().find("s3cr3t") == std::string::npos);
    CHECK(masked->form() == "cannot read {}: {}");
    CHECK(redacted_value("x s3cr3t-token-value").find("s3cr3t") == std::string::npos);
}

TEST_CASE("doctor: what is no message is not taken for one", "[doctor]") {
    const std::string whole = told_value(core::message("no connection to {} within {}", "a", "3 s"));
    for (std::size_t size = 1; size < whole.size(); ++size)
        CHECK_FALSE(message_value(whole.substr(0, size)));
    for (const char* bad : {"\036", "\036:", "\0369:a", "\03699999999999999999999:a", "\0361:a1:x", "\0361:a1:0x"})
        CHECK_FALSE(message_value(bad));
    core::Message deep("a");
    for (int i = 0; i < 2 * kMaxMessageDepth; ++i)
        deep = core::message("{}", deep);
    CHECK_FALSE(message_value(told_value(deep)));
}

TEST_CASE("doctor: the language is the locale's", "[doctor]") {
    CHECK(parse_language("zh") == Language::kChinese);
    CHECK_FALSE(parse_language("fr"));
}

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
#include "core/printable.h"

#include <set>

#include "core/log.h"
#include "tests/unit/catch.h"

using namespace postern::core;

namespace {

/// What must not reach a terminal, with the JSON form of each; "" for bytes that are no character.
struct Unsafe {
    std::string bytes, escaped;
};
const Unsafe kUnsafe[] = {
    {std::string(1, '\0'), "\\u0000"},
    {"\x1b", "\\u001b"},
    {"\x7f", "\\u007f"},
    {"\xc2\x80", "\\u0080"},
    {"\xc2\x9b", "\\u009b"},                 // CSI
    {"\xc2\xad", "\\u00ad"},                 // soft hyphen
    {"\xd8\x9c", "\\u061c"},                 // Arabic letter mark
    {"\xe2\x80\x8b", "\\u200b"},             // zero-width space
    {"\xe2\x80\x8f", "\\u200f"},             // right-to-left mark
    {"\xe2\x80\xa8", "\\u2028"},             // line separator
    {"\xe2\x80\xae", "\\u202e"},             // right-to-left override
    {"\xe2\x81\xa6", "\\u2066"},             // left-to-right isolate
    {"\xef\xbb\xbf", "\\ufeff"},             // byte order mark
    {"\xf3\xa0\x81\x81", "\\udb40\\udc41"},  // a tag
    {"\x80", ""},
    {"\x9b", ""},  // C1 in ISO 8859
    {"\xff", ""},
    {"\xc2", ""},
    {"\xc0\xaf", ""},          // too long a form of "/"
    {"\xed\xa0\x80", ""},      // a surrogate
    {"\xf4\x90\x80\x80", ""},  // beyond Unicode
};

const std::string kGood = "plain 端点 é naïve ¡ 😀";

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("printable: what a terminal obeys and what is no text is replaced", "[printable]") {
    CHECK(printable(kGood) == kGood);
    CHECK(printable("") == "");
    CHECK(printable("a\tb\nc") == "a.b.c");
    CHECK(printable("a\nb", ' ') == "a b");
    CHECK(printable_lines("a\tb\nc\r\x1b") == "a\tb\nc..");
    for (const auto& [bytes, escaped] : kUnsafe) {
        INFO(escaped);
        const std::string out = printable("<" + bytes + ">");
        CHECK_FALSE(has(out, bytes));
        CHECK(out.starts_with("<"));
        CHECK(out.ends_with(">"));
        if (!escaped.empty()) CHECK(out == "<.>");
        if (escaped.empty()) CHECK(has(out, "\xEF\xBF\xBD"));
    }
}

TEST_CASE("printable: a text is never cut within a character", "[printable]") {
    const std::string text = "a端é😀";
    std::set<std::string> beginnings;
    for (std::size_t limit = 0; limit <= text.size() + 2; ++limit) {
        const std::string out(whole_characters(text, limit));
        CHECK(out.size() <= limit);
        CHECK(text.starts_with(out));
        CHECK(printable(out) == out);
        beginnings.insert(out);
    }
    CHECK(beginnings == std::set<std::string>{"", "a", "a端", "a端é", text});
    CHECK(whole_characters("\x80\x80\x80\x80\x80\x80", 5).size() >= 2);  // no text at all: no endless search
}

TEST_CASE("printable: JSON keeps what it means", "[printable]") {
    CHECK(printable_json("{\n  \"a\": \"端\"\n}\n") == "{\n  \"a\": \"端\"\n}\n");
    CHECK(json_quote(kGood) == "\"" + kGood + "\"");
    for (const auto& [bytes, escaped] : kUnsafe) {
        INFO(escaped);
        const std::string quoted = json_quote("<" + bytes + ">");
        CHECK_FALSE(has(quoted, bytes));
        if (escaped.empty()) continue;
        CHECK(quoted == "\"<" + escaped + ">\"");
        CHECK(printable_json("\"<" + bytes + ">\"") == quoted);
    }
}

TEST_CASE("log: no line has what a terminal obeys, as text and as JSON", "[log]") {
    std::string line;
    capture_log([&](Level, std::string_view, const std::string& text) { line = text; });
    for (const LogFormat format : {LogFormat::kText, LogFormat::kJson}) {
        configure_log(Level::kInfo, format);
        for (const auto& [bytes, escaped] : kUnsafe) {
            INFO(escaped);
            log_info("event", "said <" + bytes + ">", {{"field", "<" + bytes + ">"}});
            CHECK_FALSE(has(line, bytes));
            CHECK(has(line, "said <"));
        }
        log_info("event", kGood, {{"field", "端点"}});
        CHECK(has(line, kGood));
        log_info("event", std::string(100'000, 'x'), {{"field", std::string(100'000, 'y')}});
        CHECK(line.size() <= 8192 + 100);
    }
    configure_log(Level::kInfo, LogFormat::kText);
    capture_log({});
}

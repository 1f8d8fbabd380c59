// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <memory>
#include <vector>

#include "core/log.h"
#include "core/secret.h"

using namespace postern::core;

TEST_CASE("secret: live secrets are redacted, raw and encoded", "[secret]") {
    const Secret token("abc+def/0123456789");
    CHECK(redact("url?token=abc+def/0123456789&x") == "url?token=***&x");
    CHECK(redact("url?token=abc%2Bdef%2F0123456789") == "url?token=***");
    CHECK(redact("nothing here") == "nothing here");
}

TEST_CASE("secret: known until its last copy is destroyed", "[secret]") {
    auto first = std::make_unique<Secret>("0123456789abcdef");
    auto copy = std::make_unique<Secret>(*first);
    Secret moved(std::move(*first));
    first.reset();
    CHECK(redact("0123456789abcdef") == "***");
    copy.reset();
    CHECK(redact("0123456789abcdef") == "***");
    moved = Secret();
    CHECK(redact("0123456789abcdef") == "0123456789abcdef");
}

TEST_CASE("secret: a secret that contains another is redacted as a whole", "[secret]") {
    const Secret inner("abcdef");
    const Secret outer("123abcdef456");
    CHECK(redact("123abcdef456 abcdef") == "*** ***");
}

TEST_CASE("secret: a shortened text has no part of a secret", "[secret]") {
    const Secret token("0123456789+abcdef");
    for (const std::string& secret : {std::string("0123456789+abcdef"), percent_encode("0123456789+abcdef")}) {
        const std::string text = "xxxx" + secret + "yyyy" + secret;
        for (std::size_t size = 0; size <= text.size() + 1; ++size) {
            const std::string head = redact(text, size);
            INFO(size << " " << head);
            CHECK(head.find("01") == std::string::npos);
            CHECK(std::string("xxxx***yyyy***").starts_with(head));
            if (size <= 4) CHECK(head == text.substr(0, size));
        }
    }
    CHECK(redact("nothing here", 7) == "nothing");
}

TEST_CASE("log: no line carries a secret, and fields can't break out of their line", "[log]") {
    const Secret token("deadbeefdeadbeef");
    std::vector<std::string> lines;
    capture_log([&](Level, std::string_view, const std::string& line) { lines.push_back(line); });
    configure_log(Level::kInfo, LogFormat::kText);
    log_info("test_event", "token deadbeefdeadbeef\nsecond line", {{"detail", "a \"b\"\n deadbeefdeadbeef"}});
    configure_log(Level::kInfo, LogFormat::kJson);
    log_info("test_event", "bad \xff utf-8", {{"detail", "deadbeefdeadbeef"}});
    configure_log(Level::kInfo, LogFormat::kText);
    capture_log({});
    REQUIRE(lines.size() == 2);
    for (const auto& line : lines) {
        CHECK(line.find("deadbeef") == std::string::npos);
        CHECK(line.find('\n') == std::string::npos);
    }
    CHECK(lines[0].find("test_event: token *** second line detail=\"a \\\"b\\\"\\n ***\"") != std::string::npos);
    CHECK(lines[1].find("bad \xEF\xBF\xBD utf-8") != std::string::npos);
}

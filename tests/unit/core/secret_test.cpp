// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <vector>

#include "core/log.h"
#include "core/secret.h"
#include "tests/unit/catch.h"
#include "tests/unit/memory_search.h"

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

TEST_CASE("secret: copies and secrets of the same text are in one place, and nowhere after the last", "[secret]") {
    for (const std::string_view disguise : {"bcdefg45678:;<=>jklmnop45678", "b,c0d>e&f!g45678jklmnop45678"}) {
        using postern::test::times_in_memory;
        using postern::test::undisguised;
        REQUIRE(times_in_memory(disguise) == 0);
        {
            const Secret token(undisguised(disguise));
            const std::vector<Secret> copies(20, token);
            Secret other("something else");
            other = Secret(undisguised(disguise));
            const Secret moved(std::move(other));
            CHECK(moved == token);
            CHECK(&moved.expose() == &copies.back().expose());
            CHECK(redact("a text that is searched for it").size() == 30);
            CHECK(times_in_memory(disguise) == 1);
        }
        CHECK(times_in_memory(disguise) == 0);
    }
}

TEST_CASE("secret: encoded it is kept once, too, where that is another text", "[secret]") {
    const Secret odd("a+b/c=d token"), plain("0123456789abcdef");
    CHECK(odd.expose_encoded() == "a%2Bb%2Fc%3Dd%20token");
    CHECK(&plain.expose_encoded() == &plain.expose());
    CHECK(Secret().expose_encoded().empty());
    CHECK(Secret() == Secret(""));
}

TEST_CASE("secret: wiping takes the text and what was in its buffer before", "[secret]") {
    const std::string_view disguise = "qponmlkj:;<=>bcdefg87654";
    std::string text = postern::test::undisguised(disguise);
    text.resize(1);
    wipe(text);
    CHECK(text.empty());
    CHECK(postern::test::times_in_memory(disguise) == 0);
    {
        std::string scoped = postern::test::undisguised(disguise);
        const Wiped after(scoped);
        CHECK(postern::test::times_in_memory(disguise) == 1);
    }
    CHECK(postern::test::times_in_memory(disguise) == 0);
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

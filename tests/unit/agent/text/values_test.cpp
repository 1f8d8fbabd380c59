// SPDX-License-Identifier: Apache-2.0
#include "agent/text/values.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("config values: durations have a unit and nothing else", "[config]") {
    CHECK(parse_duration("10s") == 10 * core::kSecond);
    CHECK(parse_duration("1200ms") == 1200 * core::kMillisecond);
    CHECK(parse_duration("5m") == 5 * core::kMinute);
    CHECK(parse_duration("1h30m") == 90 * core::kMinute);
    CHECK(parse_duration("14d") == 14 * core::kDay);
    CHECK(parse_duration("250us") == 250);
    CHECK(parse_duration("0s") == 0);
    for (const char* bad : {"", "10", "s", "-1s", "+1s", "1 s", "1.5s", "1s1s", "1s1m", "10sec", "1w",
                            "99999999999999999999s", "9223372036854775807d"}) {
        INFO(bad);
        CHECK_FALSE(parse_duration(bad).has_value());
    }
}

TEST_CASE("config values: a duration prints as it may be written", "[config]") {
    for (const char* text : {"0s", "10s", "90s", "1200ms", "5m", "1h", "14d", "250us"}) {
        CHECK(format_duration(*parse_duration(text)) == text);
    }
}

TEST_CASE("config values: sizes have a binary unit", "[config]") {
    CHECK(parse_size("16MiB") == 16u << 20);
    CHECK(parse_size("512KiB") == 512u << 10);
    CHECK(parse_size("2GiB") == 2ull << 30);
    CHECK(parse_size("4096B") == 4096u);
    for (const char* bad : {"", "16", "16MB", "16 MiB", "-1MiB", "1.5GiB", "16MiB ", "99999999999999999999B"}) {
        INFO(bad);
        CHECK_FALSE(parse_size(bad).has_value());
    }
}

TEST_CASE("config values: a value is shown without what may be secret and without control characters", "[config]") {
    CHECK(shown("abc") == "\"abc\"");
    CHECK(shown("https://h/p?token=abc") == "\"https://h/p?…\"");
    CHECK(shown("user:pass@host") == "\"…@host\"");
    CHECK(shown("a\x1b[31mb\n") == "\"a.[31mb.\"");
    CHECK(shown("a\xe2\x80\xae"
                "b\xc2\x9b"
                "c") == "\"a.b.c\"");
    CHECK(shown(std::string(100, 'x')).size() < 70);
    CHECK(shown(std::string(58, 'x') + "端点端点") == "\"" + std::string(58, 'x') + "…\"");
}

TEST_CASE("config values: tokens and keys look like secrets, paths and names do not", "[config]") {
    CHECK(looks_like_secret("5ecre7705ecre7705ecre7705ecre7705ecre770"));
    CHECK(looks_like_secret("exampleAccessKeySecret0123456789"));
    for (const char* fine : {"/etc/postern/db.token", "TDENGINE_TOKEN_2024", "tdengine-prod", "gw.example.com",
                             "select 1", "cn-hangzhou-h"}) {
        INFO(fine);
        CHECK_FALSE(looks_like_secret(fine));
    }
}

TEST_CASE("config values: the nearest word is found by edit distance, and nonsense finds none", "[config]") {
    const std::vector<std::string_view> words{"interval",        "fast_interval", "timeout",
                                              "connect_timeout", "fall",          "rise"};
    CHECK(nearest("intervall", words) == "interval");
    CHECK(nearest("itnerval", words) == "interval");
    CHECK(nearest("time_out", words) == "timeout");
    CHECK(nearest("Timeout", words) == "timeout");
    CHECK(nearest("fal", words) == "fall");
    CHECK_FALSE(nearest("completely_different", words).has_value());
    CHECK_FALSE(nearest("x", words).has_value());
}

TEST_CASE("config values: an endpoint ID has its prefix and what follows it, and is told from its neighbours",
          "[config]") {
    CHECK(check_endpoint_id("ep-b") == "");
    CHECK(check_endpoint_id("ep-bp1" + std::string(58, 'x')) == "");
    const auto says = [](const std::string& id, const char* what) {
        INFO(id);
        CHECK(check_endpoint_id(id).find(what) != std::string::npos);
    };
    says("ep-", "is not an endpoint ID");  // half a paste: the cloud would be asked for an endpoint without a name
    says("ep-bp1" + std::string(59, 'x'), "is not an endpoint ID");
    for (const char* id : {"", "ep", "bp1", "EP-bp1", "ep-Bp1", "ep-bp_1", "ep-bp1 "})
        says(id, "is not an endpoint ID");
    says("epsrv-bp1", "is the ID of an endpoint service");
    says("ep-bp1.epsrv-x.cn-hangzhou.privatelink.aliyuncs.com", "is a domain name");
}

TEST_CASE("values: a duration for people has one unit, and is never negative", "[values]") {
    using core::kSecond;
    CHECK(rough_duration(-5) == "0 s");
    CHECK(rough_duration(41 * kSecond + 900'000) == "41 s");
    CHECK(rough_duration(99 * kSecond) == "99 s");
    CHECK(rough_duration(100 * kSecond) == "1 min");
    CHECK(rough_duration(99 * core::kMinute) == "99 min");
    CHECK(rough_duration(100 * core::kMinute) == "1 h");
    CHECK(rough_duration(72 * core::kHour) == "3 d");
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/scrub.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: what looks like a secret is not sent", "[doctor]") {
    const std::pair<const char*, const char*> kCases[] = {
        {"https_proxy=http://me:s3cret@proxy:3128/", "https_proxy=http://***@proxy:3128/"},
        {"http://me:p@ss@proxy and http://plain/", "http://***@proxy and http://plain/"},
        {"GET /rest/sql?token=abc&tz=utc", "GET /rest/sql?token=***&tz=utc"},
        {R"({"SecurityToken": "ab\"cd", "Name": "x"})", R"({"SecurityToken": "***", "Name": "x"})"},
        {R"("body":"{\"AccessKeySecret\":\"abc\",\"a\":1}")", R"("body":"{\"AccessKeySecret\":\"***\",\"a\":1}")"},
        {"Authorization: Basic dXNlcjpwYXNz\nHost: h", "Authorization: ***\nHost: h"},
        {R"("line 3: \"h # password=ab\cd\" wins")", R"("line 3: \"h # password=***\" wins")"},
        {"PASSWORD='two words' x", "PASSWORD='***' x"},
        {"password=", "password="},
        {R"("token": true)", R"("token": true)"},
        {"token: cannot open /etc/postern/t", "token: cannot open /etc/postern/t"},
        {"token: 5ecre7705ecre7705ecre770 is wrong", "token: *** is wrong"},
        {"token_file = \"/etc/postern/t\"", "token_file = \"/etc/postern/t\""},
        {"reason=token_missing", "reason=token_missing"},
        {"a password", "a password"},
        {"", ""},
    };
    for (const auto& [text, clean] : kCases) {
        INFO(text);
        CHECK(scrub(text) == clean);
        CHECK(scrub(clean) == clean);
    }
}

TEST_CASE("doctor: of a configuration the known keys stay, each on its line", "[doctor]") {
    CHECK(scrub_config("# my token: abc\n"
                       "[[link]]  # main\n"
                       "name = \"tdengine # prod\"  # abc\n"
                       "tokken = \"abc\"\n"
                       "endpoint = [\n"
                       "  \"ep-1\",  # abc\n"
                       "  \"ep-2\"\n"
                       "]\n"
                       "\n"
                       "body_contains = \"\"\"\n"
                       "name = \"abc\"\n"
                       "\"\"\"\n"
                       "host = \"h\n"
                       "abc\n"
                       "\"token\" = \"abc\"\n"
                       "path = \"/rest/sql?token=abc\"\n") ==
          "# ***\n"
          "[[link]]\n"
          "name = \"tdengine # prod\"\n"
          "tokken = ***\n"
          "endpoint = [\n"
          "\"ep-1\",\n"
          "\"ep-2\"\n"
          "]\n"
          "\n"
          "body_contains = ***\n"
          "***\n"
          "***\n"
          "host = \"h\n"
          "***\n"
          "***\n"
          "path = \"/rest/sql?token=***\"\n");
}

TEST_CASE("doctor: a list that is not closed hides no secret", "[doctor]") {
    const std::string clean = scrub_config("addresses = [\"10.0.0.1\"\nsecret = \"abcdef\"\nx = \"ghijkl\"\n");
    CHECK(clean == "addresses = [\"10.0.0.1\"\n***\n***\n");
}

TEST_CASE("doctor: what was written into the wrong place is known as a secret", "[doctor]") {
    const auto known = known_secrets(
        Config{}, "token_file = \"5ecre7705ecre7705ecre770\"\n# token = 'abcdefgh'\nhots = \"db.example.com\"\n");
    CHECK(scrub("5ecre7705ecre7705ecre770 abcdefgh db.example.com") == "*** *** db.example.com");
}

}  // namespace postern::agent::doctor

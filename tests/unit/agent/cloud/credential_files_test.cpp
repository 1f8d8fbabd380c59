// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/credential_sources.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Code;

namespace {

using Words = std::vector<std::string>;

/// Each with one byte changed, and each shorter one.
template <class Check>
void damaged(const std::string& text, Check check) {
    for (std::size_t n = 0; n < text.size(); ++n) {
        check(text.substr(0, n));
        for (const char c : {'\0', '{', '"', '\xff'}) {
            std::string changed = text;
            changed[n] = c;
            check(changed);
        }
    }
}

}  // namespace

TEST_CASE("credential files: the profiles of the command line tool by their names", "[credential_files]") {
    const auto config = parse_cli_config(
        R"({"current":"b","profiles":[{"name":"a","mode":"AK","expired_seconds":900},{"name":"b","x":null,"y":[1]},{"name":"a","mode":"second"}]})");
    REQUIRE(config);
    CHECK(config->current == "b");
    REQUIRE(config->profiles.size() == 2);
    CHECK(config->profiles.at("a").at("mode") == "AK");
    CHECK(config->profiles.at("a").at("expired_seconds") == "900");
    CHECK(config->profiles.at("b").at("x").empty());
    CHECK(config->profiles.at("b").at("y").empty());
    for (const char* bad :
         {"", "[]", "null", "{}", R"({"profiles":[]})", R"({"profiles":{"a":1}})", R"({"profiles":"a"})"}) {
        INFO(bad);
        const auto refused = parse_cli_config(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::kFileCorrupt);
    }
    CHECK_FALSE(parse_cli_config(std::string(2 << 20, ' ')));
}

TEST_CASE("credential files: sections, comments, quotes and a byte order mark of an ini file", "[credential_files]") {
    const auto ini = parse_ini(
        "\xef\xbb\xbf# comment\r\n; comment\r\nstray = 1\r\n[ default ]\r\nTYPE = access_key\r\n"
        "access_key_secret=se#cr;et # why\r\nquoted = \"a # b\" tail\r\ncolon: v\r\nempty =\r\nno sign\r\n"
        "open = \"half\r\n[b]\n[default]\nlater=2");
    CHECK(ini.at("").at("stray") == "1");
    const auto& section = ini.at("default");
    CHECK(section.at("type") == "access_key");
    CHECK(section.at("access_key_secret") == "se#cr;et");
    CHECK(section.at("quoted") == "a # b");
    CHECK(section.at("colon") == "v");
    CHECK(section.at("empty").empty());
    CHECK(section.at("open") == "\"half");
    CHECK(section.at("later") == "2");
    CHECK(section.size() == 7);
    CHECK(ini.at("b").empty());
    CHECK(parse_ini("").empty());
    CHECK(parse_ini("[").at("").empty());
    CHECK(parse_ini("=").at("").at("").empty());
}

TEST_CASE("credential files: a command is taken apart as a shell would, and nothing is expanded",
          "[credential_files]") {
    const auto words = [](std::string_view text) { return split_command(text).value_or(Words{"?"}); };
    CHECK(words("").empty());
    CHECK(words(" \t\n").empty());
    CHECK(words("a  b\tc") == Words{"a", "b", "c"});
    CHECK(words("a '' \"\"") == Words{"a", "", ""});
    CHECK(words("'a b'\"c d\"e") == Words{"a bc de"});
    CHECK(words("a\\ b") == Words{"a b"});
    CHECK(words("'a\\b'") == Words{"a\\b"});
    CHECK(words("\"a\\\"b\\n\"") == Words{"a\"b\\n"});
    CHECK(words("$HOME `id` $(id) *") == Words{"$HOME", "`id`", "$(id)", "*"});
    for (const char* bad : {"'a", "\"a", "a\\", "\"a\\"}) {
        INFO(bad);
        const auto refused = split_command(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().what.find("a") != std::string::npos);
    }
}

TEST_CASE("credential files: what a command prints is whole credentials or none", "[credential_files]") {
    const std::string good =
        R"({"mode":"StsToken","access_key_id":"id","access_key_secret":"s3cret","sts_token":"t0ken","expiration":"2026-01-02T03:04:05Z"})";
    const auto keys = parse_external_output(good);
    REQUIRE(keys);
    CHECK(keys->access_key_id == "id");
    CHECK(keys->security_token.expose() == "t0ken");
    CHECK(keys->expires_wall_us == core::parse_utc("2026-01-02T03:04:05Z"));
    CHECK(parse_external_output(R"({"mode":"AK","access_key_id":"id","access_key_secret":"s"})")->expires_wall_us ==
          core::kNever);
    for (const char* bad :
         {R"({"mode":"StsToken","access_key_id":"a","access_key_secret":"s3cret"})",
          R"({"access_key_id":"","access_key_secret":"s3cret"})", R"({"access_key_id":"a"})",
          R"({"access_key_id":"a","access_key_secret":"s3cret","expiration":"s3cret"})", "s3cret", ""}) {
        INFO(bad);
        const auto refused = parse_external_output(bad);
        REQUIRE_FALSE(refused);
        CHECK(refused.error().code == Code::kCredentialsInvalid);
        CHECK(refused.error().text().find("s3cret") == std::string::npos);
    }
    CHECK_FALSE(parse_external_output(good + std::string(1 << 20, ' ')));
}

TEST_CASE("credential files: files of any bytes are read or refused, and never repeated", "[credential_files]") {
    int refused = 0;
    damaged(
        R"({"current":"ak","profiles":[{"name":"ak","mode":"AK","access_key_id":"id","access_key_secret":"s3cret"}]})",
        [&](const std::string& text) {
            const auto config = parse_cli_config(text);
            if (config) {
                CHECK(config->profiles.size() == 1);
            } else {
                ++refused;
                CHECK(config.error().text().find("s3cret") == std::string::npos);
            }
        });
    CHECK(refused > 100);
    damaged(R"({"mode":"StsToken","access_key_id":"id","access_key_secret":"s3cret","sts_token":"t0ken"})",
            [&](const std::string& text) {
                const auto keys = parse_external_output(text);
                if (keys) {
                    CHECK_FALSE(keys->access_key_id.empty());
                    CHECK_FALSE(keys->access_key_secret.empty());
                } else {
                    CHECK(keys.error().text().find("s3cret") == std::string::npos);
                }
            });
    damaged("[default]\ntype = access_key\naccess_key_id = \"x\n[\n=\n[]\n", [](const std::string& text) {
        for (const auto& [name, fields] : parse_ini(text))
            CHECK(name.size() + fields.size() <= text.size());
    });
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/scrub.h"

#include <iterator>

#include "tests/unit/catch.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: what looks like a secret is not sent", "[doctor]") {
    const std::pair<const char*, const char*> kCases[] = {
        {"https_proxy=http://me:s3cret@proxy:3128/", "https_proxy=http://***@proxy:3128/"},
        {"http://me:p@ss@proxy and http://plain/", "http://***@proxy and http://plain/"},
        {"GET /rest/sql?token=abc&tz=utc", "GET /rest/sql?token=***&tz=***"},
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

// @ is where the secret stands.
constexpr const char* kPlanted[] = {
    "password=@",
    "password: @",
    "Password = \"@ 7\"",
    "\"password\":\"@\"",
    R"({"db_password": "@", "x": 1})",
    R"({"a":{"clientSecret":"@"}})",
    "server=x;password=@;timeout=3",
    "PGPASSWORD=@ psql",
    "MYSQL_PWD=@",
    "pwd=@",
    "pw: @",
    "pass=@",
    "secret=@",
    "aws_secret_access_key: @",
    "AccessKeySecret=@",
    R"("AccessKeySecret":"@")",
    "access_key_id=@",
    "using LTAI5tExample@ now",
    "api_key=@",
    "x-api-key: @",
    "X-Auth-Token: @",
    "token=@",
    "token: @",
    "token = '@ 1'",
    R"("token":"@")",
    "refresh_token=@&x=2",
    "Authorization: Bearer @.c-d",
    "Authorization: Basic @",
    "authorization=Basic @",
    "-H 'Authorization: Taosd @'",
    "-H \"Authorization: Bearer @\" https://x/",
    "Proxy-Authorization: Basic @",
    "sent Bearer @ to it",
    "curl -u root:@ https://x/",
    "curl -uroot:@ https://x/",
    "curl -u 'root:@ 7' https://x/",
    "curl --user root:@ https://x/",
    "curl --user=root:@ https://x/",
    "curl -U me:@ https://x/",
    "curl --proxy-user me:@ https://x/",
    "mysql --password @ -h x",
    "mysql --password=@",
    "taos --token @",
    "Cookie: session=@",
    "Set-Cookie: sid=@; Path=/",
    "https://user:@@db.example.com/x",
    "http://user:p/w:@@proxy:3128",
    "redis://:@@cache:6379/0",
    "https://db.example.com/rest/sql?token=@",
    "wss://db.example.com/ws?t=@&x=1",
    "/rest/sql?x=@",
    "GET /rest/sql?user=root&p=@ HTTP/1.1",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE@\nabc\n-----END RSA PRIVATE KEY-----\nafter",
    R"("-----BEGIN PRIVATE KEY-----\nMIIE@\n-----END PRIVATE KEY-----\n")",
    "-----BEGIN EC PRIVATE KEY-----\nMIIE@",
    "found 5ecre7705ecre7705ecre7705ecre770@ there",
    "eyJhbGciOiJIUzI1NiJ9@.eyJzdWIiOiIxIn0.abc",
    "signature=@",
    "passphrase: @",
    "private_key=@",
    "密码：@",
    "密码: @",
    "密码=@",
    "密码是 @",
    "口令：@，请保密",
    "令牌为@",
    "令牌 @",
    "密钥＝@",
    "私钥：@",
    "数据库密码 \"@ 1\"",
    "password：@",
    "error: \"login failed (password=@)\"",
    R"({"body":"{\"password\":\"@\"}"})",
    "export TOKEN=@",
    "ALIBABA_CLOUD_SECURITY_TOKEN=@",
    "sk=@",
    "psk=\"@\"",
};

TEST_CASE("doctor: of secrets in every form none is left", "[doctor]") {
    static_assert(std::size(kPlanted) >= 60);
    for (const std::string secret : {"Zq7", "Zq7.w_x", "zqzqzq"}) {
        for (const std::string form : kPlanted) {
            std::string text = form;
            const auto at = text.find('@');
            REQUIRE(at != text.npos);
            text.replace(at, 1, secret);
            INFO(text);
            const std::string clean = scrub("before " + text + "\nafter=1\n");
            CHECK(clean.find(secret) == clean.npos);
            CHECK(clean.starts_with("before "));
            if (form.find("-----BEGIN EC") == form.npos) CHECK(clean.ends_with("after=1\n"));
        }
    }
}

TEST_CASE("doctor: what support needs stays", "[doctor]") {
    for (const char* text :
         {"RequestId E8B1A2C4-0B3F-4C6A-9A3A-2B9C5D1E7F60",
          "ep-bp1example0000000001.epsrv-bp1.cn-hangzhou.privatelink.aliyuncs.com",
          R"({"token_configured": true, "token_problem": null, "status": "pass"})",
          R"("credentials": {"provider": "environment"})", "token: cannot open /etc/postern/t",
          "postern_probe_duration_seconds_bucket{link=\"prod\",le=\"0.5\"} 12",
          "inet 10.0.1.23/24 brd 10.0.1.255 scope global eth0", "ct state established,related accept",
          "LISTEN 0 128 127.0.0.1:9853 users:((\"postern\",pid=812,fd=9))"}) {
        CHECK(scrub(text) == text);
    }
}

TEST_CASE("doctor: what was written into the wrong place is known as a secret", "[doctor]") {
    const auto known = known_secrets(
        Config{}, "token_file = \"5ecre7705ecre7705ecre770\"\n# token = 'abcdefgh'\nhots = \"db.example.com\"\n");
    CHECK(scrub("5ecre7705ecre7705ecre770 abcdefgh db.example.com") == "*** *** db.example.com");
}

}  // namespace postern::agent::doctor

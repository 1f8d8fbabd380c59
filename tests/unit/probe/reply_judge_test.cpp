// SPDX-License-Identifier: Apache-2.0
// Replies judged without a network: bodies, the cell, JSON pointers, redirects, excerpts.
#include "probe/reply_judge.h"
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "tests/unit/catch.h"

using namespace postern::probe;

namespace {

std::string judged(std::string_view body, std::string sql = "select 1") {
    ProbeSpec spec;
    spec.sql = std::move(sql);
    return std::string(to_string(judge_sql_body(spec, 200, body).reason));
}

}  // namespace

TEST_CASE("sql reply: the cell of `select 1`", "[reply]") {
    CHECK(judged(R"({"code":0,"data":[[1]],"rows":1})").empty());
    CHECK(judged(R"({"code":0,"data":[["1"]],"rows":1})").empty());
    CHECK(judged(R"({"code":0,"data":[[1.0]],"rows":1})").empty());
    CHECK(judged(R"({"code":0,"data":[[1]],"rows":1})", " SELECT   1 ;").empty());
    CHECK(judged(R"({"code":0,"data":[[null]]})") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[[]]})") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[{"1":1}]})") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":{}})") == "body_mismatch");
    CHECK(judged(R"({"code":0})") == "body_mismatch");
    CHECK(judged(R"({"code":"0","data":[[1]]})") == "body_mismatch");
    CHECK(judged(R"({"code":0.5,"data":[[1]]})") == "body_mismatch");
    CHECK(judged("null") == "body_mismatch");
    CHECK(judged("\"memory exceeds threshold\"") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[["information_schema"]],"rows":1})", "show databases").empty());
    // Any statement must return a row.
    CHECK(judged(R"({"code":0,"data":[],"rows":0})", "show databases") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[]})", "show databases") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[[1]],"rows":0})") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[[1]],"rows":"1"})") == "body_mismatch");
    CHECK(judged(R"({"code":0,"data":[[1]]})").empty());
}

TEST_CASE("sql reply: codes", "[reply]") {
    const auto code = [](std::int64_t c) { return judged("{\"code\":" + std::to_string(c) + "}"); };
    CHECK(code(3) == "sql_auth");
    for (const int c : {848, 850, 855})
        CHECK(code(c) == "sql_auth");
    CHECK(code(847) == "sql_error");
    CHECK(code(856) == "sql_error");
    for (const int c : {0x0b, 0x18, 0x19, 0x20, 0x090c})
        CHECK(code(c) == "sql_unavailable");
    CHECK(judged(R"({"code":65535,"desc":"get connection timeout"})") == "sql_unavailable");
    CHECK(judged(R"({"code":65535,"desc":"syntax error"})") == "sql_error");
    CHECK(code(0x2644) == "sql_permission");
    CHECK(code(0x0303) == "sql_permission");
    CHECK(code(0x0134) == "sql_permission");
    CHECK(code(9728) == "sql_error");
    CHECK(code(65535) == "sql_error");
    CHECK(code(-1) == "sql_error");
}

TEST_CASE("sql reply: hostile JSON", "[reply]") {
    CHECK(judged(std::string(1'000'000, '[')) == "body_invalid_json");
    CHECK(judged(std::string(3u << 20, ' ')) == "body_invalid_json");
    CHECK(judged("{\"code\":1e999}") == "body_invalid_json");
    CHECK(judged("{\"code\":99999999999999999999}") == "body_mismatch");
    CHECK(judged("{\"code\":0,\"data\":[[1]]} trailing") == "body_invalid_json");
    CHECK(judged("{\"a\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"[[[[\",\"code\":0,\"data\":[[1]]}").empty());
    CHECK(judged(std::string("{\"code\":0\0}", 11)) == "body_invalid_json");
}

// taosAdapter hands the database's text on as it is.
TEST_CASE("sql reply: a text that is no UTF-8 hides no code", "[reply]") {
    const ReplyJudgement bad = judge_sql_body(ProbeSpec{}, 200, "{\"code\":9732,\"desc\":\"bad name: \xff\xfe\"}");
    CHECK(bad.reason == Reason::kSqlError);
    CHECK(bad.sql_code == 9732);
    CHECK(bad.detail.find("bad name: \xef\xbf\xbd\xef\xbf\xbd") != std::string::npos);
    CHECK(judged("{\"code\":0,\"data\":[[1]],\"x\":\"\xc3\"}") == "body_invalid_json");  // not in an error's text
    CHECK(judged("\xff{\"code\":0}") == "body_invalid_json");
}

TEST_CASE("sql reply: the database that can't serve is told in words, whatever the status", "[reply]") {
    const auto reply = [](int status, std::string_view body) {
        return judge_reply(ProbeSpec{}, {.status = status, .content_type = "application/json", .body = body});
    };
    const ReplyJudgement nodes = reply(403, R"({"code":32,"desc":"some vnode/qnode/mnode(s) out of service"})");
    CHECK(nodes.reason == Reason::kSqlUnavailable);
    CHECK(nodes.detail.find("some nodes of the database are out of service; some vnode") != std::string::npos);
    CHECK(reply(503, R"({"code":65535,"desc":"get connection timeout"})").reason == Reason::kSqlUnavailable);
    CHECK(reply(403, R"({"code":771,"desc":"no"})").reason == Reason::kHttpStatus403);
    CHECK(reply(429, "slow down").reason == Reason::kHttpStatus429);
}

TEST_CASE("reply: a content coding that was not asked for is named", "[reply]") {
    ReplyView reply{
        .status = 200, .content_type = "application/json", .body = "\x1f\x8b\x08", .content_coding = "gzip"};
    const ReplyJudgement zipped = judge_reply(ProbeSpec{}, reply);
    CHECK(zipped.reason == Reason::kBodyInvalidJson);
    CHECK(zipped.detail.find("found Content-Encoding gzip") != std::string::npos);
    ProbeSpec https;
    https.kind = Kind::kHttps;
    CHECK(judge_reply(https, reply).reason == Reason::kNone);  // its body is not looked at
    https.body_contains = "ok";
    CHECK(judge_reply(https, reply).reason == Reason::kBodyMismatch);
    https.accepted_status = {503};
    reply.status = 503;
    reply.body = "coded, with ok by chance";
    CHECK(judge_reply(https, reply).reason == Reason::kBodyMismatch);
    reply.status = 200;
    reply.body = R"({"code":0,"data":[[1]]})";
    reply.content_coding = "Identity";
    CHECK(judge_reply(ProbeSpec{}, reply).reason == Reason::kNone);
}

TEST_CASE("https: JSON pointers", "[reply]") {
    ProbeSpec spec;
    const auto with = [&](std::string pointer, std::string value, std::string_view body) {
        spec.body_json = {{std::move(pointer), std::move(value)}};
        return std::string(to_string(judge_body_json(spec, body).reason));
    };
    CHECK(with("/status", "ok", R"({"status":"ok"})").empty());
    CHECK(with("/a/b~1c/1", "2", R"({"a":{"b/c":[1,2]}})").empty());
    CHECK(with("/x~0y", "true", R"({"x~y":true})").empty());
    CHECK(with("", R"({"a":1})", R"({"a":1})").empty());
    CHECK(with("/status", "ok", R"({"status":"bad"})") == "body_mismatch");
    CHECK(with("/status/x", "ok", R"({"status":"bad"})") == "body_mismatch");
    CHECK(with("/9", "ok", "[1]") == "body_mismatch");
    CHECK(with("/-1", "ok", "[1]") == "body_mismatch");
    CHECK(with("/status", "ok", "no") == "body_invalid_json");
}

TEST_CASE("redirect: what is the same host", "[reply]") {
    ProbeSpec spec;
    spec.host = "db.example.com";
    const auto to = [&](std::string_view location) { return same_host_target(spec, location).value_or("-"); };
    CHECK(to("/rest/sql") == "/rest/sql");
    CHECK(to("/rest/sql?token=x#f") == "/rest/sql?token=x");
    CHECK(to("https://db.example.com/x") == "/x");
    CHECK(to("HTTPS://DB.EXAMPLE.COM:443/x") == "/x");
    CHECK(to("https://db.example.com") == "/");
    CHECK(to("https://db.example.com?a=b") == "/?a=b");
    CHECK(to("//db.example.com/x") == "/x");
    for (const char* elsewhere : {"", "x", "http://db.example.com/", "https://db.example.com:8443/", "https://evil/",
                                  "https://db.example.com@evil/", "https://user@db.example.com/", "//evil/x",
                                  "https:///x", "https://[::1/x", "/a\r\nX: y", "ftp://db.example.com/"}) {
        CHECK(to(elsewhere) == "-");
    }
    spec.host = "2001:db8::1";
    spec.port = 8443;
    CHECK(to("https://[2001:db8::1]:8443/x") == "/x");
    CHECK(to("https://[2001:db8::1]/x") == "-");
}

TEST_CASE("excerpt: one line, whole characters, bounded", "[reply]") {
    CHECK(excerpt("plain", 10) == "plain");
    CHECK(excerpt("a\r\nb\x01", 10) == "a  b ");
    CHECK(excerpt("0123456789", 10) == "0123456789");
    CHECK(excerpt("0123456789a", 10) == "0123456…");
    CHECK(excerpt("数据库错误", 10) == "数据…");
    CHECK(excerpt("a\xff\xfe", 10) == "a??");
    for (std::size_t limit = 0; limit < 40; ++limit) {
        CHECK(excerpt("数据abc\xc3\xa9"
                      "def\xff"
                      "库错误xyz",
                      limit)
                  .size() <= limit);
    }
    const postern::core::Secret secret("s3cr3t-token-value");
    CHECK(detail_message(std::string(290, 'x') + "s3cr3t-token-value").find("s3cr") == std::string::npos);
    // An error page that repeats the request, cut anywhere in the token.
    for (std::size_t before = 0; before < 60; ++before) {
        const std::string page = std::string(before, '.') + "s3cr3t-token-value" + std::string(100, '.');
        const std::string shown = excerpt(page, 40);
        INFO(shown);
        CHECK(shown.find_first_of("s3crtoken-value") == std::string::npos);
        CHECK(shown.size() <= 40);
        CHECK(shown.ends_with("…"));
    }
    CHECK(excerpt("s3cr3t-token-value数据", 8) == "***…");
}

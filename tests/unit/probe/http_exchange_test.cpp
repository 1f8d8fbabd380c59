// SPDX-License-Identifier: Apache-2.0
// The parser of replies: complete, in pieces, with hostile input.
#include "probe/http_exchange.h"
#include "core/random.h"
#include "probe/ws_exchange.h"
#include "tests/unit/catch.h"
#include "tests/unit/memory_search.h"

using namespace postern::probe;
using Progress = HttpReply::Progress;

namespace {

struct Parsed {
    Progress progress;
    int status;
    std::string body, problem;
};

/// The whole text in pieces of `piece` bytes, then the end of the connection if more was wanted.
Parsed parse(std::string_view text, std::size_t piece = 1u << 20, HttpLimits limits = {}) {
    HttpReply reply(limits);
    Progress progress = Progress::kMore;
    for (std::size_t i = 0; i < text.size() && progress == Progress::kMore; i += piece) {
        progress = reply.feed(text.substr(i, piece));
    }
    if (progress == Progress::kMore) progress = reply.eof();
    return {progress, reply.status(), reply.body(), reply.problem()};
}

}  // namespace

TEST_CASE("http: good replies, in any pieces", "[http]") {
    struct Row {
        std::string text;
        int status;
        std::string body;
    };
    const std::vector<Row> rows{
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more", 200, "hello"},
        {"HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello", 200, "hello"},
        {"HTTP/1.1 404 Not Found\nContent-Length: 2\n\nno", 404, "no"},
        {"HTTP/1.0 200 OK\r\n\r\nuntil close", 200, "until close"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\nContent-Length: 3\r\n\r\n5\r\nhello\r\n0\r\n\r\n", 200,
         "hello"},
        {"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\nA\r\n0123456789\r\n000\r\nTrailer: x\r\n\r\n",
         200, "hello0123456789"},
        {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
         200, "x"},
        {"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204, ""},
        {"HTTP/1.1 304 Not Modified\r\n\r\n", 304, ""},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 200, "x"},
        {"HTTP/1.1 200 OK\r\nX-Trace: one\r\n two\r\n\tthree\r\nContent-Length:\r\n 5\r\n\r\nhello", 200, "hello"},
    };
    for (const Row& row : rows) {
        for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
            INFO(row.text << " by " << piece);
            const Parsed parsed = parse(row.text, piece);
            INFO(parsed.problem);
            CHECK(parsed.progress == Progress::kDone);
            CHECK(parsed.status == row.status);
            CHECK(parsed.body == row.body);
        }
    }
}

TEST_CASE("http: every bad reply has its problem, in any pieces", "[http]") {
    struct Row {
        std::string text;
        Progress progress;
    };
    const std::vector<Row> rows{
        {"", Progress::kTruncated},
        {"HT", Progress::kTruncated},
        {"HTTP/1.1 200 OK\r\nContent-Le", Progress::kTruncated},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", Progress::kTruncated},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", Progress::kTruncated},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", Progress::kTruncated},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", Progress::kTruncated},
        {"SSH-2.0-x", Progress::kProtocol},
        {"HTTP/2 200\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 2x0 OK\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 099 OK\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 2000 OK\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nSpace : x\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nA: x\rB: y\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nA: x\r\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 O\rK\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r;a\r\nhello\r\n0\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding:\r\n\r\nhello", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\nContent-Length: 5\r\n\r\nhello", Progress::kProtocol},
        {"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nhello", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nhello", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
         Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n", Progress::kProtocol},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n", Progress::kTooLarge},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", Progress::kTooLarge},
        {"HTTP/1.1 200 OK\r\n\r\n" + std::string(300u << 10, 'x'), Progress::kTooLarge},
        {"HTTP/1.1 200 OK\r\nA: " + std::string(40u << 10, 'x'), Progress::kProtocol},
        {"HTTP/1.1 200 " + std::string(40u << 10, 'x'), Progress::kProtocol},
    };
    for (const Row& row : rows) {
        for (const std::size_t piece : {1u, 5u, 1u << 20}) {
            if (piece == 1 && row.text.size() > 10000) continue;
            INFO(row.text.substr(0, 100) << " by " << piece);
            const Parsed parsed = parse(row.text, piece);
            INFO(parsed.problem);
            CHECK(parsed.progress == row.progress);
            CHECK(parsed.problem.size() < 250);
            CHECK_FALSE(parsed.problem.empty());
        }
    }
}

TEST_CASE("http: interim replies, headers and trailers are limited", "[http]") {
    std::string interim, headers = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 20; ++i)
        interim += "HTTP/1.1 100 Continue\r\n\r\n";
    CHECK(parse(interim).progress == Progress::kProtocol);
    for (int i = 0; i < 200; ++i)
        headers += "A: b\r\n";
    CHECK(parse(headers + "\r\n").progress == Progress::kProtocol);
    std::string trailers = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
    for (int i = 0; i < 10000; ++i)
        trailers += "A: b\r\n";
    CHECK(parse(trailers + "\r\n").progress == Progress::kProtocol);
}

TEST_CASE("http: a result does not change with more data", "[http]") {
    HttpReply reply;
    CHECK(reply.feed("HTTP/1.1 200 OK\r\nX-A:  b c \r\nContent-Length: 1\r\n\r\nx") == Progress::kDone);
    CHECK(reply.feed("HTTP/1.1 500") == Progress::kDone);
    CHECK(reply.eof() == Progress::kDone);
    CHECK(reply.header("x-a") == "b c");
    CHECK(reply.header("absent").empty());
    CHECK(reply.body() == "x");
}

TEST_CASE("http: the request", "[http]") {
    ProbeSpec spec;
    spec.host = "db.example.com";
    spec.token = postern::core::Secret("a+b/c=d token");
    CHECK(request_text(spec, "/rest/sql", false)
              .find("POST /rest/sql?token=a%2Bb%2Fc%3Dd%20token HTTP/1.1\r\nHost: db.example.com\r\n") == 0);
    CHECK(request_text(spec, "/rest/sql?tz=UTC", false).find("POST /rest/sql?tz=UTC&token=a%2Bb") == 0);
    CHECK(request_text(spec, "/x?token=1", true).find("POST /x?token=1 HTTP/1.1\r\n") == 0);
    CHECK(request_text(spec, "/rest/sql", false).find("\r\nAccept-Encoding: identity\r\n") != std::string::npos);
    spec.host = "2001:db8::1";
    CHECK(request_text(spec, "/", false).find("\r\nHost: [2001:db8::1]\r\n") != std::string::npos);
}

TEST_CASE("http: a request has the token once, and wiped it leaves none in memory", "[http]") {
    const std::string_view disguise = "qponmlkjbcdefg87654rstuvw23456";
    using postern::test::times_in_memory;
    ProbeSpec spec;
    spec.host = "db.example.com";
    spec.token = postern::core::Secret(postern::test::undisguised(disguise));
    REQUIRE(times_in_memory(disguise) == 1);
    postern::core::SystemRandom random;
    const WsExchange exchange(random);
    for (const bool ws : {false, true}) {
        std::string request = ws ? exchange.request(spec) : request_text(spec, "/rest/sql?tz=UTC", false);
        CHECK(times_in_memory(disguise) == 2);
        postern::core::wipe(request);
        CHECK(times_in_memory(disguise) == 1);
    }
}

TEST_CASE("http: a reply that repeats the token can be forgotten", "[http]") {
    const std::string_view disguise = "qponmlkjbcdefg87654rstuvw23457";
    using postern::test::times_in_memory;
    HttpReply reply;
    {
        std::string token = postern::test::undisguised(disguise);
        std::string text =
            in_one_buffer({"HTTP/1.1 307 X\r\nLocation: /rest/sql?token=", token, "\r\nContent-Length: 0\r\n\r\n"});
        const postern::core::Wiped after(token), after_text(text);
        CHECK(reply.feed(text) == Progress::kDone);
    }
    reply.forget();
    CHECK(times_in_memory(disguise) == 0);
}

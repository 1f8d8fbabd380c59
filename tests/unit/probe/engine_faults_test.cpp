// SPDX-License-Identifier: Apache-2.0
// Attempts against a real TLS server on loopback: the phase and reason of every fault.
#include "tests/unit/probe/engine_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

TEST_CASE("engine: faults of the connection", "[engine][faults]") {
    SECTION("refused") {
        std::uint16_t port = 0;
        { port = FakeGateway(test_ca().issue(), hang).port(); }
        check(run_probe(good_spec(port)), Phase::kConnect, Reason::kTcpRefused);
    }
    SECTION("reset once connected, kind tcp or TLS") {
        const ProbeResult result = against([](Connection& c) { c.reset(); });
        check(result, Phase::kTls, Reason::kTlsReset);
    }
}

TEST_CASE("engine: faults of the handshake", "[engine][faults]") {
    SECTION("silence") {
        const ProbeResult result =
            into_silence(hang, [](ProbeSpec& spec) { spec.timeout_us = 400 * core::kMillisecond; });
        check(result, Phase::kTls, Reason::kTlsTimeout);
        CHECK(result.total_us == 400 * core::kMillisecond);
        CHECK(result.phase_us[1] == 400 * core::kMillisecond);  // all of it, on a clock that stood still until then
    }
    SECTION("reset") {
        check(against([](Connection& c) {
                  c.read_raw();
                  c.reset();
              }),
              Phase::kTls, Reason::kTlsReset);
    }
    SECTION("closed") {
        check(against([](Connection& c) {
                  c.read_raw();
                  c.finish();
                  c.wait_for_peer();
              }),
              Phase::kTls, Reason::kTlsEof);
    }
    SECTION("an alert") {
        const ProbeResult result = against([](Connection& c) {
            c.read_raw();
            c.send_raw(std::string("\x15\x03\x03\x00\x02\x02\x28", 7));  // fatal handshake_failure
            c.wait_for_peer();
        });
        check(result, Phase::kTls, Reason::kTlsAlert);
        CHECK(result.detail.find("handshake failure") != std::string::npos);
    }
    SECTION("HTTP without TLS") {
        const ProbeResult result = against([](Connection& c) {
            c.read_raw();
            c.send_raw("HTTP/1.1 400 Bad Request\r\n\r\n");
            c.wait_for_peer();
        });
        check(result, Phase::kTls, Reason::kTlsProtocol);
        CHECK(result.detail.find("plain HTTP") != std::string::npos);
    }
    SECTION("not TLS") {
        check(against([](Connection& c) {
                  c.send_raw("SSH-2.0-OpenSSH_9.2p1\r\n");
                  c.wait_for_peer();
              }),
              Phase::kTls, Reason::kTlsProtocol);
    }
}

TEST_CASE("engine: a bad certificate has its reason, is read, and no byte of a request is sent", "[engine][faults]") {
    FakeGateway* self = nullptr;
    const auto listen_for_requests = [&](Connection& c) {
        if (c.handshake()) self->note(c.read_request());
    };
    LeafOptions leaf;
    Reason expected = Reason::kNone;
    std::string part;
    SECTION("ended") {
        leaf.begins_s = -2 * 86400;
        leaf.ends_s = -86400;
        expected = Reason::kCertExpired;
        part = "ended";
    }
    SECTION("not begun") {
        leaf.begins_s = 86400;
        expected = Reason::kCertNotYetValid;
        part = "clock";
    }
    SECTION("of another name") {
        leaf.names = {"elsewhere.example.com"};
        expected = Reason::kCertNameMismatch;
        part = "elsewhere.example.com";
    }
    SECTION("of a name in the subject alone (RFC 9525 2)") {
        leaf.names = {};
        expected = Reason::kCertNameMismatch;
        part = "where names do not count";
    }
    SECTION("self-signed") {
        leaf.self_signed = true;
        expected = Reason::kCertUntrusted;
        part = "self-signed";
    }
    SECTION("from another CA") {
        static TestCa other("somebody else");
        FakeGateway gateway(other.issue(), listen_for_requests);
        self = &gateway;
        const ProbeResult result = run_probe(good_spec(gateway.port()));
        check(result, Phase::kTls, Reason::kCertUntrusted);
        CHECK(result.certificate.issuer == "CN=somebody else");
        return;
    }
    FakeGateway gateway(test_ca().issue(leaf), listen_for_requests);
    self = &gateway;
    const ProbeResult result = run_probe(good_spec(gateway.port()));
    check(result, Phase::kTls, expected);
    CHECK(result.detail.find(part) != std::string::npos);
    CHECK(result.certificate.present);
    CHECK(result.certificate.not_after_us != 0);
    for (const std::string& request : gateway.requests())
        CHECK(request.empty());
}

TEST_CASE("engine: faults of the exchange", "[engine][faults]") {
    const auto after_request = [](std::function<void(Connection&)> rest) {
        return [rest = std::move(rest)](Connection& c) {
            if (!c.handshake() || c.read_request().empty()) return;
            rest(c);
        };
    };
    SECTION("no reply") {
        const ProbeResult result = into_silence(after_request(hang));
        check(result, Phase::kTtfb, Reason::kHttpTimeout);
        CHECK(result.phase_us[2]);
    }
    SECTION("half a reply, then silence") {
        const ProbeResult result = into_silence(after_request([](Connection& c) {
            c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\"");
            c.wait_for_peer();
        }));
        check(result, Phase::kTransfer, Reason::kHttpTimeout);
        CHECK(result.http_status == 200);  // received before the silence
        CHECK(result.content_length == 100);
    }
    SECTION("the request is not taken") {
        // A statement larger than the socket buffers, and a server that stops reading after the handshake.
        const ProbeResult result = into_silence(
            [](Connection& c) {
                if (c.handshake()) c.wait_for_stop();
            },
            [](ProbeSpec& spec) { spec.sql = std::string(16u << 20, ' '); });
        check(result, Phase::kRequest, Reason::kHttpTimeout);
    }
    SECTION("reset instead of a reply") {
        check(against(after_request([](Connection& c) { c.reset(); })), Phase::kTtfb, Reason::kHttpReset);
    }
    SECTION("closed instead of a reply") {
        const ProbeResult result = against(after_request([](Connection& c) {
            c.finish();
            c.wait_for_peer();
        }));
        check(result, Phase::kTtfb, Reason::kHttpTruncated);
        CHECK_FALSE(result.http_status);
    }
    SECTION("closed in the head of the reply") {
        const ProbeResult result = against(after_request([](Connection& c) {
            c.send("HTTP/1.1 200 OK\r\nContent-Le");
            c.finish();
            c.wait_for_peer();
        }));
        check(result, Phase::kTransfer, Reason::kHttpTruncated);
        CHECK_FALSE(result.http_status);
    }
    SECTION("reset in the body") {
        // A RST may discard the bytes before it, so the client may or may not have received the first one.
        const ProbeResult result = against(after_request([](Connection& c) {
            c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\"");
            c.reset();
        }));
        check(result, result.phase_us[4] ? Phase::kTransfer : Phase::kTtfb, Reason::kHttpReset);
    }
    SECTION("chunks cut off") {
        check(against(after_request([](Connection& c) {
                  c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n{\"code\"");
                  c.close_notify();
              })),
              Phase::kTransfer, Reason::kHttpTruncated);
    }
    SECTION("less than Content-Length") {
        const ProbeResult result = against(after_request([](Connection& c) {
            c.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"code\"");
            c.finish();
            c.wait_for_peer();
        }));
        check(result, Phase::kTransfer, Reason::kHttpTruncated);
        CHECK(result.detail == "expected a body of 100 bytes, found the connection closed after 7");
        CHECK(result.http_status == 200);
    }
    SECTION("not HTTP") {
        check(against(answer("ICY 200 OK\r\n\r\n")), Phase::kReply, Reason::kHttpProtocol);
    }
    SECTION("a body without end") {
        check(against(answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFF\r\n")), Phase::kTransfer,
              Reason::kBodyTooLarge);
    }
    SECTION("an alert instead of a reply") {
        // TLS 1.3: a server that requires a client certificate sends its alert after our Finished.
        check(against([](Connection& c) {
                  if (!c.handshake_demanding_certificate()) c.wait_for_peer();
              }),
              Phase::kTtfb, Reason::kTlsAlert);
    }
}

TEST_CASE("engine: faults in the contents of the reply", "[engine][faults]") {
    struct Row {
        std::string reply;
        Phase phase;
        Reason reason;
        std::optional<int> status;
        std::optional<std::int64_t> code;
    };
    const auto json = [](std::string_view body, int status = 200) { return chunked_reply(body, status); };
    const std::string html = "<html><body><h1>Hello</h1></body></html>";
    const std::vector<Row> rows{
        {json(R"({"code":4357,"desc":"no auth info input","timing":1})", 401), Phase::kReply, Reason::kHttpStatus401,
         401, 4357},
        {chunked_reply(html, 401, "text/html"), Phase::kReply, Reason::kHttpStatus401, 401, {}},
        {json(R"({"code":65535,"desc":"sql rejected"})", 403), Phase::kReply, Reason::kHttpStatus403, 403, 65535},
        {json("", 429), Phase::kReply, Reason::kHttpStatus429, 429, {}},
        {json(R"({"code":9728,"desc":"syntax error"})", 400), Phase::kReply, Reason::kHttpStatus4xx, 400, 9728},
        {json(R"("memory exceeds threshold")", 503), Phase::kReply, Reason::kHttpStatus5xx, 503, {}},
        {chunked_reply(html, 502, "text/html"), Phase::kReply, Reason::kHttpStatus5xx, 502, {}},
        {json(R"({"code":11,"desc":"Unable to establish connection"})", 502), Phase::kSql, Reason::kSqlUnavailable, 502,
         11},
        {json(R"({"code":11,"desc":"Unable to establish connection"})"), Phase::kSql, Reason::kSqlUnavailable, 200, 11},
        {json(R"({"code":855,"desc":"Authentication failure"})"), Phase::kSql, Reason::kSqlAuth, 200, 855},
        {json(R"({"code":3,"desc":"Authentication failure"})"), Phase::kSql, Reason::kSqlAuth, 200, 3},
        {json(R"({"code":848})"), Phase::kSql, Reason::kSqlAuth, 200, 848},
        {json(R"({"code":9796,"desc":"Permission denied"})"), Phase::kSql, Reason::kSqlPermission, 200, 9796},
        {json(R"({"code":771})"), Phase::kSql, Reason::kSqlPermission, 200, 771},
        {json(R"({"code":904,"desc":"Database not exist"})"), Phase::kSql, Reason::kSqlError, 200, 904},
        {length_reply("404 page not found", 404, "text/plain"), Phase::kReply, Reason::kNotTdengine, 404, {}},
        {chunked_reply(html, 404, "text/html"), Phase::kReply, Reason::kNotTdengine, 404, {}},
        {json(R"({"code":1,"desc":"no such path"})", 404), Phase::kReply, Reason::kHttpStatus4xx, 404, 1},
        {length_reply("", 404, "text/plain"), Phase::kReply, Reason::kHttpStatus4xx, 404, {}},
        {chunked_reply(html, 200, "text/html"), Phase::kReply, Reason::kNotTdengine, 200, {}},
        {json(R"({"code":0,"da)"), Phase::kReply, Reason::kBodyInvalidJson, 200, {}},
        {json(""), Phase::kReply, Reason::kBodyInvalidJson, 200, {}},
        {json(std::string(100, '[') + std::string(100, ']')), Phase::kReply, Reason::kBodyInvalidJson, 200, {}},
        {json(R"({"hello":1})"), Phase::kReply, Reason::kBodyMismatch, 200, {}},
        {json(R"([1,2])"), Phase::kReply, Reason::kBodyMismatch, 200, {}},
        {json(R"({"code":0,"data":[[2]],"rows":1})"), Phase::kSql, Reason::kBodyMismatch, 200, 0},
        {json(R"({"code":0,"data":[],"rows":0})"), Phase::kSql, Reason::kBodyMismatch, 200, 0},
        {length_reply("", 302, "text/html", "Location: https://login.example.com/\r\n"),
         Phase::kReply,
         Reason::kHttpRedirect,
         302,
         {}},
        {length_reply("", 307, "text/html", "Location: https://evil.example.com/rest/sql?token=x\r\n"),
         Phase::kReply,
         Reason::kHttpRedirect,
         307,
         {}},
        {"HTTP/1.1 204 No Content\r\n\r\n", Phase::kReply, Reason::kHttpStatusUnexpected, 204, {}},
    };
    for (const Row& row : rows) {
        INFO(row.reply);
        const ProbeResult result = against(answer(row.reply));
        check(result, row.phase, row.reason);
        CHECK(result.http_status == row.status);
        CHECK(result.sql_code == row.code);
        for (const auto& us : result.phase_us)
            CHECK(us);  // all phases of the network are timed
    }
}

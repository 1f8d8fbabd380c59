// SPDX-License-Identifier: Apache-2.0
// The WebSocket part of an attempt against a real TLS server on loopback: what is asked, what a good answer records,
// and the reason of every fault in phase ws. The phases of the SQL request are not affected.
#include "probe/ws_exchange.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

namespace {

constexpr std::string_view kVersion =
    R"({"code":0,"message":"","action":"version","req_id":0,"timing":1,"version":"3.3.6.0"})";

std::string server_frame(unsigned first, std::string_view payload) {
    std::string out(1, static_cast<char>(first));
    if (payload.size() < 126) return out.append(1, static_cast<char>(payload.size())).append(payload);
    out += static_cast<char>(126);
    out += static_cast<char>(payload.size() >> 8);
    out += static_cast<char>(payload.size());
    return out.append(payload);
}

std::string header_of(const std::string& request, std::string_view name) {
    const auto at = request.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const auto start = at + name.size() + 4;
    return request.substr(start, request.find("\r\n", start) - start);
}

std::string switching(const std::string& request, std::string_view more = {}) {
    return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: "
           "Upgrade\r\nSec-WebSocket-Accept: " +
           ws_accept(header_of(request, "Sec-WebSocket-Key")) + "\r\n" + std::string(more) + "\r\n";
}

/// Answers POST well; `websocket` serves the second connection and gets the upgrade request.
class WsGateway {
  public:
    using Play = std::function<void(Connection&, const std::string& request)>;
    explicit WsGateway(Play websocket)
        : gateway_(test_ca().issue(), [this, websocket = std::move(websocket)](Connection& c) {
              if (!c.handshake()) return;
              const std::string request = c.read_request();
              gateway_.note(request);
              if (request.substr(0, 4) == "POST") {
                  c.send(chunked_reply(kSelectOne));
                  c.close_notify();
              } else if (!request.empty()) {
                  websocket(c, request);
              }
          }) {}

    ProbeSpec spec() const {
        ProbeSpec out = good_spec(gateway_.port());
        out.ws = true;
        return out;
    }
    std::vector<std::string> requests() const { return gateway_.requests(); }
    const FakeGateway& gateway() const { return gateway_; }

  private:
    FakeGateway gateway_;
};

ProbeResult against(WsGateway::Play play) {
    WsGateway gateway(std::move(play));
    return run_probe(gateway.spec());
}

/// The play ends in silence: the attempt's time is over once it has come as far.
ProbeResult into_silence(WsGateway::Play play) {
    WsGateway gateway(std::move(play));
    return run_probe_into_silence(gateway.spec(), gateway.gateway(), 2);
}

/// The handshake, then these bytes, then `then`.
WsGateway::Play answers(std::string bytes) {
    return [bytes = std::move(bytes)](Connection& c, const std::string& request) {
        c.send(switching(request) + bytes);
        c.wait_for_peer();
    };
}

WsGateway::Play replies(std::string reply) {
    return [reply = std::move(reply)](Connection& c, const std::string&) {
        c.send(reply);
        c.close_notify();
    };
}

void check(const ProbeResult& result, Reason reason, std::string_view part = {}) {
    INFO("detail: " << result.detail);
    CHECK(to_string(result.reason) == to_string(reason));
    CHECK(result.phase == Phase::kWs);
    CHECK(result.detail.substr(0, 11) == "WebSocket: ");
    CHECK(result.detail.find(part) != std::string::npos);
    CHECK(result.ws_us);
    for (const auto& us : result.phase_us)
        CHECK(us);  // those of the SQL request, which was good
    CHECK(result.http_status == 200);
    CHECK(result.sql_code == 0);
}

}  // namespace

TEST_CASE("ws: the accept key is that of the RFC's example", "[ws]") {
    CHECK(ws_accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455 1.3
}

TEST_CASE("ws: a good attempt asks for the version on another connection, with its own times", "[ws]") {
    std::string frames;
    WsGateway gateway([&](Connection& c, const std::string& request) {
        c.send(switching(request) + server_frame(0x89, "beat"));
        while (frames.size() < 6 + 20 + 6 + 4)
            frames += c.read_some();
        c.send(server_frame(0x01, kVersion.substr(0, 10)) + server_frame(0x80, kVersion.substr(10)));
        for (std::string more = c.read_some(); !more.empty(); more = c.read_some())
            frames += more;
    });
    const ProbeResult result = run_probe(gateway.spec());
    INFO(result.detail);
    REQUIRE(result.ok);
    REQUIRE(result.ws_us);
    CHECK(*result.ws_us > 0);
    const auto requests = gateway.requests();
    REQUIRE(requests.size() == 2);
    const std::string key = header_of(requests[1], "Sec-WebSocket-Key");
    CHECK(key.size() == 24);
    CHECK(requests[1] ==
          "GET /ws?token=0123456789abcdef0123456789abcdef01234567 HTTP/1.1\r\nHost: " + header_of(requests[0], "Host") +
              "\r\nUser-Agent: postern/" POSTERN_VERSION
              "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: " +
              key + "\r\nSec-WebSocket-Version: 13\r\n\r\n");
    // The question, the pong and the close frame, each with a mask of its own.
    std::vector<std::string> said;
    for (std::size_t at = 0; at + 6 <= frames.size();) {
        const std::size_t length = static_cast<std::uint8_t>(frames[at + 1]) & 0x7fu;
        CHECK((static_cast<std::uint8_t>(frames[at + 1]) & 0x80) != 0);
        std::string payload(1, frames[at]);
        for (std::size_t i = 0; i < length && at + 6 + i < frames.size(); ++i)
            payload += static_cast<char>(frames[at + 6 + i] ^ frames[at + 2 + i % 4]);
        said.push_back(payload);
        at += 6 + length;
    }
    REQUIRE(said.size() >= 2);
    CHECK(said[0] == "\x81{\"action\":\"version\"}");
    CHECK(said[1] ==
          "\x8a"
          "beat");
    if (said.size() > 2) CHECK(said[2] == std::string("\x88\x03\xe8"));
}

TEST_CASE("ws: it is asked for only where the configuration says so, and only after a good SQL reply", "[ws]") {
    WsGateway gateway([](Connection&, const std::string&) {});
    ProbeSpec spec = gateway.spec();
    SECTION("off by default") {
        spec.ws = false;
        const ProbeResult result = run_probe(spec);
        CHECK(result.ok);
        CHECK_FALSE(result.ws_us);
    }
    SECTION("kind https has none") {
        spec.kind = Kind::kHttps;
        run_probe(spec);
    }
    SECTION("a bad SQL reply ends the attempt") {
        FakeGateway bad(test_ca().issue(), answer(chunked_reply(R"({"code":11,"desc":"x"})")));
        spec.port = bad.port();
        const ProbeResult result = run_probe(spec);
        CHECK(result.phase == Phase::kSql);
        CHECK_FALSE(result.ws_us);
        CHECK(bad.connections() == 1);
    }
    CHECK(gateway.requests().size() <= 1);
}

TEST_CASE("ws: a refused upgrade has the reason of its status", "[ws][faults]") {
    const std::vector<std::pair<std::string, Reason>> rows{
        {length_reply(R"({"code":855})", 401), Reason::kHttpStatus401},
        {length_reply("", 403), Reason::kHttpStatus403},
        {length_reply("Bad Request", 400, "text/plain"), Reason::kHttpStatus4xx},
        {length_reply("404 page not found", 404, "text/plain"), Reason::kHttpStatus4xx},
        {length_reply("", 426), Reason::kHttpStatus4xx},
        {length_reply("", 429), Reason::kHttpStatus429},
        {length_reply("<html>", 502, "text/html"), Reason::kHttpStatus5xx},
        {length_reply("<html>", 200, "text/html"), Reason::kHttpStatusUnexpected},
        {length_reply("", 307, "text/html", "Location: /ws/\r\n"),
         Reason::kHttpRedirect},  // the token is not sent elsewhere
        {"ICY 200 OK\r\n\r\n", Reason::kHttpProtocol},
        {"HTTP/1.1 101 X\r\nUpgr", Reason::kHttpTruncated},
        {"", Reason::kHttpTruncated},
    };
    for (const auto& [reply, reason] : rows) {
        INFO(reply);
        WsGateway gateway(replies(reply));
        check(run_probe(gateway.spec()), reason);
        CHECK(gateway.requests().size() == 2);
    }
}

TEST_CASE("ws: status 101 alone is not an upgrade", "[ws][faults]") {
    const auto with = [](std::string from, std::string to) {
        return [from = std::move(from), to = std::move(to)](Connection& c, const std::string& request) {
            std::string reply = switching(request);
            reply.replace(reply.find(from), from.size(), to);
            c.send(reply + server_frame(0x81, kVersion));
            c.wait_for_peer();
        };
    };
    check(against(with("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: A")), Reason::kHttpProtocol,
          "Sec-WebSocket-Accept");
    check(against(with("Sec-WebSocket-Accept: ", "X: ")), Reason::kHttpProtocol, "Sec-WebSocket-Accept");
    check(against(with("Upgrade: websocket", "Upgrade: h2c")), Reason::kHttpProtocol, "Upgrade: websocket");
    check(against(with("Connection: Upgrade", "Connection: close")), Reason::kHttpProtocol, "Connection: Upgrade");
    check(against(with("\r\n\r\n", "\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n")), Reason::kHttpProtocol,
          "extensions");
    CHECK(against(with("Connection: Upgrade", "connection: keep-alive, upgrade")).ok);
}

TEST_CASE("ws: what comes after the upgrade", "[ws][faults]") {
    SECTION("silence") {
        const ProbeResult result = into_silence(answers(""));
        check(result, Reason::kHttpTimeout, "version");
        CHECK(*result.ws_us > 0);
        CHECK(result.total_us == 0);  // the clock stood still until the silence: all of the wait is the WebSocket's
    }
    SECTION("silence instead of the upgrade") {
        check(into_silence([](Connection& c, const std::string&) { c.wait_for_peer(); }), Reason::kHttpTimeout);
    }
    SECTION("a close frame") {
        check(against(answers(server_frame(0x88, "\x03\xf0no"))), Reason::kBodyMismatch, "code 1008: no");
        check(against(answers(server_frame(0x88, "\x03\xf5later"))), Reason::kSqlUnavailable, "code 1013: later");
    }
    SECTION("a plain end") {
        check(against([](Connection& c, const std::string& request) {
                  c.send(switching(request));
                  c.close_notify();
              }),
              Reason::kHttpTruncated);
    }
    SECTION("a reset") {
        check(against([](Connection& c, const std::string& request) {
                  c.send(switching(request));
                  c.read_some();  // the question: the upgrade was seen
                  c.reset();
              }),
              Reason::kHttpReset);
    }
    SECTION("hostile frames") {
        check(against(answers(std::string("\x81\x7f\x00\x00\x00\xff\xff\xff\xff\xff", 10))), Reason::kBodyTooLarge);
        check(against(answers("\xf1\x01")), Reason::kHttpProtocol, "reserved");
        check(against(answers("\x81\x81xxxxx")), Reason::kHttpProtocol, "masked");
        std::string pings;
        for (int i = 0; i < 300; ++i)
            pings += server_frame(0x89, "");
        check(against(answers(pings)), Reason::kHttpProtocol, "frames without");
    }
    SECTION("invalid answers") {
        check(against(answers(server_frame(0x81, "{\"code\":"))), Reason::kBodyInvalidJson);
        check(against(answers(server_frame(0x82, kVersion))), Reason::kBodyMismatch, "binary");
        check(against(answers(server_frame(0x81, "[1]"))), Reason::kBodyMismatch, "numeric code");
        check(against(answers(server_frame(0x81, R"({"code":0,"action":"conn","version":"3"})"))),
              Reason::kBodyMismatch);
        check(against(answers(server_frame(0x81, R"({"code":0,"action":"version"})"))), Reason::kBodyMismatch);
        check(against(answers(server_frame(0x81, R"({"code":65535,"message":"server not connected"})"))),
              Reason::kSqlError, "server not connected");
        check(against(answers(server_frame(0x81, R"({"code":11,"message":"Unable to establish connection"})"))),
              Reason::kSqlUnavailable);
    }
}

TEST_CASE("ws: faults of its connection have their reason, in phase ws", "[ws][faults]") {
    int connection = 0;
    std::function<void(Connection&)> second;
    FakeGateway gateway(test_ca().issue(), [&](Connection& c) {
        if (connection++ > 0) return second(c);
        if (!c.handshake() || c.read_request().empty()) return;
        c.send(chunked_reply(kSelectOne));
        c.close_notify();
    });
    ProbeSpec spec = good_spec(gateway.port());
    spec.ws = true;
    SECTION("reset") {
        second = [](Connection& c) { c.reset(); };
        check(run_probe(spec), Reason::kTlsReset);
    }
    SECTION("closed in the handshake") {
        second = [](Connection& c) {
            c.read_raw();
            c.finish();
            c.wait_for_peer();
        };
        check(run_probe(spec), Reason::kTlsEof);
    }
    SECTION("a handshake without end") {
        second = [](Connection& c) { c.wait_for_peer(); };
        check(run_probe_into_silence(spec, gateway, 2), Reason::kTlsTimeout);
    }
}

TEST_CASE("ws: the token is only in the request line, and in no detail", "[ws][secrets]") {
    // The gateway repeats the token; run_probe() checks that no detail has it.
    const std::string token = "0123456789abcdef0123456789abcdef01234567";
    check(against(replies(length_reply("no such token: " + token, 400, "text/plain"))), Reason::kHttpStatus4xx, "***");
    check(against(answers(server_frame(0x88, "\x03\xf0token=" + token))), Reason::kBodyMismatch, "***");
    check(against(answers(server_frame(0x81, R"({"code":3,"message":"bad )" + token + "\"}"))), Reason::kSqlAuth,
          "***");
}

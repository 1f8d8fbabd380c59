// SPDX-License-Identifier: Apache-2.0
// Attempts against a real TLS server on loopback: what a successful one sends and records.
#include "tests/unit/probe/engine_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

TEST_CASE("engine: a good attempt has every phase, the certificate and the reply", "[engine]") {
    FakeGateway* self = nullptr;
    FakeGateway gateway(test_ca().issue({{"db.example.com", "other.example.com"}}), [&](Connection& c) {
        if (!c.handshake()) return;
        self->note(c.read_request());
        c.send(chunked_reply(kSelectOne));
        c.close_notify();
    });
    self = &gateway;
    const ProbeSpec spec = good_spec(gateway.port());
    const ProbeResult result = run_probe(spec);
    INFO(result.detail);
    REQUIRE(result.ok);
    for (const auto& us : result.phase_us)
        CHECK(us);
    CHECK(result.total_us > 0);
    CHECK(result.http_status == 200);
    CHECK(result.sql_code == 0);
    CHECK(result.tls_version == "TLSv1.3");
    CHECK(result.tls_cipher.starts_with("TLS_"));  // the RFC's name, also below TLS 1.3
    CHECK(result.tls_group == "x25519");
    CHECK(result.certificate.present);
    CHECK(result.certificate.subject == "CN=db.example.com");
    CHECK(result.certificate.issuer == "CN=postern test CA");
    CHECK(result.certificate.names == std::vector<std::string>{"db.example.com", "other.example.com"});
    CHECK(result.certificate.fingerprint_sha256.size() == 64);
    CHECK_FALSE(result.certificate.serial.empty());
    CHECK(result.certificate.serial.size() % 2 == 0);
    CHECK(result.certificate.serial.find_first_not_of("0123456789abcdef") == std::string::npos);
    CHECK(result.body_bytes == std::string_view(kSelectOne).size());
    CHECK_FALSE(result.content_length);  // chunked
    CHECK_FALSE(result.http_1_0);
    CHECK(result.redirects == 0);
    const core::Micros days_left = (result.certificate.not_after_us - result.started_wall_us) / core::kDay;
    CHECK(days_left >= 89);
    CHECK(result.certificate.chain_not_after_us == result.certificate.not_after_us);
    CHECK(result.local_port != 0);
    CHECK(result.link == "link");
    CHECK(result.zone == "zone-a");
    REQUIRE(gateway.requests().size() == 1);
    CHECK(
        gateway.requests()[0] ==
        "POST /rest/sql?token=0123456789abcdef0123456789abcdef01234567 HTTP/1.1\r\nHost: db.example.com:" +
            std::to_string(gateway.port()) +
            "\r\nUser-Agent: postern/" POSTERN_VERSION
            "\r\nAccept: application/json\r\nAccept-Encoding: identity\r\nConnection: close\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n\r\nselect 1");
}

TEST_CASE("engine: texts of a certificate are on one line, with any bytes", "[engine]") {
    FakeGateway gateway(test_ca().issue({{"db.example.com", "evil\xff\x1b[31m.example"}}),
                        answer(chunked_reply(kSelectOne)));
    const ProbeResult result = run_probe(good_spec(gateway.port()));
    REQUIRE(result.ok);
    CHECK(result.certificate.names == std::vector<std::string>{"db.example.com", "evil? [31m.example"});
}

TEST_CASE("engine: TLS 1.2, IPv6, Content-Length, until-close and 100-continue all work", "[engine]") {
    SECTION("length") {
        const auto result = against(answer(length_reply(kSelectOne)));
        CHECK(result.ok);
        CHECK(result.content_length == static_cast<std::int64_t>(std::string_view(kSelectOne).size()));
    }
    SECTION("HTTP/1.0") {
        const auto result =
            against(answer("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n" + std::string(kSelectOne)));
        CHECK(result.ok);
        CHECK(result.http_1_0);
    }
    SECTION("until close") {
        CHECK(
            against(answer("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + std::string(kSelectOne))).ok);
    }
    SECTION("until a plain FIN") {
        CHECK(against([](Connection& c) {
                  if (!c.handshake()) return;
                  c.read_request();
                  c.send("HTTP/1.0 200 OK\r\n\r\n" + std::string(kSelectOne));
                  c.finish();
                  c.wait_for_peer();
              }).ok);
    }
    SECTION("100 Continue first") {
        CHECK(against(answer("HTTP/1.1 100 Continue\r\n\r\n" + chunked_reply(kSelectOne))).ok);
    }
    SECTION("byte by byte") {
        CHECK(against([](Connection& c) {
                  if (!c.handshake()) return;
                  c.read_request();
                  for (const char byte : chunked_reply(kSelectOne))
                      c.send({&byte, 1});
                  c.wait_for_peer();  // stays open: the reply is complete without a close
              }).ok);
    }
    SECTION("IPv6") {
        FakeGateway gateway(test_ca().issue(), answer(chunked_reply(kSelectOne)), "::1");
        CHECK(run_probe(good_spec(gateway.port()), "::1").ok);
    }
    SECTION("a name that is an address") {
        FakeGateway gateway(test_ca().issue({{"127.0.0.1"}}), answer(chunked_reply(kSelectOne)));
        ProbeSpec spec = good_spec(gateway.port());
        spec.server_name = "127.0.0.1";
        CHECK(run_probe(spec).ok);
        spec.server_name = "127.0.0.2";
        check(run_probe(spec), Phase::kTls, Reason::kCertNameMismatch);
    }
}

TEST_CASE("engine: kinds tcp and https", "[engine]") {
    SECTION("tcp connects, no more") {
        FakeGateway gateway(test_ca().issue(), hang);
        ProbeSpec spec = good_spec(gateway.port());
        spec.kind = Kind::kTcp;
        const ProbeResult result = run_probe(spec);
        CHECK(result.ok);
        CHECK(result.phase_us[0]);
        CHECK_FALSE(result.phase_us[1]);
    }
    SECTION("https") {
        FakeGateway* self = nullptr;
        FakeGateway gateway(test_ca().issue(), [&](Connection& c) {
            if (!c.handshake()) return;
            self->note(c.read_request());
            c.send(length_reply(R"({"status":"ok"})", 202));
        });
        self = &gateway;
        ProbeSpec spec = good_spec(gateway.port());
        spec.kind = Kind::kHttps;
        spec.path = "/healthz";
        check(run_probe(spec), Phase::kReply, Reason::kHttpStatusUnexpected);
        spec.accepted_status = {200, 202};
        spec.body_json = {{"/status", "ok"}};
        CHECK(run_probe(spec).ok);
        spec.body_contains = "healthy";
        check(run_probe(spec), Phase::kReply, Reason::kBodyMismatch);
        REQUIRE(gateway.requests().size() == 3);
        CHECK(gateway.requests()[0].substr(0, 24) == "GET /healthz HTTP/1.1\r\nH");
        CHECK(gateway.requests()[0].find("token") == std::string::npos);
    }
}

TEST_CASE("engine: without a token a 401 means that the path is good", "[engine]") {
    FakeGateway* self = nullptr;
    FakeGateway gateway(test_ca().issue(), [&](Connection& c) {
        if (!c.handshake()) return;
        self->note(c.read_request());
        c.send(chunked_reply(R"({"code":4357,"desc":"no auth info input"})", 401));
    });
    self = &gateway;
    ProbeSpec spec = good_spec(gateway.port());
    spec.token = {};
    check(run_probe(spec), Phase::kReply, Reason::kTokenMissing);
    REQUIRE(gateway.requests().size() == 1);
    CHECK(gateway.requests()[0].substr(0, 24) == "POST /rest/sql HTTP/1.1\r");
}

TEST_CASE("engine: one redirect on the same host is followed, on another connection", "[engine]") {
    FakeGateway* self = nullptr;
    int left = 1;
    std::string location;
    FakeGateway gateway(test_ca().issue(), [&](Connection& c) {
        if (!c.handshake()) return;
        self->note(c.read_request());
        c.send(left-- > 0 ? length_reply("", 307, "text/html", "Location: " + location + "\r\n")
                          : chunked_reply(kSelectOne));
        c.close_notify();
    });
    self = &gateway;
    const ProbeSpec spec = good_spec(gateway.port());
    SECTION("a path") {
        location = "/rest/sql/db?token=0123456789abcdef0123456789abcdef01234567";
        CHECK(run_probe(spec).ok);
        REQUIRE(gateway.requests().size() == 2);
        CHECK(gateway.requests()[1].substr(0, 5 + location.size()) == "POST " + location);
    }
    SECTION("an absolute one") {
        location = "https://DB.example.com:" + std::to_string(gateway.port()) + "/x";
        const auto result = run_probe(spec);
        CHECK(result.ok);
        CHECK(result.redirects == 1);
        REQUIRE(gateway.requests().size() == 2);
        CHECK(gateway.requests()[1].substr(0, 8) == "POST /x ");
    }
    SECTION("only one") {
        left = 5;
        location = "/again?token=0123456789abcdef0123456789abcdef01234567";
        check(run_probe(spec), Phase::kReply, Reason::kHttpRedirect);
        CHECK(gateway.connections() == 2);
    }
    SECTION("never to another host, port or scheme") {
        for (const std::string elsewhere : {"https://evil.example.com/rest/sql", "https://db.example.com:1/rest/sql",
                                            "http://db.example.com/rest/sql", "//evil.example.com/", "", "sql",
                                            "https://db.example.com.evil.example.com/", "/a b"}) {
            INFO(elsewhere);
            left = 1;
            location = elsewhere;
            const int before = gateway.connections();
            check(run_probe(spec), Phase::kReply, Reason::kHttpRedirect);
            CHECK(gateway.connections() == before + 1);
        }
    }
}

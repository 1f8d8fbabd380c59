// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_session.h"

#include <atomic>

#include "core/loop.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

TEST_CASE("tls: a certificate for another name is that first, whoever signed it", "[tls]") {
    LeafOptions leaf;
    leaf.names = {"elsewhere.example.com"};
    for (const bool self_signed : {false, true}) {
        leaf.self_signed = self_signed;
        FakeGateway gateway(test_ca().issue(leaf), [](Connection& c) { c.handshake(); });
        const ProbeResult result = run_probe(good_spec(gateway.port()));
        INFO(result.detail);
        CHECK(to_string(result.reason) == to_string(Reason::kCertNameMismatch));
        CHECK(result.detail.starts_with(
            "expected a certificate for db.example.com, found one for elsewhere.example.com"));
        CHECK((result.detail.find("not trusted either: self-signed certificate") != std::string::npos) == self_signed);
    }
    leaf.names = {"db.example.com"};
    FakeGateway gateway(test_ca().issue(leaf), [](Connection& c) { c.handshake(); });
    CHECK(to_string(run_probe(good_spec(gateway.port())).reason) == to_string(Reason::kCertUntrusted));
}

TEST_CASE("tls: the date that is told is of the certificate at fault, not of the leaf", "[tls]") {
    const auto yesterday = [] { return "ended " + core::format_utc(core::now_wall_us() - core::kDay).substr(0, 10); };
    const std::string before = yesterday();
    const TestCa ended("an ended CA", -86400);
    const std::string after = yesterday();  // midnight may be between
    FakeGateway gateway(ended.issue(), [](Connection& c) { c.handshake(); });
    ProbeSpec spec = good_spec(gateway.port());
    spec.ca_file = ended.file();
    const ProbeResult result = run_probe(spec);
    INFO(result.detail);
    CHECK(to_string(result.reason) == to_string(Reason::kCertExpired));
    CHECK((result.detail.find(before) != std::string::npos || result.detail.find(after) != std::string::npos));
    CHECK(result.detail.find("CN=an ended CA, above leaf CN=db.example.com") != std::string::npos);
    CHECK(result.certificate.not_after_us > result.started_wall_us);  // the leaf's
}

TEST_CASE("tls: a server's wish to renegotiate is refused", "[tls]") {
    std::atomic<int> replied{0};
    FakeGateway gateway(test_ca().issue(), [&](Connection& c) {
        c.no_tls_1_3();
        if (c.handshake() && !c.read_request().empty()) replied = c.reply_to_hello_request();
    });
    CHECK_FALSE(run_probe(good_spec(gateway.port())).ok);
    CHECK(replied == 21);  // the alert no_renegotiation
}

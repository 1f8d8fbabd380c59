// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_session.h"

#include <catch2/catch.hpp>

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

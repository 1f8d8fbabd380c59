// SPDX-License-Identifier: Apache-2.0
// A verified chain is not verified again; another name, another certificate, an expired one, and a
// rejected chain are.
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/deleter.h"
#include "core/loop.h"
#include "probe/probe_run.h"
#include "probe/verified_chains.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

namespace {

/// Verifies leaf certificates as a TLS client does, with one VerifiedChains; tells whether OpenSSL verified.
class Judge {
  public:
    Judge() {
        X509_STORE_load_file(store_.get(), test_ca().file().c_str());
        X509_STORE_set_verify_cb(store_.get(), [](int ok, X509_STORE_CTX*) {
            ++times;
            return ok;
        });
    }

    VerifiedChains chains;

    /// The error of `leaf` for `name`, `later` from now.
    int error_of(const Identity& leaf, const std::string& name, core::Micros later = 0) {
        const core::Micros now = core::now_wall_us() + later;
        const std::unique_ptr<X509_STORE_CTX, core::Deleter<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
        const std::unique_ptr<STACK_OF(X509), core::Deleter<sk_free_it>> sent(sk_X509_new_null());
        sk_X509_push(sent.get(), leaf.certificate.get());
        X509_STORE_CTX_init(context.get(), store_.get(), leaf.certificate.get(), sent.get());
        X509_VERIFY_PARAM_set1_host(X509_STORE_CTX_get0_param(context.get()), name.c_str(), 0);
        X509_STORE_CTX_set_time(context.get(), 0, static_cast<time_t>(now / core::kSecond));
        times = 0;
        info = chains.verify(context.get(), name, now);
        return X509_STORE_CTX_get_error(context.get());
    }
    static bool asked() { return times > 0; }

    VerifiedChains::Info info;

  private:
    static void sk_free_it(STACK_OF(X509) * stack) { sk_X509_free(stack); }
    static inline int times = 0;
    std::unique_ptr<X509_STORE, core::Deleter<X509_STORE_free>> store_{X509_STORE_new()};
};

}  // namespace

TEST_CASE("verified chains: the same chain for the same name is verified once", "[tls]") {
    Judge judge;
    const Identity leaf = test_ca().issue();
    CHECK(judge.error_of(leaf, "db.example.com") == X509_V_OK);
    CHECK(judge.asked());
    REQUIRE(judge.info);
    CHECK(judge.info->names == std::vector<std::string>{"db.example.com"});
    const VerifiedChains::Info first = judge.info;
    CHECK(judge.error_of(leaf, "db.example.com") == X509_V_OK);
    CHECK_FALSE(judge.asked());
    CHECK(judge.info == first);
}

TEST_CASE("verified chains: another name or certificate is verified, and refused each time", "[tls]") {
    Judge judge;
    const Identity leaf = test_ca().issue();
    CHECK(judge.error_of(leaf, "db.example.com") == X509_V_OK);
    for (int i = 0; i < 2; ++i) {
        CHECK(judge.error_of(leaf, "other.example.com") == X509_V_ERR_HOSTNAME_MISMATCH);
        CHECK(judge.asked());
        CHECK_FALSE(judge.info);
        CHECK(judge.error_of(test_ca().issue({.self_signed = true}), "db.example.com") ==
              X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT);
        CHECK_FALSE(judge.info);
    }
    CHECK(judge.error_of(test_ca().issue(), "db.example.com") == X509_V_OK);
    CHECK(judge.asked());
    CHECK(judge.chains.size() == 2);
}

TEST_CASE(
    "verified chains: a certificate that has expired since, or is not valid yet after the clock was set, is refused",
    "[tls]") {
    Judge judge;
    const Identity leaf = test_ca().issue({.begins_s = -3600, .ends_s = 3600});
    CHECK(judge.error_of(leaf, "db.example.com") == X509_V_OK);
    CHECK(judge.error_of(leaf, "db.example.com", 2 * core::kHour) == X509_V_ERR_CERT_HAS_EXPIRED);
    CHECK_FALSE(judge.info);
    CHECK(judge.error_of(leaf, "db.example.com") == X509_V_OK);
    CHECK(judge.asked());  // not cached any more
    CHECK(judge.error_of(leaf, "db.example.com", -2 * core::kHour) == X509_V_ERR_CERT_NOT_YET_VALID);
}

TEST_CASE("verified chains: their number is bounded", "[tls]") {
    Judge judge;
    LeafOptions many;
    many.names.clear();
    for (int i = 0; i < 80; ++i)
        many.names.push_back("n" + std::to_string(i) + ".example.com");
    const Identity leaf = test_ca().issue(many);
    for (const std::string& name : many.names)
        CHECK(judge.error_of(leaf, name) == X509_V_OK);
    CHECK(judge.chains.size() <= 64);
}

TEST_CASE("verified chains: a second probe of the same gateway reports the same certificate", "[tls]") {
    FakeGateway gateway(test_ca().issue(), answer(chunked_reply(kSelectOne)));
    const ProbeSpec spec = good_spec(gateway.port());
    const auto context = TlsContext::load(spec.ca_file);
    REQUIRE(context);
    std::vector<ProbeResult> results;
    core::Loop loop;
    for (int i = 0; i < 2; ++i) {
        core::SystemClock clock(loop);
        const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                 std::make_shared<const ProbeSpec>(spec)};
        std::optional<ProbeResult> result;
        ProbeRun run(loop, clock, *context, target, [&](ProbeResult r) { result = std::move(r); });
        while (!result)
            loop.run_once();
        results.push_back(*result);
    }
    CHECK(loop.close());
    REQUIRE(results[0].ok);
    REQUIRE(results[1].ok);
    CHECK(results[1].certificate.fingerprint_sha256 == results[0].certificate.fingerprint_sha256);
    CHECK(results[1].certificate.chain_not_after_us == results[0].certificate.chain_not_after_us);
    CHECK(results[1].certificate.chain_not_after_us > 0);
}

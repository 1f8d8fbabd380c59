// SPDX-License-Identifier: Apache-2.0
// Signatures printed by the official Go SDK v1.6.1, and recomputed by an independent signer.
#include "agent/store/oss4_signer.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

Oss4Request vector_of(const std::string& token) {
    Oss4Request r{"GET", "postern-fleet", "prod/links a.json", {}, {}, "cn-hangzhou", "20260102T030405Z"};
    r.headers = {{"x-oss-content-sha256", "UNSIGNED-PAYLOAD"}, {"X-Oss-Date", r.date}};
    if (!token.empty()) r.headers.emplace_back("x-oss-security-token", token);
    return r;
}

}  // namespace

TEST_CASE("oss4: the official signer's vectors", "[oss4]") {
    const core::Secret secret("exampleSecret0001");
    const std::string head =
        "OSS4-HMAC-SHA256 Credential=LTAIexample0001/20260102/cn-hangzhou/oss/aliyun_v4_request,Signature=";
    CHECK(
        oss4_canonical_request(vector_of("")) ==
        "GET\n/postern-fleet/prod/links%20a.json\n\nx-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20260102T030405Z\n\n\n"
        "UNSIGNED-PAYLOAD");
    CHECK(oss4_authorization(vector_of(""), "LTAIexample0001", secret) ==
          head + "521f80a2cb3457b5dd65108d61b636d3273271d871d53cf8661e65699bfa93a6");
    CHECK(oss4_authorization(vector_of("example-token"), "LTAIexample0001", secret) ==
          head + "7a02b6596656708b4b75b98f1a8ed7526bee97e1b4bcaf85973cb0cc4ba03f8c");
}

TEST_CASE("oss4: the official signer's vectors of a list of objects", "[oss4]") {
    // As the official Python SDK 1.4.1 signs it.
    const core::Secret secret("exampleSecret0001");
    for (const auto& [token, wanted] :
         {std::pair{"", "f5d6acba318cab7e1843a2b8485c11d62cbbe737299d0d1bc1c9fb25e22e42d9"},
          std::pair{"example-token", "a797ec4d395ad90a713255a015999d64bedbf43493929570e001bdb73b6642cb"}}) {
        Oss4Request r = vector_of(token);
        r.key = "";
        r.query = {{"prefix", "prod/reports/"},
                   {"list-type", "2"},
                   {"max-keys", "1000"},
                   {"delimiter", "/"},
                   {"continuation-token", "a+b/c="}};
        CHECK(oss4_authorization(r, "LTAIexample0001", secret).ends_with(wanted));
    }
}

TEST_CASE("oss4: which headers and which parameters are signed", "[oss4]") {
    Oss4Request r = vector_of("");
    const std::string plain = oss4_canonical_request(r);
    r.headers.emplace_back("If-None-Match", "\"abc\"");
    r.headers.emplace_back("host", "h");
    CHECK(oss4_canonical_request(r) == plain);
    r.headers.emplace_back("Content-Type", " application/json ");
    r.query = {{"versions", ""}, {"prefix", "a/b c"}};
    CHECK(oss4_canonical_request(r) ==
          "GET\n/postern-fleet/prod/links%20a.json\nprefix=a%2Fb%20c&versions\ncontent-type:application/json\n"
          "x-oss-content-sha256:UNSIGNED-PAYLOAD\nx-oss-date:20260102T030405Z\n\n\nUNSIGNED-PAYLOAD");
}

TEST_CASE("oss4: every byte of a key but the plain ones is written as %XX", "[oss4]") {
    CHECK(encode_object_path("/b/aZ09-._~/x") == "/b/aZ09-._~/x");
    CHECK(encode_object_path("/b/%2F +?\xe5\x90\x8d") == "/b/%252F%20%2B%3F%E5%90%8D");
    CHECK(encode_object_path("") == "");
}

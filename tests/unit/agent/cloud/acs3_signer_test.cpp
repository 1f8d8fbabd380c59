// SPDX-License-Identifier: Apache-2.0
// Published and derived signature vectors; each was recomputed with independent implementations.
#include "agent/cloud/acs3_signer.h"
#include "agent/crypto/digest.h"
#include "core/text.h"
#include "tests/unit/catch.h"

using namespace postern::agent;
using postern::core::Secret;

namespace {

constexpr const char* kEmptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
constexpr const char* kSdkTestHash = "55e12e91650d2fec56ec74e1d3e4ddbfce2ef3a65890c2a19ecf88a307e76a23";

std::string signature(const Acs3Request& request, const std::string& id, const std::string& secret) {
    const std::string authorization = acs3_authorization(request, id, Secret(secret));
    return authorization.substr(authorization.find("Signature=") + 10);
}

Acs3Request sdk_test(std::string method, NameValues headers) {
    return {.method = std::move(method),
            .uri = "/",
            .query = canonical_query({{"test", "ok"}, {"empty", ""}}),
            .headers = std::move(headers),
            .payload_hash = kSdkTestHash};
}

}  // namespace

TEST_CASE("acs3: the documentation's RunInstances example matches byte for byte (D0)", "[acs3]") {
    const Acs3Request request{
        .method = "POST",
        .uri = "/",
        .query = canonical_query(
            {{"RegionId", "cn-shanghai"}, {"ImageId", "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"}}),
        .headers = {{"Host", "ecs.cn-shanghai.aliyuncs.com"},
                    {"accept", "application/json"},
                    {"x-acs-action", "RunInstances"},
                    {"x-acs-version", "2014-05-26"},
                    {"x-acs-date", "2023-10-26T10:22:32Z"},
                    {"x-acs-signature-nonce", "3156853299f313e23d1673dc12e1703d"},
                    {"x-acs-content-sha256", std::string(kEmptyPayloadHash)}},
        .payload_hash = sha256_hex("")};
    const std::string canonical =
        "POST\n"
        "/\n"
        "ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai\n"
        "host:ecs.cn-shanghai.aliyuncs.com\n"
        "x-acs-action:RunInstances\n"
        "x-acs-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
        "x-acs-date:2023-10-26T10:22:32Z\n"
        "x-acs-signature-nonce:3156853299f313e23d1673dc12e1703d\n"
        "x-acs-version:2014-05-26\n"
        "\n"
        "host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version\n"
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    CHECK(acs3_canonical_request(request) == canonical);
    CHECK(sha256_hex(canonical) == "7ea06492da5221eba5297e897ce16e55f964061054b7695beedaac1145b1e259");
    CHECK(acs3_authorization(request, "YourAccessKeyId", Secret("YourAccessKeySecret")) ==
          "ACS3-HMAC-SHA256 Credential=YourAccessKeyId,SignedHeaders=host;x-acs-action;x-acs-content-sha256;"
          "x-acs-date;x-acs-signature-nonce;x-acs-version,"
          "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0");
}

TEST_CASE("acs3: a header sent twice is sorted and joined, an empty query value keeps its equals sign (U1)", "[acs3]") {
    const auto request = sdk_test("GET", {{"x-acs-test", "http"}, {"x-acs-TEST", "https"}});
    const std::string canonical =
        std::string("GET\n/\nempty=&test=ok\nx-acs-test:http,https\n\nx-acs-test\n") + kSdkTestHash;
    CHECK(acs3_canonical_request(request) == canonical);
    CHECK(sha256_hex(canonical) == "6c416f315497f25326e3f67e06370dbfce4d082b99aecdfc2411eeecd152f68f");
    CHECK(acs3_authorization(request, "acesskey", Secret("secret")) ==
          "ACS3-HMAC-SHA256 Credential=acesskey,SignedHeaders=x-acs-test,"
          "Signature=d16b30a7699ae9e43875b13195b2f81bcc3ed10c14a9b5eb780e51619aa50be1");
    const auto reversed = sdk_test("GET", {{"x-acs-TEST", "https"}, {"x-acs-test", "http"}});
    CHECK(acs3_canonical_request(reversed) == canonical);
}

TEST_CASE("acs3: the SDKs' unit tests of other languages match (U2 to U5)", "[acs3]") {
    const auto u2 = sdk_test("", {{"x-acs-test", "http"}, {"x-acs-TEST", "https"}});
    CHECK(sha256_hex(acs3_canonical_request(u2)) == "de5b11a1e2e756c1d859871395fe0b6d47f2564e88a5477eb586c03c6fc105ff");
    CHECK(signature(u2, "acesskey", "secret") == "4ab59fffe3c5738ff8a2729f90cc04fe18b02a4b15b2102cbaf92f9ff3df2ea3");

    CHECK(signature(sdk_test("GET", {{"x-acs-test", "http"}}), "acesskey", "secret") ==
          "02e81f9f3cc8839151b0c7278024cbc4bfc9fa786085a0b8305f825f17b5dae7");

    auto u4 = sdk_test("", {{"x-acs-test", "https"}});
    CHECK(signature(u4, "acesskey", "secret") == "0a0f89a45f1ec3537a2d1a1046c71b95513a8f1f02526056968da19b99a5b914");
    u4.query = "";
    CHECK(signature(u4, "acesskey", "secret") == "af6d32deb090ae85a21d7183055cf18dca17751da96979cdf964f8f0853e9dd2");

    auto u5 = sdk_test("GET", {{"x-acs-test", "http"}, {"x-acs-TEST", "https"}});
    u5.uri = "";
    CHECK(signature(u5, "acesskey", "secret") == "910e59dd385879346de704a06c96613f8157aa7124e6d1c4f2bdffa1e5588187");
}

TEST_CASE("acs3: ListVpcEndpointZones with a permanent key (D1)", "[acs3]") {
    const Acs3Request request{
        .method = "POST",
        .uri = "/",
        .query = canonical_query(
            {{"RegionId", "cn-hangzhou"}, {"EndpointId", "ep-bp1example0000000001"}, {"MaxResults", "50"}}),
        .headers = {{"host", "privatelink-vpc.cn-hangzhou.aliyuncs.com"},
                    {"accept", "application/json"},
                    {"x-acs-action", "ListVpcEndpointZones"},
                    {"x-acs-version", "2020-04-15"},
                    {"x-acs-date", "2025-01-02T03:04:05Z"},
                    {"x-acs-signature-nonce", "0123456789abcdef0123456789abcdef"},
                    {"x-acs-content-sha256", kEmptyHash}},
        .payload_hash = kEmptyHash};
    CHECK(sha256_hex(acs3_canonical_request(request)) ==
          "3840655bc6239dbf96ecc29062d5dd2e720a4a1bba05004ebd4447b67c768af2");
    CHECK(signature(request, "LTAIexampleAccessKeyId", "exampleAccessKeySecret") ==
          "87157653d1dffc8949e4bc0c841a1e6e7924f4767dd862fe53b2da622b6b55a3");
}

TEST_CASE("acs3: a security token is signed, and awkward characters are encoded once (D2)", "[acs3]") {
    const Acs3Request request{.method = "GET",
                              .uri = "/",
                              .query = canonical_query({{"EndpointName", "tdengine 测试*~a/b+c=d&e"},
                                                        {"Tag.1.Key", "env"},
                                                        {"Tag.1.Value", ""},
                                                        {"NextToken", "AbC+/=="},
                                                        {"MaxResults", "50"},
                                                        {"RegionId", "cn-hangzhou"}}),
                              .headers = {{"host", "privatelink.cn-hangzhou.aliyuncs.com"},
                                          {"x-acs-accesskey-id", "STS.NUexampleKeyId"},
                                          {"x-acs-action", "ListVpcEndpoints"},
                                          {"x-acs-version", "2020-04-15"},
                                          {"x-acs-date", "2025-01-02T03:04:05Z"},
                                          {"x-acs-security-token", " CAISexample+Token/abc== "},
                                          {"x-acs-signature-nonce", "fedcba9876543210fedcba9876543210"},
                                          {"x-acs-content-sha256", kEmptyHash}},
                              .payload_hash = kEmptyHash};
    CHECK(request.query ==
          "EndpointName=tdengine%20%E6%B5%8B%E8%AF%95%2A~a%2Fb%2Bc%3Dd%26e&MaxResults=50&NextToken=AbC%2B%2F%3D%3D&"
          "RegionId=cn-hangzhou&Tag.1.Key=env&Tag.1.Value=");
    CHECK(sha256_hex(acs3_canonical_request(request)) ==
          "af3ec661255f9ad5f614d08b48a81dc10fe39d72a1ca3c38215524cf885b5ce4");
    CHECK(signature(request, "STS.NUexampleKeyId", "exampleStsSecret") ==
          "416c62c91caa66759ef2e9fafa435263f5901e7cd7ee07c84d850b17d543ace3");
}

TEST_CASE("acs3: a form body is hashed and its content type signed (D3)", "[acs3]") {
    const std::string body = "EndpointId=ep-bp1example0000000001&RegionId=cn-hangzhou";
    const Acs3Request request{.method = "POST",
                              .uri = "/",
                              .query = "",
                              .headers = {{"host", "privatelink.cn-hangzhou.aliyuncs.com"},
                                          {"Content-Type", "application/x-www-form-urlencoded"},
                                          {"x-acs-action", "GetVpcEndpointAttribute"},
                                          {"x-acs-version", "2020-04-15"},
                                          {"x-acs-date", "2025-01-02T03:04:05Z"},
                                          {"x-acs-signature-nonce", "00112233445566778899aabbccddeeff"},
                                          {"x-acs-content-sha256", sha256_hex(body)}},
                              .payload_hash = sha256_hex(body)};
    CHECK(sha256_hex(body) == "4650215a75d45585427b5861bd4f3ff3b26fc8764c5fe1d6e15b7adfbe7632b8");
    CHECK(sha256_hex(acs3_canonical_request(request)) ==
          "6be82918e807f52c876d1361921728f5dadf1205c7a04f0c8d84875cc1af75f9");
    CHECK(acs3_authorization(request, "LTAIexampleAccessKeyId", Secret("exampleAccessKeySecret")) ==
          "ACS3-HMAC-SHA256 Credential=LTAIexampleAccessKeyId,SignedHeaders=content-type;host;x-acs-action;"
          "x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version,"
          "Signature=1517d8744c3f895fdd13190bb386a01d02b2c6b9a6c5feaccb448ccaa63e582f");
}

TEST_CASE("acs3: hashes, hex and base64 are those of the standards", "[acs3]") {
    CHECK(sha256_hex("") == kEmptyPayloadHash);
    CHECK(postern::core::hex(
              postern::core::as_bytes(hmac_sha256("key", "The quick brown fox jumps over the lazy dog"))) ==
          "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    CHECK(postern::core::hex(postern::core::as_bytes(hmac_sha1(
              "key", "The quick brown fox jumps over the lazy dog"))) == "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
    CHECK(to_base64("") == "");
    CHECK(to_base64("foob") == "Zm9vYg==");
}

// SPDX-License-Identifier: Apache-2.0
// The examples of "Authenticating Requests: Using the Authorization Header" in the S3 API reference.
#include "agent/store/sigv4_signer.h"
#include "agent/crypto/digest.h"
#include "agent/store/oss4_signer.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string signature(SigV4Request r) {
    r.region = "us-east-1";
    r.date = "20130524T000000Z";
    r.headers.emplace_back("Host", "examplebucket.s3.amazonaws.com");
    r.headers.emplace_back("x-amz-date", r.date);
    r.headers.emplace_back("x-amz-content-sha256", r.payload_hash);
    const std::string value =
        sigv4_authorization(r, "AKIAIOSFODNN7EXAMPLE", core::Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"));
    CHECK(value.starts_with("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"));
    return value.substr(value.find("Signature=") + 10);
}

}  // namespace

TEST_CASE("sigv4: the published examples", "[sigv4]") {
    const std::string nothing = sha256_hex("");
    CHECK(signature(
              {.method = "GET", .path = "/test.txt", .headers = {{"Range", "bytes=0-9"}}, .payload_hash = nothing}) ==
          "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    CHECK(signature(
              {.method = "PUT",
               .path = encode_object_path("/test$file.text"),
               .headers = {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
               .payload_hash = sha256_hex("Welcome to Amazon S3.")}) ==
          "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    CHECK(signature({.method = "GET", .path = "/", .query = {{"lifecycle", ""}}, .payload_hash = nothing}) ==
          "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    CHECK(signature(
              {.method = "GET", .path = "/", .query = {{"max-keys", "2"}, {"prefix", "J"}}, .payload_hash = nothing}) ==
          "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

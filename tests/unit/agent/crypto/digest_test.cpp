// SPDX-License-Identifier: Apache-2.0
#include "agent/crypto/digest.h"
#include "core/bytes.h"
#include "core/text.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("digest: published values", "[digest]") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(core::hex(core::as_bytes(hmac_sha256("key", "The quick brown fox jumps over the lazy dog"))) ==
          "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    CHECK(core::hex(core::as_bytes(hmac_sha1("key", "The quick brown fox jumps over the lazy dog"))) ==
          "de7c9b85b8b78aa6bc8a7a36f70a90701c9db4d9");
}

TEST_CASE("digest: base64 there and back, and only in the one form", "[digest]") {
    for (const std::string& text : {std::string(), std::string("f"), std::string("fo"), std::string("foo"),
                                    std::string("foob"), std::string("\0\xff\0", 3)})
        CHECK(from_base64(to_base64(text)) == text);
    CHECK(to_base64("foob") == "Zm9vYg==");
    for (const char* bad : {"Zm9vYg", "Zm9vYg=", "Zm9v Yg==", " Zm9vYg==", "Zm9vYg==\n",
                            "Zm9vYh==", "Zm9v====", "====", "Zm-vYg==", "Z", "Zm9vYg==Zm9v"})
        CHECK_FALSE(from_base64(bad));
}

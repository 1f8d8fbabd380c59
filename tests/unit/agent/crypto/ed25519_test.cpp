// SPDX-License-Identifier: Apache-2.0
#include "agent/crypto/ed25519.h"
#include "agent/crypto/digest.h"
#include "core/bytes.h"
#include "core/text.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string unhex(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2)
        out += static_cast<char>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16));
    return out;
}

}  // namespace

TEST_CASE("ed25519: RFC 8032, 7.1, tests 1 and 2", "[ed25519]") {
    struct Row {
        const char *secret, *key, *message, *signature;
    };
    for (
        const Row& row :
        {Row{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
             "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
             "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595b"
             "be24655141438e7a100b"},
         Row{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
             "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
             "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb430"
             "2aeeb00d291612bb0c00"}}) {
        const auto key = SigningKey::parse("ed25519-private:" + to_base64(unhex(row.secret)));
        REQUIRE(key);
        CHECK(key->public_key().text() == "ed25519:" + to_base64(unhex(row.key)));
        CHECK(core::hex(core::as_bytes(key->sign(unhex(row.message)))) == row.signature);
        const auto known = PublicKey::parse(key->public_key().text());
        REQUIRE(known);
        CHECK(known->verifies(unhex(row.message), unhex(row.signature)));
        CHECK_FALSE(known->verifies(unhex(row.message) + "x", unhex(row.signature)));
        for (const std::size_t at : {0u, 31u, 32u, 63u}) {
            std::string bad = unhex(row.signature);
            bad[at] = static_cast<char>(bad[at] ^ 1);
            CHECK_FALSE(known->verifies(unhex(row.message), bad));
        }
        CHECK_FALSE(known->verifies(unhex(row.message), unhex(row.signature).substr(0, 63)));
        CHECK_FALSE(known->verifies(unhex(row.message), ""));
    }
}

TEST_CASE("ed25519: a new key signs, and its text is its own", "[ed25519]") {
    const auto a = SigningKey::make(), b = SigningKey::make();
    REQUIRE((a && b));
    CHECK_FALSE(a->public_key() == b->public_key());
    const auto again = SigningKey::parse(a->text().expose());
    REQUIRE(again);
    CHECK(again->public_key() == a->public_key());
    CHECK(a->public_key().verifies("text", again->sign("text")));
    CHECK_FALSE(b->public_key().verifies("text", a->sign("text")));
}

TEST_CASE("ed25519: other texts are no keys", "[ed25519]") {
    const std::string good = SigningKey::make()->public_key().text();
    for (const std::string& bad : {std::string(), std::string("ed25519:"), std::string("ed25519:AAAA"), good + "=",
                                   " " + good, good.substr(0, good.size() - 1), "ED25519:" + good.substr(8),
                                   good.substr(8), "ed25519-private:" + good.substr(8)})
        CHECK_FALSE(PublicKey::parse(bad));
    CHECK_FALSE(SigningKey::parse(good));
}

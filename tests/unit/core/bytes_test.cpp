// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "core/bytes.h"
#include "core/random.h"
#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("bytes: crc64 equals the published check value", "[bytes]") {
    CHECK(crc64(as_bytes("123456789")) == 0x995DC9BBDF1939FAULL);  // CRC-64/XZ
    CHECK(crc64(as_bytes("")) == 0);
}

TEST_CASE("bytes: crc64 can be computed in pieces", "[bytes]") {
    const std::string text = "the quick brown fox jumps over the lazy dog";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        CHECK(crc64(as_bytes(text.substr(cut)), crc64(as_bytes(text.substr(0, cut)))) == crc64(as_bytes(text)));
    }
}

TEST_CASE("bytes: after a read past the end a reader stays failed", "[bytes]") {
    const std::uint8_t data[] = {1, 2, 3};
    ByteReader in(data);
    CHECK(in.be16() == 0x0102);
    CHECK(in.le<std::uint32_t>() == 0);
    CHECK_FALSE(in.ok());
    CHECK(in.u8() == 0);
    CHECK(in.remaining() == 0);
}

TEST_CASE("random: below stays below and reaches every value", "[random]") {
    SeededRandom random(7);
    bool seen[10] = {};
    for (int i = 0; i < 1000; ++i) {
        const auto n = random.below(10);
        REQUIRE(n < 10);
        seen[n] = true;
    }
    CHECK(std::all_of(std::begin(seen), std::end(seen), [](bool b) { return b; }));
    CHECK(random.below(0) == 0);
}

// SPDX-License-Identifier: Apache-2.0
#include "core/bytes.h"

#include <array>

namespace postern::core {
namespace {

constexpr std::uint64_t kPolynomial = 0xC96C5795D7870F42ULL;  // reflected ECMA-182

// Slicing by eight: checking a plan of 6 MB (10,000 names) blocks the resolver's loop for a few milliseconds at most.
constexpr auto kTables = [] {
    std::array<std::array<std::uint64_t, 256>, 8> t{};
    for (std::uint64_t i = 0; i < 256; ++i) {
        std::uint64_t crc = i;
        for (int bit = 0; bit < 8; ++bit)
            crc = (crc & 1) ? (crc >> 1) ^ kPolynomial : crc >> 1;
        t[0][i] = crc;
    }
    for (std::size_t i = 0; i < 256; ++i) {
        for (std::size_t k = 1; k < 8; ++k)
            t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
    }
    return t;
}();

}  // namespace

std::uint64_t crc64(ByteView data, std::uint64_t seed) {
    std::uint64_t crc = ~seed;
    const std::uint8_t* p = data.data();
    std::size_t n = data.size();
    for (; n >= 8; n -= 8, p += 8) {
        const std::uint64_t x = crc ^ load_le<std::uint64_t>(p);
        crc = 0;
        for (std::size_t k = 0; k < 8; ++k)
            crc ^= kTables[7 - k][(x >> (8 * k)) & 0xff];
    }
    for (; n > 0; --n, ++p)
        crc = (crc >> 8) ^ kTables[0][(crc ^ *p) & 0xff];
    return ~crc;
}

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
#include "resolver/dns_name.h"

#include <algorithm>
#include <cstring>

namespace postern::resolver {
namespace {

constexpr unsigned kMaxPointers = 127;  // as many as a name can have labels

}  // namespace

bool Name::operator==(const Name& other) const {
    return *this == other.view();
}
bool Name::operator==(ByteView other) const {
    return length == other.size() && std::memcmp(bytes.data(), other.data(), length) == 0;
}

std::size_t read_name(ByteView message, std::size_t at, Name* out) {
    std::size_t end = 0;     // set at the first pointer
    std::size_t limit = at;  // a pointer must point below everything that was read for this name
    std::size_t length = 0;
    unsigned pointers = 0;
    while (at < message.size()) {
        const std::size_t label = message[at];
        if (label >= 0xc0) {
            if (at + 2 > message.size() || ++pointers > kMaxPointers) return 0;
            const std::size_t target = (label & 0x3f) << 8 | message[at + 1];
            if (target >= limit || target < kHeaderSize) return 0;
            if (end == 0) end = at + 2;
            limit = target;
            at = target;
            continue;
        }
        if (label > 63 || at + 1 + label > message.size() || length + 1 + label > kMaxName) return 0;
        out->bytes[length++] = static_cast<std::uint8_t>(label);
        for (std::size_t i = 0; i < label; ++i)
            out->bytes[length++] = lower(message[at + 1 + i]);
        at += 1 + label;
        if (label == 0) {
            out->length = static_cast<std::uint8_t>(length);
            return end != 0 ? end : at;
        }
    }
    return 0;
}

std::size_t skip_name(ByteView message, std::size_t at) {
    while (at < message.size()) {
        const std::size_t label = message[at];
        if (label == 0) return at + 1;
        if (label >= 0xc0) return at + 2 <= message.size() ? at + 2 : 0;
        if (label > 63) return 0;
        at += 1 + label;
    }
    return 0;
}

bool equal_ignoring_case(ByteView a, ByteView b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                              [](std::uint8_t x, std::uint8_t y) { return lower(x) == lower(y); });
}

bool is_within(ByteView name, ByteView zone) {
    std::size_t at = 0;
    while (name.size() - at > zone.size()) {
        if (name[at] == 0) return false;
        at += 1u + name[at];
        if (at >= name.size()) return false;
    }
    return name.size() - at == zone.size() && std::memcmp(name.data() + at, zone.data(), zone.size()) == 0;
}

namespace {

__extension__ using Wide = unsigned __int128;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    const Wide product = static_cast<Wide>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::uint64_t load64(const std::uint8_t* p) {
    std::uint64_t v;
    std::memcpy(&v, p, 8);
    return v;
}

}  // namespace

// The folded multiplication of wyhash. The seed is part of every step.
std::uint64_t hash_bytes(ByteView bytes, std::uint64_t seed) {
    constexpr std::uint64_t k0 = 0xa0761d6478bd642fULL, k1 = 0xe7037ed1a0b428dbULL;
    std::uint64_t h = mix(seed ^ k0, bytes.size() ^ k1);
    const std::uint8_t* p = bytes.data();
    std::size_t n = bytes.size();
    for (; n >= 16; p += 16, n -= 16)
        h = mix(load64(p) ^ k0 ^ seed, load64(p + 8) ^ h);
    if (n >= 8) {
        h = mix(load64(p) ^ k1 ^ seed, load64(p + n - 8) ^ h);
    } else {
        std::uint64_t tail = 0;
        for (std::size_t i = 0; i < n; ++i)
            tail |= std::uint64_t{p[i]} << (8 * i);
        h = mix(tail ^ k1 ^ seed, n ^ h);
    }
    return mix(h ^ k0, seed ^ k1);
}

std::optional<Bytes> name_from_text(std::string_view text) {
    if (!text.empty() && text.back() == '.') text.remove_suffix(1);
    Bytes wire;
    while (!text.empty()) {
        const auto dot = text.find('.');
        const std::string_view label = text.substr(0, dot);
        if (label.empty() || label.size() > 63) return std::nullopt;
        wire.push_back(static_cast<std::uint8_t>(label.size()));
        for (const char c : label)
            wire.push_back(lower(static_cast<std::uint8_t>(c)));
        if (dot == std::string_view::npos) break;
        text.remove_prefix(dot + 1);
        if (text.empty()) return std::nullopt;
    }
    wire.push_back(0);
    if (wire.size() > kMaxName) return std::nullopt;
    return wire;
}

}  // namespace postern::resolver

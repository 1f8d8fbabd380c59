// SPDX-License-Identifier: Apache-2.0
// Domain names in wire format: reading (with compression), comparing, hashing, making from text. Only
// name_from_text() allocates. No recursion; compression pointers must point backwards, so there can be no
// loop. Any thread.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "resolver/wire.h"

namespace postern::resolver {

using core::Bytes;
using core::ByteView;

/// 'A'..'Z' → 'a'..'z'; all other bytes, among them the lengths of labels, stay.
inline std::uint8_t lower(std::uint8_t c) {
    return static_cast<std::uint8_t>(c | (static_cast<unsigned>(c - 'A') < 26 ? 0x20 : 0));
}

/// An uncompressed lower-case name.
struct Name {
    std::uint8_t length = 0;
    std::array<std::uint8_t, kMaxName> bytes;

    ByteView view() const { return {bytes.data(), length}; }
    bool operator==(const Name& other) const;
    bool operator==(ByteView other) const;
};

/// Reads the name at `at`, following pointers, in lower case. Returns the offset after the name, or 0 if it is
/// malformed: out of bounds, longer than 255 bytes, a pointer that does not point backwards, too many pointers, an
/// unknown label type.
std::size_t read_name(ByteView message, std::size_t at, Name* out);

/// The offset after the name at `at`, or 0 if it is malformed. Does not follow pointers.
std::size_t skip_name(ByteView message, std::size_t at);

/// Compares bytes, ASCII letters without case. For names, and for whole questions with the same type and class.
bool equal_ignoring_case(ByteView a, ByteView b);

/// Whether `name` is `zone` or below it. Both are uncompressed and in lower case.
bool is_within(ByteView name, ByteView zone);

/// Not cryptographic; with a secret `seed` collisions can't be prepared.
std::uint64_t hash_bytes(ByteView bytes, std::uint64_t seed);

/// "db.example.com" or "db.example.com." → wire format, lower case. Knows no escapes.
std::optional<Bytes> name_from_text(std::string_view text);

}  // namespace postern::resolver

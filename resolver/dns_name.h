// Domain names in wire form: reading (with compression), comparing, hashing, and to and from text. No
// allocation but in the text functions; no recursion; a pointer must point backwards, so a loop can't exist.
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

/// 'A'..'Z' → 'a'..'z'; everything else, length bytes included, stays.
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

/// Reads the name at `at`, following pointers, and lower-cases it. Returns where the record goes on, 0 if the
/// name is not well-formed: out of bounds, longer than 255 bytes, a pointer that is not strictly backwards,
/// too many of them, or a label type that is not known.
std::size_t read_name(ByteView message, std::size_t at, Name* out);

/// The same without the name: only its end, pointers are not followed.
std::size_t skip_name(ByteView message, std::size_t at);

/// Equal bytes but for the case of letters. Right for names, and for whole questions of equal type and class.
bool equal_ignoring_case(ByteView a, ByteView b);

/// Whether `name` is `zone` or below it. Both uncompressed and lower case.
bool is_within(ByteView name, ByteView zone);

/// Quick, keyed against chosen collisions by `seed`.
std::uint64_t hash_bytes(ByteView bytes, std::uint64_t seed);

/// "db.example.com" or "db.example.com." → wire, lower case. No escapes.
std::optional<Bytes> name_from_text(std::string_view text);
/// Presentation form without the final dot ("." for the root), odd bytes as \DDD.
std::string name_to_text(ByteView wire);

}  // namespace postern::resolver

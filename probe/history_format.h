// SPDX-License-Identifier: Apache-2.0
// The format of the history file, <state_dir>/history. Little-endian, pages of 4096 bytes. Nothing crosses a page, so
// a killed process leaves no partly written slot, and a power failure at most one.
//
//     page 0                  header: "PSTNHIST", u32 version, u32 sections, u64 crc64 of these 16 bytes
//     75 pages (300 KiB)      section 0, one address
//     75 pages                section 1, …
//
// A section:
//
//     page 0                  identity, two copies, at 0 and 2048; the valid one with the higher turn is used:
//                             u64 turn, u32 epoch, u8 family (4 or 6), 16 bytes ip; link, host, zone, endpoint as
//                             u8 length and bytes; the last 8 of the 2048 bytes: crc64 of those before
//     pages 1 to 35           minutes: 1440 slots of 96 bytes, 42 a page, at index (minutes since 1970) mod 1440
//     pages 36 to 53          hours: 720 slots of 96 bytes, 42 a page, at index (hours since 1970) mod 720
//     pages 54 to 74          failures: 512 slots of 160 bytes, 25 a page, at index number mod 512
//
// A slot ends with a u32, the lower half of a crc64 over the slot and its epoch, kind and index; so a slot of
// the section's previous address, or one in the wrong place, is not valid. An empty slot is all zeros. The file
// is sparse: what was never written are holes. A file of another version can't be read; it is renamed, and a new
// one is begun.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/bytes.h"
#include "core/error.h"
#include "probe/record.h"
#include "probe/rollup.h"

namespace postern::probe {

inline constexpr std::uint32_t kHistoryVersion = 1;
inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kHeaderBytes = 24;
inline constexpr std::size_t kIdentityBytes = 2048;
inline constexpr std::size_t kSectionPages = 75;
inline constexpr std::size_t kSectionBytes = kSectionPages * kPageBytes;
inline constexpr std::uint32_t kMaxSections = 256;

enum class SlotKind : std::uint8_t { kMinute, kHour, kFailure };

/// The place of the slots of a kind within a section.
struct SlotTable {
    std::size_t first_page, pages, slot_bytes, slots;
    constexpr std::size_t per_page() const { return kPageBytes / slot_bytes; }
};
constexpr SlotTable table_of(SlotKind kind) {
    return kind == SlotKind::kMinute ? SlotTable{1, 35, 96, 1440}
           : kind == SlotKind::kHour ? SlotTable{36, 18, 96, 720}
                                     : SlotTable{54, 21, 160, 512};
}
constexpr SlotKind slot_kind(Resolution r) {
    return r == Resolution::kMinute ? SlotKind::kMinute : SlotKind::kHour;
}

constexpr std::uint64_t section_offset(std::uint32_t section) {
    return kPageBytes + section * std::uint64_t{kSectionBytes};
}
constexpr std::uint64_t slot_offset(std::uint32_t section, SlotKind kind, std::size_t index) {
    const SlotTable t = table_of(kind);
    return section_offset(section) + (t.first_page + index / t.per_page()) * kPageBytes +
           index % t.per_page() * t.slot_bytes;
}
constexpr std::size_t rollup_index(Resolution r, core::Micros start_wall_us) {
    return static_cast<std::size_t>(start_wall_us / period_of(r)) % table_of(slot_kind(r)).slots;
}

core::Bytes encode_header(std::uint32_t sections);
/// The number of sections, 1 to kMaxSections. kFileCorrupt, with the reason.
core::Result<std::uint32_t> decode_header(core::ByteView page);

/// The address of a section. `turn` counts the writes of the identity; `epoch` differs for each address that has used
/// the section. Zone and endpoint are the last known ones.
struct SectionIdentity {
    std::uint64_t turn = 0;
    std::uint32_t epoch = 0;
    core::IpAddress ip;
    std::string link, host, zone, endpoint;  // 255 bytes each at most
};
core::Bytes encode_identity(const SectionIdentity& identity);
/// Nothing when the copy is not valid.
std::optional<SectionIdentity> decode_identity(core::ByteView bytes);

core::Bytes encode_rollup(const Rollup& rollup, Resolution resolution, std::uint32_t epoch);
/// Nothing when the slot is empty, damaged, or not of this epoch and index.
std::optional<Rollup> decode_rollup(core::ByteView slot, Resolution resolution, std::uint32_t epoch, std::size_t index);

/// A failed attempt; `number` counts the failures of its address. The detail is cut to kSlotDetail bytes.
struct FailureSlot {
    std::uint32_t number = 0;
    Record record;  // without link, host, zone, endpoint and ip
};
inline constexpr std::size_t kSlotDetail = 92;
core::Bytes encode_failure(const FailureSlot& failure, std::uint32_t epoch);
/// As decode_rollup().
std::optional<FailureSlot> decode_failure(core::ByteView slot, std::uint32_t epoch, std::size_t index);

static_assert(table_of(SlotKind::kFailure).first_page + table_of(SlotKind::kFailure).pages == kSectionPages);
static_assert(kSectionBytes == 300 * 1024);

}  // namespace postern::probe

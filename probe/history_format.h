// The file of the history, <state_dir>/history, byte by byte. Little-endian; pages of 4096 bytes; nothing
// crosses a page, so a killed process leaves no half slot and a power cut at most the one slot that was being
// written.
//
//     page 0                    header: "PSTNHIST", u32 version, u32 sections, u64 crc64 of these 16 bytes
//     75 pages (300 KiB) each   section 0, 1, …: one address each
//
//     section, page 0           identity, twice (at 0 and 2048, the one with the higher turn holds): u64
//     turn, u32 epoch,
//                               u8 family (4 or 6), 16 bytes ip, then link, host, zone, endpoint as u8 length
//                               and bytes; the last 8 of the 2048 bytes are the crc64 of those before
//     pages 1…35                1440 slots of 96 bytes, 42 a page: minutes, at index (minutes since 1970) mod
//     1440 pages 36…53               720 slots alike: hours, at index (hours since 1970) mod 720 pages 54…74
//     512 slots of 160 bytes, 25 a page: failures, at index number mod 512
//
// A slot ends with a u32, the lower half of its crc64, which also covers what it is (epoch, kind, index): a
// slot of an address that had the section before, or that strayed, is no slot. Zeros are an empty slot. The
// file has holes where nothing was written yet. Another version is another file: what can't be read is set
// aside.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "core/bytes.h"
#include "core/error.h"
#include "probe/record.h"
#include "probe/rollup.h"

namespace postern::probe {

inline constexpr std::size_t kPageBytes = 4096;
inline constexpr std::size_t kHeaderBytes = 24;
inline constexpr std::size_t kIdentityBytes = 2048;
inline constexpr std::size_t kSectionPages = 75;
inline constexpr std::size_t kSectionBytes = kSectionPages * kPageBytes;
inline constexpr std::uint32_t kMaxSections = 256;

enum class SlotKind : std::uint8_t { kMinute, kHour, kFailure };

/// Where the slots of a kind lie within a section.
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
/// The number of sections; kFileCorrupt with the reason.
core::Result<std::uint32_t> decode_header(core::ByteView page);

/// Whose section it is. Zone and endpoint are those last known.
struct SectionIdentity {
    std::uint64_t turn = 0;
    std::uint32_t epoch = 0;
    core::IpAddress ip;
    std::string link, host, zone, endpoint;  // 255 bytes each at most
};
core::Bytes encode_identity(const SectionIdentity& identity);
std::optional<SectionIdentity> decode_identity(core::ByteView bytes);

core::Bytes encode_rollup(const Rollup& rollup, Resolution resolution, std::uint32_t epoch);
/// Nothing when the slot is empty, damaged or another's.
std::optional<Rollup> decode_rollup(core::ByteView slot, Resolution resolution, std::uint32_t epoch, std::size_t index);

/// A failed attempt; `number` counts those of its address. Of the detail there are kSlotDetail bytes.
struct FailureSlot {
    std::uint32_t number = 0;
    Record record;  // without link, host, zone, endpoint and ip
};
inline constexpr std::size_t kSlotDetail = 92;
core::Bytes encode_failure(const FailureSlot& failure, std::uint32_t epoch);
std::optional<FailureSlot> decode_failure(core::ByteView slot, std::uint32_t epoch, std::size_t index);

static_assert(table_of(SlotKind::kFailure).first_page + table_of(SlotKind::kFailure).pages == kSectionPages);
static_assert(kSectionBytes == 300 * 1024);

}  // namespace postern::probe

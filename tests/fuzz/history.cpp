// SPDX-License-Identifier: Apache-2.0
// Any bytes as the history's file: read without a crash; and with the checksum of each slot made right, so that the rest
// is reached, what comes out is within its bounds and survives being written again.
#include <algorithm>
#include <cstdlib>

#include "probe/history_reader.h"

using namespace postern;
using namespace postern::probe;

namespace {

constexpr std::uint32_t kEpoch = 7;

void expect(bool good) {
    if (!good) std::abort();
}

/// The checksum as history_format.h describes it.
core::Bytes slot_of(core::ByteView data, SlotKind kind, std::size_t index) {
    core::Bytes slot(table_of(kind).slot_bytes);
    std::copy_n(data.begin(), std::min(data.size(), slot.size() - 4), slot.begin());
    const std::uint64_t what =
        std::uint64_t{kEpoch} << 32 | std::uint64_t{static_cast<std::uint8_t>(kind)} << 24 | (index + 1);
    const auto content = core::ByteView(slot).first(slot.size() - 4);
    const auto crc = static_cast<std::uint32_t>(core::crc64(content, what));
    core::store_le(slot.data() + content.size(), crc);
    return slot;
}

void use_rollup(core::ByteView data, Resolution resolution) {
    if (data.size() < 4) return;
    // The index that its time asks for: another one is refused before anything is read.
    const auto index = rollup_index(resolution, core::load_le<std::uint32_t>(data.data()) * core::kMinute);
    const auto rollup = decode_rollup(slot_of(data, slot_kind(resolution), index), resolution, kEpoch, index);
    if (!rollup) return;
    expect(rollup->failures <= rollup->attempts && rollup->start_wall_us > 0);
    const auto again = decode_rollup(encode_rollup(*rollup, resolution, kEpoch), resolution, kEpoch, index);
    expect(again == rollup);
    RollupBuilder builder;
    builder.resume(*rollup);
    expect(builder.rollup().attempts == rollup->attempts);
}

void use_failure(core::ByteView data) {
    if (data.size() < 4) return;
    const auto index = core::load_le<std::uint32_t>(data.data()) % table_of(SlotKind::kFailure).slots;
    const auto failure = decode_failure(slot_of(data, SlotKind::kFailure, index), kEpoch, index);
    if (!failure) return;
    Record record = failure->record;
    record.link = "db";
    expect(parse_record(to_json(record)).has_value());
    expect(decode_failure(encode_failure(*failure, kEpoch), kEpoch, index).has_value());
}

/// A file whose every page is this input.
void use_file(core::ByteView data) {
    const ReadAt read = [data](std::uint64_t offset, std::size_t size) {
        const std::size_t from = std::min<std::size_t>(offset % kPageBytes, data.size());
        const auto piece = data.subspan(from, std::min(size, data.size() - from));
        return core::Bytes(piece.begin(), piece.end());
    };
    if (const auto sections = decode_header(data)) expect(*sections >= 1 && *sections <= kMaxSections);
    SectionIdentity identity;
    if (const auto found = read_identity(read, 3)) identity = *found;
    for (const auto resolution : {Resolution::kMinute, Resolution::kHour}) {
        expect(read_rollups(read, 3, identity.epoch, resolution, 0, core::kNever).size() <= 1440);
    }
    expect(read_failures(read, 3, identity).size() <= 512);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    const core::ByteView data(bytes, size);
    use_file(data);
    use_rollup(data, Resolution::kMinute);
    use_rollup(data, Resolution::kHour);
    use_failure(data);
    core::Bytes identity(kIdentityBytes);
    std::copy_n(bytes, std::min(size, kIdentityBytes - 8), identity.begin());
    core::store_le(identity.data() + kIdentityBytes - 8,
                   core::crc64(core::ByteView(identity).first(kIdentityBytes - 8)));
    if (const auto found = decode_identity(identity)) {
        const auto again = decode_identity(encode_identity(*found));
        expect(again && again->link == found->link && again->ip == found->ip && again->endpoint == found->endpoint);
    }
    return 0;
}

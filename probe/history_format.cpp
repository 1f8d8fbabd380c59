// SPDX-License-Identifier: Apache-2.0
#include "probe/history_format.h"

#include <algorithm>

#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr std::string_view kMagic = "PSTNHIST";
constexpr std::uint32_t kNone32 = 0xffffffff;
constexpr std::uint32_t kCountBits = 24;
constexpr core::Micros kLatest = 253'402'300'799 * core::kSecond;  // the year 9999

constexpr SlotTable kFailures = table_of(SlotKind::kFailure);

std::uint32_t slot_crc(core::ByteView content, SlotKind kind, std::uint32_t epoch, std::size_t index) {
    const std::uint64_t what =
        std::uint64_t{epoch} << 32 | std::uint64_t{static_cast<std::uint8_t>(kind)} << 24 | (index + 1);
    return static_cast<std::uint32_t>(core::crc64(content, what));
}

/// Pads with zeros and adds the checksum.
core::Bytes sealed(core::ByteWriter&& writer, SlotKind kind, std::uint32_t epoch, std::size_t index) {
    const std::size_t content = table_of(kind).slot_bytes - 4;
    core::Bytes slot = std::move(writer.bytes());
    slot.resize(content);
    const std::uint32_t crc = slot_crc(slot, kind, epoch, index);
    slot.resize(content + 4);
    core::store_le(slot.data() + content, crc);
    return slot;
}

/// The bytes before the checksum, if that is valid.
std::optional<core::ByteView> opened(core::ByteView slot, SlotKind kind, std::uint32_t epoch, std::size_t index) {
    const std::size_t content = table_of(kind).slot_bytes - 4;
    if (slot.size() != content + 4) return std::nullopt;
    if (core::load_le<std::uint32_t>(slot.data() + content) != slot_crc(slot.first(content), kind, epoch, index)) {
        return std::nullopt;
    }
    return slot.first(content);
}

void put_text(core::ByteWriter& out, const std::string& text) {
    const auto size = static_cast<std::uint8_t>(std::min<std::size_t>(text.size(), 255));
    out.le(size);
    out.append(core::as_bytes(text).first(size));
}

std::string take_text(core::ByteReader& in) {
    return std::string(core::as_text(in.take(in.u8())));
}

std::uint32_t clamp32(core::Micros us) {
    return static_cast<std::uint32_t>(std::clamp<core::Micros>(us, 0, kNone32 - 1));
}

State state_of(int bits) {
    return static_cast<State>(bits & 3);
}

}  // namespace

core::Bytes encode_header(std::uint32_t sections) {
    core::ByteWriter out;
    out.append(core::as_bytes(kMagic));
    out.le(kHistoryVersion);
    out.le(sections);
    out.le(core::crc64(out.bytes()));
    return std::move(out.bytes());
}

core::Result<std::uint32_t> decode_header(core::ByteView page) {
    const auto bad = [](const char* what) { return core::fail(core::Code::kFileCorrupt, what); };
    core::ByteReader in(page);
    if (core::as_text(in.take(kMagic.size())) != kMagic) return bad("not a history file of postern");
    const auto version = in.le<std::uint32_t>();
    const auto sections = in.le<std::uint32_t>();
    const auto crc = in.le<std::uint64_t>();
    if (!in.ok() || crc != core::crc64(page.first(16))) return bad("its header is damaged");
    if (version != kHistoryVersion) return bad("a history file of another version");
    if (sections == 0 || sections > kMaxSections) return bad("its number of sections is invalid");
    return sections;
}

core::Bytes encode_identity(const SectionIdentity& identity) {
    core::ByteWriter out;
    out.le(identity.turn);
    out.le(identity.epoch);
    out.le(static_cast<std::uint8_t>(identity.ip.is_v6() ? 6 : 4));
    out.append({identity.ip.data(), identity.ip.size()});
    out.zeros(16 - identity.ip.size());
    for (const auto* text : {&identity.link, &identity.host, &identity.zone, &identity.endpoint})
        put_text(out, *text);
    out.zeros(kIdentityBytes - 8 - out.size());
    out.le(core::crc64(out.bytes()));
    return std::move(out.bytes());
}

std::optional<SectionIdentity> decode_identity(core::ByteView bytes) {
    if (bytes.size() != kIdentityBytes) return std::nullopt;
    const auto content = bytes.first(kIdentityBytes - 8);
    if (core::load_le<std::uint64_t>(bytes.data() + content.size()) != core::crc64(content)) return std::nullopt;
    core::ByteReader in(content);
    SectionIdentity out;
    out.turn = in.le<std::uint64_t>();
    out.epoch = in.le<std::uint32_t>();
    const int family = in.u8();
    const core::ByteView ip = in.take(16);
    if (family != 4 && family != 6) return std::nullopt;
    std::array<std::uint8_t, 16> v6{};
    std::copy(ip.begin(), ip.end(), v6.begin());
    out.ip = family == 4 ? core::IpAddress::v4(core::load_be32(ip.data())) : core::IpAddress::v6(v6);
    for (auto* text : {&out.link, &out.host, &out.zone, &out.endpoint})
        *text = take_text(in);
    if (!in.ok() || out.link.empty()) return std::nullopt;
    return out;
}

core::Bytes encode_rollup(const Rollup& rollup, Resolution resolution, std::uint32_t epoch) {
    core::ByteWriter out;
    out.le(static_cast<std::uint32_t>(rollup.start_wall_us / core::kMinute));
    out.le(rollup.attempts);
    out.le(rollup.failures);
    for (const ReasonCount& r : rollup.reasons) {
        const auto count = std::min(r.count, (1u << kCountBits) - 1);
        out.le(static_cast<std::uint32_t>(r.reason) << kCountBits | count);
    }
    for (const auto& spread : rollup.series) {
        const Spread s = spread.value_or(Spread{});
        for (const core::Micros us : {s.min_us, s.p50_us, s.p95_us, s.p99_us, s.max_us}) {
            out.le(spread ? time_code(us) : kNoTime);
        }
    }
    return sealed(std::move(out), slot_kind(resolution), epoch, rollup_index(resolution, rollup.start_wall_us));
}

std::optional<Rollup> decode_rollup(core::ByteView slot, Resolution resolution, std::uint32_t epoch,
                                    std::size_t index) {
    const auto content = opened(slot, slot_kind(resolution), epoch, index);
    if (!content) return std::nullopt;
    core::ByteReader in(*content);
    Rollup out;
    out.start_wall_us = in.le<std::uint32_t>() * core::kMinute;
    out.attempts = in.le<std::uint32_t>();
    out.failures = in.le<std::uint32_t>();
    for (ReasonCount& r : out.reasons) {
        const auto both = in.le<std::uint32_t>();
        if (both >> kCountBits >= static_cast<std::uint32_t>(Reason::kCount)) continue;  // a reason of a newer version
        r = {static_cast<Reason>(both >> kCountBits), both & ((1u << kCountBits) - 1)};
    }
    for (auto& spread : out.series) {
        std::array<std::uint16_t, 5> codes{};
        for (auto& code : codes)
            code = in.le<std::uint16_t>();
        if (codes[0] == kNoTime) continue;
        spread = Spread{time_of_code(codes[0]), time_of_code(codes[1]), time_of_code(codes[2]), time_of_code(codes[3]),
                        time_of_code(codes[4])};
    }
    if (out.start_wall_us <= 0 || start_of(resolution, out.start_wall_us) != out.start_wall_us ||
        rollup_index(resolution, out.start_wall_us) != index || out.failures > out.attempts) {
        return std::nullopt;
    }
    return out;
}

core::Bytes encode_failure(const FailureSlot& failure, std::uint32_t epoch) {
    const Record& r = failure.record;
    core::ByteWriter out;
    out.le(failure.number);
    out.le(static_cast<std::uint32_t>(std::clamp<core::Micros>(r.cert_not_after_us / core::kSecond, 0, kNone32)));
    out.le(r.wall_us);
    out.le(r.seq);
    out.le(r.sql_code.value_or(0));
    for (const auto& us : r.phase_us)
        out.le(us ? clamp32(*us) : kNone32);
    out.le(clamp32(r.total_us));
    out.le(static_cast<std::int16_t>(r.http_status.value_or(-1)));
    out.le(static_cast<std::uint8_t>(r.phase));
    out.le(static_cast<std::uint8_t>(r.reason));
    out.le(static_cast<std::uint8_t>(static_cast<int>(r.path) | static_cast<int>(r.service) << 2 |
                                     static_cast<int>(r.state) << 4 | static_cast<int>(r.prev_state) << 6));
    out.le(static_cast<std::uint8_t>(r.sql_code ? 1 : 0));
    put_text(out, excerpt(r.detail, kSlotDetail));
    return sealed(std::move(out), SlotKind::kFailure, epoch, failure.number % kFailures.slots);
}

std::optional<FailureSlot> decode_failure(core::ByteView slot, std::uint32_t epoch, std::size_t index) {
    const auto content = opened(slot, SlotKind::kFailure, epoch, index);
    if (!content) return std::nullopt;
    core::ByteReader in(*content);
    FailureSlot out;
    Record& r = out.record;
    out.number = in.le<std::uint32_t>();
    r.cert_not_after_us = in.le<std::uint32_t>() * core::kSecond;
    r.wall_us = in.le<std::int64_t>();
    r.seq = in.le<std::uint64_t>();
    r.sql_code = in.le<std::int64_t>();
    for (auto& us : r.phase_us) {
        const auto value = in.le<std::uint32_t>();
        if (value != kNone32) us = value;
    }
    r.total_us = in.le<std::uint32_t>();
    const auto status = in.le<std::int16_t>();
    if (status >= 0) r.http_status = status;
    const int phase = in.u8(), reason = in.u8(), states = in.u8();
    if ((in.u8() & 1) == 0) r.sql_code.reset();
    r.detail = take_text(in);
    r.path = state_of(states);
    r.service = state_of(states >> 2);
    r.state = state_of(states >> 4);
    r.prev_state = state_of(states >> 6);
    r.phase = static_cast<Phase>(std::min(phase, static_cast<int>(Phase::kCount)));
    r.reason = reason < static_cast<int>(Reason::kCount) ? static_cast<Reason>(reason) : Reason::kNone;
    if (!in.ok() || out.number % kFailures.slots != index || r.wall_us <= 0 || r.wall_us > kLatest) return std::nullopt;
    return out;
}

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
#include "probe/history_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "core/fd.h"

namespace postern::probe {
namespace {

/// Calls seen(index, slot) for the slots of a kind, page by page, except those of zeros.
template <class Seen>
void each_slot(const ReadAt& read, std::uint32_t section, SlotKind kind, Seen seen) {
    const SlotTable t = table_of(kind);
    for (std::size_t first = 0; first < t.slots; first += t.per_page()) {
        const core::Bytes page = read(slot_offset(section, kind, first), kPageBytes);
        const std::size_t here = std::min(t.per_page(), t.slots - first);
        for (std::size_t i = 0; i < here && (i + 1) * t.slot_bytes <= page.size(); ++i) {
            const auto slot = core::ByteView(page).subspan(i * t.slot_bytes, t.slot_bytes);
            if (core::load_le<std::uint32_t>(slot.data() + t.slot_bytes - 4) != 0) seen(first + i, slot);
        }
    }
}

}  // namespace

std::optional<SectionIdentity> read_identity(const ReadAt& read, std::uint32_t section) {
    std::optional<SectionIdentity> newest;
    const core::Bytes page = read(section_offset(section), kPageBytes);
    for (std::size_t at = 0; at + kIdentityBytes <= page.size(); at += kIdentityBytes) {
        auto found = decode_identity(core::ByteView(page).subspan(at, kIdentityBytes));
        if (found && (!newest || found->turn > newest->turn)) newest = std::move(found);
    }
    return newest;
}

std::vector<Rollup> read_rollups(const ReadAt& read, std::uint32_t section, std::uint32_t epoch, Resolution resolution,
                                 core::Micros since_wall_us, core::Micros until_wall_us) {
    std::vector<Rollup> out;
    each_slot(read, section, slot_kind(resolution), [&](std::size_t index, core::ByteView slot) {
        const auto rollup = decode_rollup(slot, resolution, epoch, index);
        if (rollup && rollup->start_wall_us >= since_wall_us && rollup->start_wall_us <= until_wall_us) {
            out.push_back(*rollup);
        }
    });
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.start_wall_us < b.start_wall_us; });
    return out;
}

std::optional<Rollup> read_rollup(const ReadAt& read, std::uint32_t section, std::uint32_t epoch, Resolution resolution,
                                  core::Micros start_wall_us) {
    const std::size_t index = rollup_index(resolution, start_wall_us);
    const SlotKind kind = slot_kind(resolution);
    const auto rollup =
        decode_rollup(read(slot_offset(section, kind, index), table_of(kind).slot_bytes), resolution, epoch, index);
    return rollup && rollup->start_wall_us == start_wall_us ? rollup : std::nullopt;
}

std::vector<FailureSlot> read_failures(const ReadAt& read, std::uint32_t section, const SectionIdentity& identity) {
    std::vector<FailureSlot> out;
    each_slot(read, section, SlotKind::kFailure, [&](std::size_t index, core::ByteView slot) {
        auto failure = decode_failure(slot, identity.epoch, index);
        if (!failure) return;
        failure->record.link = identity.link;
        failure->record.host = identity.host;
        failure->record.zone = identity.zone;
        failure->record.endpoint = identity.endpoint;
        failure->record.ip = identity.ip;
        out.push_back(std::move(*failure));
    });
    std::sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.number < b.number; });
    return out;
}

core::Result<std::vector<Record>> failures_in_file(const std::string& path, const RecordFilter& filter) {
    const core::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        const auto code = errno == ENOENT ? core::Code::kFileMissing : core::Code::kFileUnreadable;
        return core::fail(core::Error{code, core::message("can't read {}", path), "", errno});
    }
    const ReadAt read = [&fd](std::uint64_t offset, std::size_t size) {
        core::Bytes out(size);
        const ssize_t n = ::pread(fd.get(), out.data(), size, static_cast<off_t>(offset));
        out.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        return out;
    };
    const auto sections = decode_header(read(0, kHeaderBytes));
    if (!sections) return core::fail(sections.error());
    std::vector<Record> out;
    for (std::uint32_t section = 0; section < *sections; ++section) {
        const auto identity = read_identity(read, section);
        if (!identity || (!filter.link.empty() && filter.link != identity->link) ||
            (filter.ip && *filter.ip != identity->ip)) {
            continue;
        }
        for (auto& failure : read_failures(read, section, *identity)) {
            if (filter.matches(failure.record)) out.push_back(std::move(failure.record));
        }
    }
    std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.wall_us < b.wall_us; });
    return out;
}

}  // namespace postern::probe

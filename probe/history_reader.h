// Reading the history file: whatever bytes it has, only whole slots come out. Takes the bytes from a
// function, so that the agent sees what it has not written yet, a command reads beside a running agent, and
// the fuzzer reads anything.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "probe/history_format.h"

namespace postern::probe {

/// At most `size` bytes from there; fewer where there are no more.
using ReadAt = std::function<core::Bytes(std::uint64_t offset, std::size_t size)>;

/// The newer of the two that is whole; nothing: the section is free.
std::optional<SectionIdentity> read_identity(const ReadAt& read, std::uint32_t section);

/// Those that began in [since, until], oldest first. At most 1440 or 720.
std::vector<Rollup> read_rollups(const ReadAt& read, std::uint32_t section, std::uint32_t epoch, Resolution resolution,
                                 core::Micros since_wall_us, core::Micros until_wall_us);
std::optional<Rollup> read_rollup(const ReadAt& read, std::uint32_t section, std::uint32_t epoch, Resolution resolution,
                                  core::Micros start_wall_us);

/// By number: the order in which they came. At most 512. The records are complete.
std::vector<FailureSlot> read_failures(const ReadAt& read, std::uint32_t section, const SectionIdentity& identity);

/// All failures of a file that the filter lets through, by time. kFileMissing, kFileUnreadable, kFileCorrupt.
core::Result<std::vector<Record>> failures_in_file(const std::string& path, const RecordFilter& filter);

}  // namespace postern::probe

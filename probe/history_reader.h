// SPDX-License-Identifier: Apache-2.0
// Reads the history file; whatever its bytes, only valid slots are returned. Gets the bytes from a function: the
// agent reads through its write queue, a command reads the file, the fuzzer passes anything. Any thread.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "probe/history_format.h"

namespace postern::probe {

/// `size` bytes from `offset`, or fewer at the end of the file.
using ReadAt = std::function<core::Bytes(std::uint64_t offset, std::size_t size)>;

/// The newer valid copy of the identity; nothing: the section is free.
std::optional<SectionIdentity> read_identity(const ReadAt& read, std::uint32_t section);

/// The roll-ups whose period began in [since, until], oldest first; 1440 minutes or 720 hours at most.
std::vector<Rollup> read_rollups(const ReadAt& read, std::uint32_t section, std::uint32_t epoch, Resolution resolution,
                                 core::Micros since_wall_us, core::Micros until_wall_us);
std::optional<Rollup> read_rollup(const ReadAt& read, std::uint32_t section, std::uint32_t epoch, Resolution resolution,
                                  core::Micros start_wall_us);

/// In the order of their numbers, 512 at most. The records are complete, with link, host, zone, endpoint and ip.
std::vector<FailureSlot> read_failures(const ReadAt& read, std::uint32_t section, const SectionIdentity& identity);

/// All failures in a file that match the filter, by time. Errors: kFileMissing, kFileUnreadable, kFileCorrupt.
core::Result<std::vector<Record>> failures_in_file(const std::string& path, const RecordFilter& filter);

}  // namespace postern::probe

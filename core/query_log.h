// SPDX-License-Identifier: Apache-2.0
// The file of the query log: a ring of sampled queries, fixed in size, written by the resolver and read, with every
// field checked, by `postern queries`. Off by default, because the names that a host looks up are private.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/stats_page.h"

namespace postern::core {

/// One answered query, in the layout of the file.
struct QueryRecord {
    std::uint64_t seq = 0;      // 1, 2, …; its slot is seq % kSlots
    std::int64_t wall_us = 0;   // when it was answered
    std::uint32_t took_us = 0;  // from its arrival to the answer
    std::uint16_t type = 0, klass = 0;
    std::uint16_t rcode = 0;
    std::uint8_t source = 0, proto = 0;     // Source, Proto
    std::uint8_t family = 0;                // of the client: 4 or 6
    std::array<std::uint8_t, 16> client{};  // network order
    std::uint8_t name_size = 0;             // 0: the packet had no readable question
    std::array<std::uint8_t, 255> name{};   // wire format, in the case of the query
    std::array<std::uint8_t, 11> unused{};
    std::uint64_t seq_again = 0;  // equal to `seq` in a completely written record
};

/// The header of the file; kSlots records follow.
struct QueryLogFile {
    static constexpr std::uint64_t kMagic = 0x31'59'52'51'53'4e'50ULL;  // "PNSQRY1"
    static constexpr std::size_t kSlots = 1024;

    std::uint64_t magic = kMagic;
    std::uint32_t record_size = sizeof(QueryRecord);
    std::uint32_t slots = kSlots;
    std::uint64_t sample = 0;  // one in this many queries is kept

    static constexpr std::size_t offset_of(std::uint64_t seq) {
        return sizeof(QueryLogFile) + seq % kSlots * sizeof(QueryRecord);
    }
    static constexpr std::size_t kBytes = 24 + kSlots * sizeof(QueryRecord);
};

/// "queries" in the folder of the stats file; "" for "".
std::string query_log_path(const std::string& stats_path);

struct QueryLog {
    std::uint64_t sample = 0;
    std::vector<QueryRecord> records;  // oldest first; incomplete and invalid ones are left out
};

/// Errors: those of read_file(), and kFileCorrupt when it is no query log of this version.
Result<QueryLog> read_query_log(const std::string& path);

}  // namespace postern::core

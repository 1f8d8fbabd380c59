// The optional query log: a ring of sampled queries in one file of a fixed size, written by the resolver, read by
// `postern queries`, which distrusts it. Off by default: what a host looks up is nobody's business.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/stats_page.h"

namespace postern::core {

/// One answered query, as it lies in the file.
struct QueryRecord {
    std::uint64_t seq = 0;      // 1, 2, …; its slot is seq % kSlots
    std::int64_t wall_us = 0;   // when it was answered
    std::uint32_t took_us = 0;  // from its arrival
    std::uint16_t type = 0, klass = 0;
    std::uint16_t rcode = 0;
    std::uint8_t source = 0, proto = 0;     // Source, Proto
    std::uint8_t family = 0;                // of the client: 4 or 6
    std::array<std::uint8_t, 16> client{};  // network order
    std::uint8_t name_size = 0;             // 0: the packet had no readable question
    std::array<std::uint8_t, 255> name{};   // wire, letters as they were asked
    std::array<std::uint8_t, 11> unused{};
    std::uint64_t seq_again = 0;  // equal to `seq` in a whole record
};

struct QueryLogFile {
    static constexpr std::uint64_t kMagic = 0x31'59'52'51'53'4e'50ULL;  // "PNSQRY1"
    static constexpr std::size_t kSlots = 1024;

    std::uint64_t magic = kMagic;
    std::uint32_t record_size = sizeof(QueryRecord);
    std::uint32_t slots = kSlots;
    std::uint64_t sample = 0;  // 1 of this many queries is kept

    static constexpr std::size_t offset_of(std::uint64_t seq) {
        return sizeof(QueryLogFile) + seq % kSlots * sizeof(QueryRecord);
    }
    static constexpr std::size_t kBytes = 24 + kSlots * sizeof(QueryRecord);
};

/// Beside the stats file; "" when there is none.
std::string query_log_path(const std::string& stats_path);

struct QueryLog {
    std::uint64_t sample = 0;
    std::vector<QueryRecord> records;  // oldest first; each is whole and within its ranges
};

/// Bounded read. kFileMissing, kFileUnreadable, or kFileCorrupt when it is no query log of this version.
Result<QueryLog> read_query_log(const std::string& path);

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
#include "core/query_log.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/file_system.h"

namespace postern::core {
namespace {

static_assert(std::is_trivially_copyable_v<QueryRecord> && std::has_unique_object_representations_v<QueryRecord>);
static_assert(QueryLogFile::kBytes == QueryLogFile::offset_of(0) + QueryLogFile::kSlots * sizeof(QueryRecord));

/// Labels of at most 63 bytes, and the root label exactly at the end; or no name at all.
bool is_name(const QueryRecord& r) {
    std::size_t at = 0;
    while (at < r.name_size && r.name[at] != 0) {
        if (r.name[at] > 63) return false;
        at += r.name[at] + 1u;
    }
    return r.name_size == 0 || at + 1 == r.name_size;
}

bool is_whole(const QueryRecord& r, std::size_t slot) {
    return r.seq != 0 && r.seq == r.seq_again && r.seq % QueryLogFile::kSlots == slot &&
           r.source < static_cast<std::uint8_t>(Source::kCount) && r.proto < static_cast<std::uint8_t>(Proto::kCount) &&
           (r.family == 4 || r.family == 6) && r.wall_us > 0 && is_name(r);
}

}  // namespace

std::string query_log_path(const std::string& stats_path) {
    return stats_path.empty() ? "" : folder_of(stats_path) + "/queries";
}

Result<QueryLog> read_query_log(const std::string& path) {
    const auto bytes = read_file(path, QueryLogFile::kBytes);
    if (!bytes && bytes.error().code != Code::kTooLarge) return fail(bytes.error());
    QueryLogFile head;
    if (bytes && bytes->size() >= sizeof head) std::memcpy(&head, bytes->data(), sizeof head);
    if (!bytes || bytes->size() < sizeof head || head.magic != QueryLogFile::kMagic ||
        head.record_size != sizeof(QueryRecord) || head.slots != QueryLogFile::kSlots) {
        return fail(Code::kFileCorrupt, message("{} is not a query log of this version", path),
                    "postern and postern-resolver must be of the same version");
    }
    QueryLog out{head.sample, {}};
    for (std::size_t slot = 0; QueryLogFile::offset_of(slot) + sizeof(QueryRecord) <= bytes->size(); ++slot) {
        QueryRecord record;
        std::memcpy(&record, bytes->data() + QueryLogFile::offset_of(slot), sizeof record);
        if (is_whole(record, slot)) out.records.push_back(record);
        if (slot + 1 == QueryLogFile::kSlots) break;
    }
    std::sort(out.records.begin(), out.records.end(), [](auto& a, auto& b) { return a.seq < b.seq; });
    return out;
}

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
#include "core/stats_page.h"

#include <cstring>
#include <type_traits>

#include "core/file_system.h"

namespace postern::core {

static_assert(std::is_trivially_copyable_v<StatsPage>);

std::string_view to_string(Source source) {
    switch (source) {
        case Source::kPrivate:
            return "private";
        case Source::kCache:
            return "cache";
        case Source::kStale:
            return "stale";
        case Source::kUpstream:
            return "upstream";
        case Source::kLocal:
            return "local";
        case Source::kRefused:
            return "refused";
        case Source::kCount:
            break;
    }
    return "unknown";
}

std::string_view to_string(PlanSource source) {
    switch (source) {
        case PlanSource::kNone:
            return "none";
        case PlanSource::kCurrent:
            return "current";
        case PlanSource::kDurable:
            return "durable";
        case PlanSource::kFallback:
            return "fallback";
    }
    return "unknown";
}

std::string_view to_string(ResolverEvent event) {
    switch (event) {
        case ResolverEvent::kDroppedShort:
            return "dropped_short";
        case ResolverEvent::kDroppedResponse:
            return "dropped_response";
        case ResolverEvent::kFormErr:
            return "formerr";
        case ResolverEvent::kNotImp:
            return "notimp";
        case ResolverEvent::kBadVers:
            return "badvers";
        case ResolverEvent::kRefusedClient:
            return "refused_client";
        case ResolverEvent::kUpstreamMismatch:
            return "upstream_mismatch";
        case ResolverEvent::kUpstreamAllFailed:
            return "upstream_all_failed";
        case ResolverEvent::kJoined:
            return "joined";
        case ResolverEvent::kOverload:
            return "overload";
        case ResolverEvent::kTcpAccepted:
            return "tcp_accepted";
        case ResolverEvent::kTcpRejected:
            return "tcp_rejected";
        case ResolverEvent::kTruncated:
            return "truncated";
        case ResolverEvent::kStatsWriteFailed:
            return "stats_write_failed";
        case ResolverEvent::kSendFailed:
            return "send_failed";
        case ResolverEvent::kLoopDetected:
            return "loop_detected";
        case ResolverEvent::kCount:
            break;
    }
    return "unknown";
}

std::string_view rcode_row_name(std::size_t row) {
    static constexpr std::string_view kNames[kRcodeRows] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                                            "NOTIMP",  "REFUSED", "OTHER"};
    return kNames[row < kRcodeRows ? row : kRcodeRows - 1];
}

Result<StatsPage> read_stats(const std::string& path) {
    StatsPage page;
    for (int attempt = 0; attempt < 3; ++attempt) {
        auto bytes = read_file(path, sizeof page);
        if (!bytes && bytes.error().code != Code::kTooLarge) return fail(bytes.error());
        if (!bytes || bytes->size() != sizeof page) break;
        std::memcpy(&page, bytes->data(), sizeof page);
        if (page.magic != StatsPage::kMagic || page.version != StatsPage::kVersion || page.size != sizeof page) break;
        if (page.write_begin == page.write_end) return page;
    }
    return fail(Code::kFileCorrupt, message("{} is not a statistics record of this version", path),
                "postern and postern-resolver must be of the same version");
}

}  // namespace postern::core

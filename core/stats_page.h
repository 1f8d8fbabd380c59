// SPDX-License-Identifier: Apache-2.0
// The statistics file: one record of fixed size that the resolver rewrites while it answers queries, and at once when
// it accepts or refuses a plan. Written with pwrite(), because a mapped file on a full tmpfs raises SIGBUS. The agent
// reads it and checks what it uses.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.h"

namespace postern::core {

/// Where an answer came from.
enum class Source : std::uint32_t { kPrivate, kCache, kStale, kUpstream, kLocal, kRefused, kCount };
enum class Proto : std::uint32_t { kUdp, kTcp, kCount };
/// Response codes are counted in rows: 0 to 5 as in RFC 1035, all others in the last.
inline constexpr std::size_t kRcodeRows = 7;

enum class PlanSource : std::uint32_t { kNone, kCurrent, kDurable, kFallback };

/// Events other than a normal answer. The tokens (to_string) are metric labels.
enum class ResolverEvent : std::uint32_t {
    kDroppedShort,     // shorter than a DNS header
    kDroppedResponse,  // QR=1 from a client
    kFormErr,
    kNotImp,
    kBadVers,
    kRefusedClient,     // by dns.allow: a query over UDP, a connection over TCP
    kUpstreamMismatch,  // a reply whose ID or question is not that of the query
    kUpstreamAllFailed,
    kJoined,    // a query that waited for the same question in flight
    kOverload,  // more than max_inflight questions
    kTcpAccepted,
    kTcpRejected,  // over tcp_max_clients: refused, or the longest idle one, closed to accept another
    kTruncated,    // sent with TC
    kStatsWriteFailed,
    kSendFailed,
    kLoopDetected,
    kCount,
};

std::string_view to_string(Source source);
std::string_view to_string(PlanSource source);
std::string_view to_string(ResolverEvent event);
std::string_view rcode_row_name(std::size_t row);

/// Upper bounds in microseconds of the answer time histogram; the last bucket is +Inf.
inline constexpr std::array<std::uint32_t, 15> kLatencyBoundsUs{
    10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 100000, 500000, 1000000, 5000000};

struct UpstreamStats {
    std::uint32_t id = 0;  // PlanUpstream::id; 0: free
    std::uint32_t srtt_us = 0;
    std::uint64_t sent = 0, answered = 0, timeouts = 0, servfail = 0, refused = 0, network_errors = 0, tcp = 0;
    std::array<std::uint64_t, kLatencyBoundsUs.size() + 1> rtt_buckets{};
    std::uint64_t rtt_sum_us = 0;
};

struct LinkStats {
    std::uint32_t id = 0;  // PlanLink::id; 0: free
    std::uint32_t reserved = 0;
    std::uint64_t answers = 0;
};

struct StatsPage {
    static constexpr std::uint64_t kMagic = 0x31'53'54'41'54'53'4e'50ULL;  // "PNSTATS1"
    static constexpr std::uint32_t kVersion = 2;
    static constexpr std::size_t kMaxUpstreams = 16;
    static constexpr std::size_t kMaxLinks = 1024;

    std::uint64_t magic = kMagic;
    std::uint32_t version = kVersion;
    std::uint32_t size = sizeof(StatsPage);
    std::uint64_t write_begin = 0;  // equal to write_end in a completely written record
    std::uint64_t start_id = 0;     // random at each start of the resolver: when it changes, all counters begin at 0
    std::int64_t started_wall_us = 0;
    std::int64_t updated_mono_us = 0;
    std::int32_t pid = 0;
    std::uint32_t plan_source = 0;  // PlanSource
    std::uint64_t plan_accepted_generation = 0;
    std::int64_t plan_accepted_mono_us = 0;
    std::uint64_t plans_accepted = 0;
    std::uint64_t plans_refused = 0;
    std::uint32_t plan_refused_fault = 0;  // PlanFault of the last refusal
    std::uint32_t plan_refused_path = 0;   // PlanSource
    std::int64_t plan_refused_mono_us = 0;
    std::uint64_t listen_missing = 0;  // bit i: UDP or TCP of the plan's i-th listen address could not be bound
    std::uint64_t queries[static_cast<std::size_t>(Source::kCount)][kRcodeRows]
                         [static_cast<std::size_t>(Proto::kCount)]{};
    std::uint64_t events[static_cast<std::size_t>(ResolverEvent::kCount)]{};
    std::uint64_t cache_hits = 0, cache_misses = 0, cache_evictions = 0, cache_entries = 0, cache_bytes = 0;
    std::uint64_t inflight = 0, tcp_clients = 0;
    std::array<std::uint64_t, kLatencyBoundsUs.size() + 1> latency_buckets{};
    std::uint64_t latency_sum_us = 0;
    UpstreamStats upstreams[kMaxUpstreams]{};
    LinkStats links[kMaxLinks]{};
    std::uint64_t write_end = 0;
};

/// Reads up to three times while the record is being written. Errors: those of read_file(), and kFileCorrupt when it
/// is not a complete record of this version.
Result<StatsPage> read_stats(const std::string& path);

}  // namespace postern::core

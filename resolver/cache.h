// SPDX-License-Identifier: Apache-2.0
// The cache of upstream answers, in wire format with the offsets of their TTLs: a hit is a copy and a few
// patched bytes. Each entry is one block of memory, the index has a fixed size, and the sum of both is limited.
// Eviction is SIEVE (Zhang et al., NSDI '24): a FIFO that skips entries that were hit since the hand last passed
// them. Loop thread.
#pragma once

#include <memory>

#include "resolver/flight.h"

namespace postern::resolver {

/// RD is not part of the key: a query without it gets a cached answer as well.
struct CacheKey {
    ByteView name;  // lower case
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    std::uint8_t bits = 0;  // DO, CD, AD

    static CacheKey of(ByteView name, std::uint16_t type, std::uint16_t klass, std::uint16_t flags, bool dnssec_ok) {
        return {name, type, klass,
                static_cast<std::uint8_t>((flags & kAd ? 1 : 0) | (flags & kCd ? 2 : 0) | (dnssec_ok ? 4 : 0))};
    }
    static CacheKey of(const QueryView& q) { return of(q.name.view(), q.type, q.klass, q.flags, q.edns.dnssec_ok); }
    static CacheKey of(const FlightKey& k) { return of(k.name.view(), k.type, k.klass, k.flags, k.dnssec_ok); }
};

struct CacheSettings {
    std::uint64_t bytes = 16u << 20;
    core::Micros serve_stale_us = core::kHour;
    core::Micros max_ttl = core::kDay;
    core::Micros max_negative_ttl = 3 * core::kHour;    // RFC 2308 5
    core::Micros failure_recheck = 30 * core::kSecond;  // RFC 8767 5
    core::Micros first_failure_ttl = core::kSecond;     // RFC 9520 3.2: doubled with every further failure
    core::Micros max_failure_ttl = 5 * core::kSecond;
};

class Cache {
  public:
    struct Entry;
    enum class State { kMiss, kFresh, kStale, kFailure };
    struct Hit {
        State state = State::kMiss;
        Entry* entry = nullptr;  // valid until the next call that is not const
    };

    Cache(std::uint64_t seed, core::StatsPage& stats);
    ~Cache();
    /// A change of `bytes` empties the cache.
    void configure(const CacheSettings& settings);

    /// kFailure: the upstreams failed a moment ago. kStale: may be served when upstreams fail (RFC 8767).
    Hit find(const CacheKey& key, core::Micros now);
    /// Stores a checked reply if it is cacheable: every record belongs to the question, it has a TTL, and it is an
    /// answer or a negative one with SOA (RFC 2308). Extras that would expire before the answer are left out and do not
    /// shorten its time. Returns whether it was stored. A reply that is not cacheable still removes an older answer,
    /// which is out of date. `upstream` is PlanUpstream::id; `asked_at` is when the query was sent.
    bool insert(const FlightKey& key, const ReplyView& reply, ByteView message, std::uint32_t upstream,
                core::Micros asked_at, core::Micros now);
    /// Remembers for 1 to 5 s that all upstreams failed. Never replaces data that may be served stale.
    void insert_failure(const CacheKey& key, std::uint16_t rcode, core::Micros now);
    /// For a change of the upstreams: all entries become stale, failures are forgotten, and replies to queries sent
    /// before `now` are not stored.
    void expire_all(core::Micros now) { fresh_since_ = now; }

    /// The answer of the entry; its TTLs have to be set with set_ttls().
    static Sections sections(const Entry& entry);
    static ByteView ede(const Entry& entry);
    static bool is_nxdomain(const Entry& entry);
    static core::Micros age(const Entry& entry, core::Micros now);
    /// PlanUpstream::id of the server that answered; 0 for a failure.
    static std::uint32_t upstream(const Entry& entry);
    /// Sets the TTLs in a copy of the sections, or of the first of their records, to the remaining time, or to
    /// `fixed_s` if that is not negative.
    static void set_ttls(const Entry& entry, core::Micros now, std::int64_t fixed_s, std::span<std::uint8_t> sections);
    /// Until `now` + failure_recheck this stale entry is served without asking the upstreams.
    void postpone_recheck(Entry& entry, core::Micros now) const;
    bool recheck_due(const Entry& entry, core::Micros now) const;
    /// True once for an entry with several hits in the last tenth of its TTL.
    static bool wants_prefetch(Entry& entry, core::Micros now);

    std::uint64_t bytes() const { return used_; }
    std::uint64_t entries() const { return count_; }

  private:
    struct Scan;
    Entry** bucket(std::uint64_t hash) { return &buckets_[hash & mask_]; }
    std::uint64_t hash(const CacheKey& key) const;
    Entry* lookup(const CacheKey& key, std::uint64_t hash);
    core::Micros ttl_of(const Scan& scan, bool negative) const;
    Entry* make(const CacheKey& key, std::size_t wire, std::size_t ttls, std::size_t ede);
    void link(Entry* entry, std::uint64_t hash);
    void remove(Entry* entry);
    bool make_room(std::uint64_t bytes);
    void clear();

    struct Free {
        void operator()(void* p) const;
    };
    std::uint64_t seed_;
    core::StatsPage& stats_;
    CacheSettings settings_;
    std::unique_ptr<Entry*[], Free> buckets_;  // of fixed size: never rehashed
    std::uint64_t mask_ = 0;
    std::uint64_t index_bytes_ = 0;
    std::uint64_t used_ = 0;  // index and entries, with the allocator's overhead
    std::uint64_t count_ = 0;
    Entry* newest_ = nullptr;
    Entry* oldest_ = nullptr;
    Entry* hand_ = nullptr;
    core::Micros fresh_since_ = -1;  // of the last expire_all(); entries from before it are stale
};

}  // namespace postern::resolver

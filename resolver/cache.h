// Answers of upstreams, kept as wire with the places of their TTLs: a hit is a copy and a few patched bytes.
// One block of memory an entry, a fixed index, a hard bound on the sum of both. Eviction is SIEVE (Zhang et
// al., NSDI '24): a FIFO whose hand spares what was asked since it last came by. Loop thread.
#pragma once

#include <memory>

#include "resolver/flight.h"

namespace postern::resolver {

/// What a cached answer is looked up by. RD is no part: what is known is told to those who don't want
/// recursion, too.
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
    core::Micros longest_ttl = core::kDay;
    core::Micros longest_negative_ttl = 3 * core::kHour;  // RFC 2308 5
    core::Micros failure_recheck = 30 * core::kSecond;    // RFC 8767 5
    core::Micros first_failure_ttl = core::kSecond;       // RFC 9520 3.2: doubled while it goes on
    core::Micros longest_failure_ttl = 5 * core::kSecond;
};

class Cache {
  public:
    struct Entry;
    enum class State { kMiss, kFresh, kStale, kFailure };
    struct Hit {
        State state = State::kMiss;
        Entry* entry = nullptr;  // until the next call that is not const
    };

    Cache(std::uint64_t seed, core::StatsPage& stats);
    ~Cache();
    /// Another size than before empties the cache.
    void configure(const CacheSettings& settings);

    /// kFailure: a failure that is still remembered. kStale: may be served by RFC 8767 when upstreams fail.
    Hit find(const CacheKey& key, core::Micros now);
    /// Keeps a checked reply if it may be kept: it belongs to the question, has a TTL, and is an answer or a
    /// negative one with SOA (RFC 2308). Returns whether it was. What may not be kept still ends an older
    /// answer: that one is not what the world says any more. `upstream`: its id; `asked_at`: when the
    /// question went out.
    bool insert(const FlightKey& key, const ReplyView& reply, ByteView message, std::uint32_t upstream,
                core::Micros asked_at, core::Micros now);
    /// Remembers that all upstreams failed, 1 to 5 s. Never replaces data that can still be served stale.
    void insert_failure(const CacheKey& key, std::uint16_t rcode, core::Micros now);
    /// The upstreams are others now: everything is stale from here on, failures are forgotten, and what the
    /// old ones still answer is not kept.
    void expire_all(core::Micros now) { fresh_since_ = now; }

    /// The entry's answer; its TTLs still have to be set.
    static Sections sections(const Entry& entry);
    static ByteView ede(const Entry& entry);
    static bool is_nxdomain(const Entry& entry);
    static core::Micros age(const Entry& entry, core::Micros now);
    /// PlanUpstream::id of who gave it; 0 for a failure.
    static std::uint32_t upstream(const Entry& entry);
    /// Sets the TTLs in a copy of the sections: what is left of them, or `fixed_s` if that is not negative.
    static void set_ttls(const Entry& entry, core::Micros now, std::int64_t fixed_s, std::uint8_t* sections);
    /// Stale data was served or refused to refresh: until `failure_recheck` from now it is served without
    /// asking.
    void postpone_recheck(Entry& entry, core::Micros now) const;
    bool recheck_due(const Entry& entry, core::Micros now) const;
    /// True once for a hot entry whose last tenth of life has begun.
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
    std::unique_ptr<Entry*[], Free> buckets_;  // fixed: no pause for a rehash ever
    std::uint64_t mask_ = 0;
    std::uint64_t index_bytes_ = 0;
    std::uint64_t used_ = 0;  // index and entries, with the allocator's overhead
    std::uint64_t count_ = 0;
    Entry* newest_ = nullptr;
    Entry* oldest_ = nullptr;
    Entry* hand_ = nullptr;
    core::Micros fresh_since_ = -1;
};

}  // namespace postern::resolver

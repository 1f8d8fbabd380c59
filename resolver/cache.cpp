// SPDX-License-Identifier: Apache-2.0
#include "resolver/cache.h"

#include <malloc.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "resolver/shorten.h"

namespace postern::resolver {
namespace {

constexpr std::uint64_t kMinBytes = 64 * 1024;  // a smaller cache is turned off
constexpr std::uint64_t kBucketBytes = sizeof(void*);
constexpr std::uint64_t kBytesPerBucket = 256;  // about the size of an entry
constexpr core::Micros kRememberBackoff = 10 * core::kSecond;
constexpr std::size_t kMaxTtls = 1024;
constexpr int kMaxSteps = 256;
constexpr std::uint8_t kHot = 2;  // hits before an entry is prefetched

/// The memory of a block, including the header of the allocator.
std::uint64_t block_bytes(void* p) {
    return malloc_usable_size(p) + sizeof(std::size_t);
}

}  // namespace

// Followed in memory by the name, the TTL offsets (2 bytes each, unaligned), the sections and the EDE option.
struct Cache::Entry {
    Entry* chain;
    Entry* newer;
    Entry* older;
    std::uint64_t hash;
    core::Micros stored_at;
    core::Micros fresh_until;
    core::Micros stale_until;
    core::Micros recheck_at;
    std::uint32_t upstream;
    std::uint16_t type, klass;
    std::uint16_t answers, authorities, additionals;
    std::uint16_t rcode, flags;
    std::uint16_t wire_size, ttl_count, ede_size;
    std::uint8_t name_size, bits;
    std::uint8_t visited;
    std::uint8_t hits;
    bool failure, prefetched;

    std::uint8_t* name() { return reinterpret_cast<std::uint8_t*>(this + 1); }
    const std::uint8_t* name() const { return reinterpret_cast<const std::uint8_t*>(this + 1); }
    std::uint8_t* ttls() { return name() + name_size; }
    const std::uint8_t* ttls() const { return name() + name_size; }
    std::uint8_t* wire() { return ttls() + 2u * ttl_count; }
    const std::uint8_t* wire() const { return ttls() + 2u * ttl_count; }
};

/// What the cache has to know about the sections of a reply.
struct Cache::Scan {
    struct Section {
        std::size_t end = 0;   // offset
        std::size_t ttls = 0;  // how many of ttl_at end with this section
        std::uint32_t least_ttl = UINT32_MAX;
    };
    std::uint16_t ttl_at[kMaxTtls];
    Section answer, authority, additional;
    std::uint32_t negative_ttl = 0;
    std::size_t soa_ttl_at = 0;
    std::size_t soa_at = 0;
    bool has_soa = false;
    bool has_proof = false;
    bool has_type = false;  // the answer section holds a record of the type asked

    /// ReplyView has checked the sections already. False: too many records.
    bool read(const Sections& s, std::uint16_t type) {
        std::size_t at = 0, count = 0;
        const std::size_t before_additional = s.answers + 0u + s.authorities;
        const std::size_t records = before_additional + s.additionals;
        if (records > kMaxTtls) return false;
        for (const auto& [section, last] :
             {std::pair(&answer, std::size_t{s.answers}), {&authority, before_additional}, {&additional, records}}) {
            while (count < last) {
                Record r;
                if (!next_record(s.wire, &at, &r)) return false;
                // RFC 2181 8: a TTL with its highest bit set counts as zero.
                const std::uint32_t ttl = r.ttl > INT32_MAX ? 0 : r.ttl;
                ttl_at[count++] = static_cast<std::uint16_t>(r.ttl_at());
                section->least_ttl = std::min(section->least_ttl, ttl);
                if (section == &answer) has_type = has_type || r.type == type || type == core::kTypeAny;
                if (section != &authority) continue;
                has_proof = has_proof || is_proof(r.type);
                if (r.type != kTypeSoa || r.rdata_length < 20) continue;
                has_soa = true;
                soa_at = r.name_at;
                soa_ttl_at = r.ttl_at();
                negative_ttl = std::min(ttl, core::load_be32(s.wire.data() + r.end() - 4));  // RFC 2308 5
            }
            section->end = at;
            section->ttls = count;
        }
        return true;
    }

    /// `s` without the sections that expire before an answer with this TTL, although it does not need them. The
    /// records that stay are the first ones, with the first `ttls` of ttl_at.
    Sections lasting(const Sections& s, std::uint32_t ttl, bool needs_authority, std::size_t* ttls) const {
        Sections out = s;
        const bool keeps_authority = needs_authority || authority.least_ttl >= ttl;
        const bool keeps_additional = keeps_authority && additional.least_ttl >= ttl;
        const Section& end = keeps_additional ? additional : keeps_authority ? authority : answer;
        if (!keeps_authority) out.authorities = 0;
        if (!keeps_additional) out.additionals = 0;
        out.wire = s.wire.first(end.end);
        *ttls = end.ttls;
        return out;
    }
};

void Cache::Free::operator()(void* p) const {
    std::free(p);
}

Cache::Cache(std::uint64_t seed, core::StatsPage& stats) : seed_(seed), stats_(stats) {
    configure({});
}
Cache::~Cache() {
    clear();
}

void Cache::configure(const CacheSettings& settings) {
    const bool same = buckets_ != nullptr && settings.bytes == settings_.bytes;
    settings_ = settings;
    if (same) return;
    clear();
    buckets_.reset();
    index_bytes_ = used_ = 0;
    mask_ = 0;
    if (settings_.bytes >= kMinBytes) {
        const std::uint64_t n = std::bit_floor(settings_.bytes / kBytesPerBucket);
        // calloc: a page of the index uses no memory before the first entry in it.
        // NOLINTNEXTLINE(clang-analyzer-optin.portability.UnixAPI): not of 0 bytes, see kMinBytes
        buckets_.reset(static_cast<Entry**>(std::calloc(n, kBucketBytes)));
        if (buckets_ != nullptr) {
            mask_ = n - 1;
            index_bytes_ = used_ = n * kBucketBytes;
        }
    }
    stats_.cache_bytes = used_;
}

void Cache::clear() {
    while (oldest_ != nullptr)
        remove(oldest_);
}

std::uint64_t Cache::hash(const CacheKey& key) const {
    return hash_bytes(key.name, seed_ ^ (std::uint64_t{key.type} << 32 | std::uint64_t{key.klass} << 8 | key.bits));
}

Cache::Entry* Cache::lookup(const CacheKey& key, std::uint64_t h) {
    for (Entry* e = *bucket(h); e != nullptr; e = e->chain) {
        if (e->hash == h && e->type == key.type && e->klass == key.klass && e->bits == key.bits &&
            e->name_size == key.name.size() && std::memcmp(e->name(), key.name.data(), key.name.size()) == 0) {
            return e;
        }
    }
    return nullptr;
}

Cache::Hit Cache::find(const CacheKey& key, core::Micros now) {
    if (mask_ == 0) return {};
    Entry* e = lookup(key, hash(key));
    if (e == nullptr) return {};
    if (now >= e->stale_until) {
        remove(e);
        return {};
    }
    const bool fresh = now < e->fresh_until && e->stored_at >= fresh_since_;
    if (e->failure) return fresh ? Hit{State::kFailure, e} : Hit{};
    e->visited = 1;
    if (e->hits < UINT8_MAX) ++e->hits;
    if (fresh) return {State::kFresh, e};
    return settings_.serve_stale_us > 0 ? Hit{State::kStale, e} : Hit{};
}

Cache::Entry* Cache::make(const CacheKey& key, std::size_t wire, std::size_t ttls, std::size_t ede_size) {
    const std::size_t size = sizeof(Entry) + key.name.size() + 2 * ttls + wire + ede_size;
    if (size > settings_.bytes / 16 || !make_room(size + 64)) return nullptr;
    void* block = std::malloc(size);
    if (block == nullptr) return nullptr;
    auto* e = new (block) Entry{};
    e->type = key.type;
    e->klass = key.klass;
    e->bits = key.bits;
    e->name_size = static_cast<std::uint8_t>(key.name.size());
    e->ttl_count = static_cast<std::uint16_t>(ttls);
    e->wire_size = static_cast<std::uint16_t>(wire);
    e->ede_size = static_cast<std::uint16_t>(ede_size);
    std::memcpy(e->name(), key.name.data(), key.name.size());
    return e;
}

core::Micros Cache::ttl_of(const Scan& scan, bool negative) const {
    std::uint32_t least = scan.answer.least_ttl;
    if (negative || scan.has_proof) least = std::min(least, scan.authority.least_ttl);
    const core::Micros ttl = std::min(core::Micros{least} * core::kSecond, settings_.max_ttl);
    if (!negative) return ttl;
    return std::min({ttl, core::Micros{scan.negative_ttl} * core::kSecond, settings_.max_negative_ttl});
}

bool Cache::insert(const FlightKey& key, const ReplyView& reply, ByteView message, std::uint32_t upstream,
                   core::Micros asked_at, core::Micros now) {
    const Sections& all = reply.sections;
    // Without RD the reply is what that server knows itself, not the general answer (RFC 1034 5.3.3).
    if (mask_ == 0 || (key.flags & kRd) == 0 || (all.rcode != kNoError && all.rcode != kNxDomain)) return false;
    Name last, zone;
    if (asked_at <= fresh_since_ || !answers_belong(message, key.name, &last)) return false;
    const CacheKey cache_key = CacheKey::of(key);
    const std::uint64_t h = hash(cache_key);
    if (Entry* old = lookup(cache_key, h)) remove(old);

    Scan scan;
    if (!scan.read(all, key.type)) return false;
    const bool negative = all.rcode == kNxDomain || !scan.has_type;
    // RFC 2308 5; excludes referrals. The SOA must be of a zone that contains the last name of the chain.
    if (negative && (!scan.has_soa || read_name(message, kHeaderSize + reply.question_size + scan.soa_at, &zone) == 0 ||
                     !is_within(last.view(), zone.view()))) {
        return false;
    }
    const core::Micros ttl = ttl_of(scan, negative);
    if (ttl <= 0) return false;
    std::size_t ttls = 0;
    const Sections s =
        scan.lasting(all, static_cast<std::uint32_t>(ttl / core::kSecond), negative || scan.has_proof, &ttls);
    Entry* e = make(cache_key, s.wire.size(), ttls, reply.ede.size());
    if (e == nullptr) return false;
    e->stored_at = now;
    e->fresh_until = now + ttl;
    e->stale_until = e->fresh_until + settings_.serve_stale_us;
    e->upstream = upstream;
    e->answers = s.answers;
    e->authorities = s.authorities;
    e->additionals = s.additionals;
    e->rcode = s.rcode;
    e->flags = s.flags;
    std::memcpy(e->wire(), s.wire.data(), s.wire.size());
    if (!reply.ede.empty()) std::memcpy(e->wire() + s.wire.size(), reply.ede.data(), reply.ede.size());
    const auto longest = static_cast<std::uint32_t>(settings_.max_ttl / core::kSecond);
    for (std::size_t i = 0; i < ttls; ++i) {
        core::store_le(e->ttls() + 2 * i, scan.ttl_at[i]);
        std::uint8_t* at = e->wire() + scan.ttl_at[i];
        core::store_be32(at, std::min(core::load_be32(at), longest));
    }
    if (negative) core::store_be32(e->wire() + scan.soa_ttl_at, static_cast<std::uint32_t>(ttl / core::kSecond));
    link(e, h);
    return true;
}

void Cache::insert_failure(const CacheKey& key, std::uint16_t rcode, core::Micros now) {
    if (mask_ == 0) return;
    const std::uint64_t h = hash(key);
    core::Micros ttl = settings_.first_failure_ttl;
    if (Entry* old = lookup(key, h)) {
        if (!old->failure && now < old->stale_until) return;
        if (old->failure) ttl = std::min(2 * (old->fresh_until - old->stored_at), settings_.max_failure_ttl);
        remove(old);
    }
    Entry* e = make(key, 0, 0, 0);
    if (e == nullptr) return;
    e->failure = true;
    e->rcode = rcode;
    e->stored_at = now;
    e->fresh_until = now + ttl;
    e->stale_until = e->fresh_until + kRememberBackoff;  // is not served then: only its TTL is used, to double it
    link(e, h);
}

void Cache::link(Entry* e, std::uint64_t h) {
    e->hash = h;
    e->chain = *bucket(h);
    *bucket(h) = e;
    e->older = newest_;
    e->newer = nullptr;
    if (newest_ != nullptr) newest_->newer = e;
    newest_ = e;
    if (oldest_ == nullptr) oldest_ = e;
    used_ += block_bytes(e);
    ++count_;
    stats_.cache_entries = count_;
    stats_.cache_bytes = used_;
}

void Cache::remove(Entry* e) {
    Entry** at = bucket(e->hash);
    while (*at != e)
        at = &(*at)->chain;
    *at = e->chain;
    if (hand_ == e) hand_ = e->newer;
    (e->newer != nullptr ? e->newer->older : newest_) = e->older;
    (e->older != nullptr ? e->older->newer : oldest_) = e->newer;
    used_ -= block_bytes(e);
    --count_;
    std::free(e);
    stats_.cache_entries = count_;
    stats_.cache_bytes = used_;
}

/// SIEVE: the hand goes from the oldest to the newest entry, clears the marks of those that were hit and
/// evicts the first without a mark. After kMaxSteps it evicts a marked one, so that no query waits for a walk
/// through all entries.
bool Cache::make_room(std::uint64_t bytes) {
    if (index_bytes_ + bytes > settings_.bytes) return false;
    while (used_ + bytes > settings_.bytes) {
        Entry* e = hand_ != nullptr ? hand_ : oldest_;
        if (e == nullptr) return false;
        for (int steps = 0; e->visited != 0 && steps < kMaxSteps; ++steps) {  // NOLINT(clang-analyzer-unix.Malloc)
            e->visited = 0;
            e = e->newer != nullptr ? e->newer : oldest_;
        }
        hand_ = e->newer;
        remove(e);
        ++stats_.cache_evictions;
    }
    return true;
}

Sections Cache::sections(const Entry& e) {
    return {{e.wire(), e.wire_size}, e.answers, e.authorities, e.additionals, e.rcode, e.flags};
}

ByteView Cache::ede(const Entry& e) {
    return {e.wire() + e.wire_size, e.ede_size};
}
bool Cache::is_nxdomain(const Entry& e) {
    return e.rcode == kNxDomain;
}
std::uint32_t Cache::upstream(const Entry& e) {
    return e.upstream;
}
core::Micros Cache::age(const Entry& e, core::Micros now) {
    return now - e.stored_at;
}

void Cache::set_ttls(const Entry& e, core::Micros now, std::int64_t fixed_s, std::span<std::uint8_t> sections) {
    const auto age_s = static_cast<std::uint32_t>((now - e.stored_at) / core::kSecond);
    for (std::size_t i = 0; i < e.ttl_count; ++i) {
        const std::size_t offset = core::load_le<std::uint16_t>(e.ttls() + 2 * i);
        if (offset + 4 > sections.size()) break;  // of a record that was left out, as are all after it
        std::uint8_t* at = sections.data() + offset;
        const std::uint32_t ttl = core::load_be32(at);
        core::store_be32(at, fixed_s >= 0 ? static_cast<std::uint32_t>(fixed_s) : ttl > age_s ? ttl - age_s : 0);
    }
}

void Cache::postpone_recheck(Entry& e, core::Micros now) const {
    e.recheck_at = now + settings_.failure_recheck;
}
bool Cache::recheck_due(const Entry& e, core::Micros now) const {
    // The recheck was postponed for a failure of the previous servers.
    return now >= e.recheck_at || e.recheck_at - settings_.failure_recheck <= fresh_since_;
}

bool Cache::wants_prefetch(Entry& e, core::Micros now) {
    if (e.prefetched || e.hits < kHot || (e.fresh_until - now) * 10 > e.fresh_until - e.stored_at) return false;
    e.prefetched = true;
    return true;
}

}  // namespace postern::resolver

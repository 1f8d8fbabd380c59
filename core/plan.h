// The plan: everything that postern-resolver does, compiled by the agent, handed over by rename.
//
// Plan is the model that the agent fills; serialize() makes the file. PlanView is what the resolver reads: parse()
// checks the checksum, every offset and every name before anything is used, and then points into its own buffer.
// Layout (little-endian; core/plan.cpp): header {magic, version, section count, size, crc64}, section table, sections.
// Unknown sections are skipped, missing trailing settings take their defaults: a resolver reads its neighbours' plans.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"

namespace postern::core {

inline constexpr std::size_t kMaxPlanBytes = 64u << 20;
inline constexpr std::uint16_t kTypeAny = 255;

/// Limits and times of the resolver. Defaults hold when a plan leaves them out.
struct PlanSettings {
    std::uint64_t cache_bytes = 16u << 20;
    std::uint64_t serve_stale_s = 3600;       // RFC 8767; 0: off
    std::uint64_t upstream_budget_ms = 4000;  // a client query is answered within this, somehow
    std::uint64_t max_inflight = 4096;        // different questions waiting for upstreams
    std::uint64_t tcp_max_clients = 256;
    std::uint64_t tcp_idle_ms = 10000;
    std::uint64_t max_udp_payload = 1232;  // what we advertise, and the most we send by UDP beyond the host
    std::uint64_t forward_test = 1;        // 0: names below "test" don't exist (RFC 6761 6.2)
    std::uint64_t query_log_sample = 0;    // 1 of this many queries is kept for core/query_log.h; 0: none
};

/// The sections after the question of a DNS message, as wire. Names in it may point to offset 12 (the question).
struct PlanAnswer {
    std::uint8_t rcode = 0;
    std::uint16_t answers = 0;      // ANCOUNT
    std::uint16_t authorities = 0;  // NSCOUNT
    Bytes wire;
    bool operator==(const PlanAnswer&) const = default;
};

/// What to say for one type: `fresh` while the verdicts are valid, `stale` (all addresses, last healthy first) after.
struct PlanRrset {
    std::uint16_t type = 0;  // kTypeAny answers ANY
    PlanAnswer fresh;
    PlanAnswer stale;
};

struct PlanOwner {
    Bytes name;                 // wire, lower case, e.g. 3 'f' 'o' 'o' 0
    std::uint32_t link = 0;     // index into Plan::links
    bool ready = true;          // false: known, but no addresses yet → SERVFAIL + EDE 14
    Micros verdicts_until = 0;  // mono_us of the plan's boot; 0 or past: `stale` answers
    std::vector<PlanRrset> rrsets;
    PlanAnswer other;     // every other type: NODATA with SOA
    std::string explain;  // one line, for `postern resolve`: why these addresses
};

struct PlanUpstream {
    std::uint32_t id = 0;  // stable across plans for the same address; the key of its statistics
    SocketAddress address;
};

struct PlanLink {
    std::uint32_t id = 0;
    std::string name;
};

struct Plan {
    std::uint64_t generation = 0;  // (agent start counter << 32) + publication
    std::string boot_id;           // 32 hex digits
    Micros created_wall_us = 0;
    std::uint64_t membership = 0;  // fingerprint of everything but verdicts and times: "did anything lasting change?"
    PlanSettings settings;
    std::vector<SocketAddress> listen;
    std::vector<IpPrefix> allow;
    std::vector<PlanUpstream> upstreams;
    std::vector<PlanLink> links;
    std::vector<PlanOwner> owners;
};

/// kTooLarge above kMaxPlanBytes; kPlanInvalid if a name is not lower-case wire.
Result<Bytes> serialize(const Plan& plan);

/// Why a plan was refused; the token is in the stats page, metrics and `postern plan show`.
enum class PlanFault : std::uint32_t {
    kNone,
    kMissing,
    kUnreadable,
    kTooShort,
    kTooLarge,
    kBadMagic,
    kBadVersion,
    kBadSize,
    kBadChecksum,
    kBadSection,
    kBadRecord,
    kBadName,
};
std::string_view to_string(PlanFault fault);

struct AnswerView {
    ByteView wire;
    std::uint16_t answers = 0;
    std::uint16_t authorities = 0;
    std::uint8_t rcode = 0;
};

struct RrsetView {
    std::uint16_t type = 0;
    AnswerView fresh;
    AnswerView stale;
};

struct OwnerView {
    ByteView name;
    std::uint32_t link = 0;  // index into links
    bool ready = false;
    Micros verdicts_until = 0;
    std::uint32_t first_rrset = 0;  // rrsets[first_rrset .. first_rrset + rrset_count)
    std::uint32_t rrset_count = 0;
    AnswerView other;
    std::string_view explain;
};

/// A checked plan. Owns the bytes it points into: move it, never copy.
class PlanView {
  public:
    static tl::expected<PlanView, PlanFault> parse(Bytes file);
    /// Opens and bounded-reads, then parses. kMissing when there is no file.
    static tl::expected<PlanView, PlanFault> load(const std::string& path);

    PlanView(PlanView&&) = default;
    PlanView& operator=(PlanView&&) = default;

    std::uint64_t generation = 0;
    std::string boot_id;
    Micros created_wall_us = 0;
    std::uint64_t membership = 0;
    PlanSettings settings;
    std::vector<SocketAddress> listen;
    std::vector<IpPrefix> allow;
    std::vector<PlanUpstream> upstreams;
    std::vector<PlanLink> links;
    std::vector<OwnerView> owners;
    std::vector<RrsetView> rrsets;

  private:
    PlanView() = default;
    Bytes file_;
};

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
// The plan: the file by which the agent tells postern-resolver what to do. The agent replaces it by rename.
//
// The agent fills a Plan and serialize() makes the file of it. The resolver parses the file into a PlanView: parse()
// checks the checksum, every offset and every name; the view then points into the bytes that it owns. Layout
// (little-endian; core/plan.cpp): header {magic, version, section count, size, crc64}, section table, sections.
// Unknown sections are skipped and missing trailing settings keep their defaults, so that the resolver can read plans
// of the versions before and after its own.
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

inline constexpr std::uint32_t kPlanVersion = 1;
inline constexpr std::size_t kMaxPlanBytes = 64u << 20;
inline constexpr std::uint16_t kTypeAny = 255;

/// Limits and times of the resolver, with the defaults of what a plan leaves out. parse() clamps them to sane ranges.
struct PlanSettings {
    std::uint64_t cache_bytes = 16u << 20;
    std::uint64_t serve_stale_s = 3600;        // RFC 8767; 0: off
    std::uint64_t upstream_budget_ms = 4000;   // after this, upstreams that are silent to everybody have failed
    std::uint64_t client_patience_ms = 10000;  // how long a client asks before it gives up: timeout × attempts
    std::uint64_t max_inflight = 4096;         // distinct questions that wait for upstreams
    std::uint64_t tcp_max_clients = 256;
    std::uint64_t tcp_idle_ms = 10000;
    std::uint64_t max_udp_payload = 1232;  // our EDNS size, and the limit of UDP replies to other hosts
    std::uint64_t forward_test = 1;        // 0: names below "test" don't exist (RFC 6761 6.2)
    std::uint64_t query_log_sample = 0;    // one in this many queries goes to the query log; 0: none
    std::uint64_t trust_ad = 0;            // 1: AD of an upstream's reply is handed on (RFC 6840 5.7)
};

/// The sections of a DNS message after its question, in wire format. Names may be pointers to the
/// question, offset 12.
struct PlanAnswer {
    std::uint8_t rcode = 0;
    std::uint16_t answers = 0;      // ANCOUNT
    std::uint16_t authorities = 0;  // NSCOUNT
    Bytes wire;
    bool operator==(const PlanAnswer&) const = default;
};

/// The answers for one type: `fresh` while the verdicts are valid, afterwards `stale` (every address, the one that
/// worked last first).
struct PlanRrset {
    std::uint16_t type = 0;  // kTypeAny: the answer to ANY
    PlanAnswer fresh;
    PlanAnswer stale;
};

struct PlanOwner {
    Bytes name;                 // wire format, lower case, e.g. 3 'f' 'o' 'o' 0
    std::uint32_t link = 0;     // index into Plan::links
    bool ready = true;          // false: no address is known yet, so SERVFAIL + EDE 14
    Micros verdicts_until = 0;  // monotonic time of the boot with boot_id; when it has passed, `stale` is the answer
    std::vector<PlanRrset> rrsets;
    PlanAnswer other;     // the answer for every other type: NODATA with SOA
    std::string explain;  // one line for `postern resolve`: why these addresses
};

struct PlanUpstream {
    std::uint32_t id = 0;  // the key of its statistics; the same in every plan with this address
    SocketAddress address;
};

struct PlanLink {
    std::uint32_t id = 0;
    std::string name;
};

/// What the answer does with an address of a link.
enum class TargetState : std::uint8_t {
    kAnswered,
    kLeftOut,   // for another reason than those below
    kPathDown,  // withdrawn: it can't be reached
    kDrained,   // withdrawn: a person asked for that
};

/// An address that connections go to. Not for the resolver: by this, postern-free checks what it is asked to end.
struct PlanTarget {
    std::uint32_t link = 0;  // index into Plan::links
    SocketAddress address;
    TargetState state = TargetState::kLeftOut;
    bool free = false;  // the owner asks to end the connections that are lost there
    bool operator==(const PlanTarget&) const = default;
};

struct Plan {
    std::uint64_t generation = 0;  // (agent start counter << 32) + publication
    std::string boot_id;           // 32 hex digits
    Micros created_wall_us = 0;
    std::uint64_t membership = 0;  // hash of everything but verdicts and times
    PlanSettings settings;
    std::vector<SocketAddress> listen;
    std::vector<IpPrefix> allow;
    std::vector<PlanUpstream> upstreams;
    std::vector<PlanLink> links;
    std::vector<PlanOwner> owners;
    std::vector<PlanTarget> targets;
};

/// Errors: kTooLarge above kMaxPlanBytes or when an answer can't fit into a DNS message; kPlanInvalid when a name is
/// not in lower-case wire format.
Result<Bytes> serialize(const Plan& plan);

/// Why a plan was refused. The tokens (to_string) appear in metrics and in `postern plan show`.
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

/// A parsed plan. The views in it point into the bytes that it owns, so it can be moved but not copied.
class PlanView {
  public:
    static tl::expected<PlanView, PlanFault> parse(Bytes file);
    /// Reads the file, kMaxPlanBytes at most, and parses it. kMissing when there is none.
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
    std::vector<PlanTarget> targets;

  private:
    PlanView() = default;
    Bytes file_;
};

}  // namespace postern::core

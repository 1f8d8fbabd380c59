// SPDX-License-Identifier: Apache-2.0
// The list: which addresses each endpoint of a fleet has, as the cloud said it to the one host that asks. It holds what a
// reply of the API holds, so that hosts judge it by the same rules; no verdicts, no secrets. Pure; any thread.
//
// A signed list is one JSON document, and its signature is over exact bytes:
//
//   {"postern_list":1,"signatures":[{"key":"ed25519:…","signature":"…"}],"list":
//   BODY
//   }
//
// The signature is over "postern-list/1\n" and BODY, which is read after one of the keys has verified it, never before.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agent/crypto/ed25519.h"
#include "agent/endpoint/provider.h"
#include "core/clock.h"

namespace postern::agent {

using core::Micros;

inline constexpr int kListVersion = 1;
inline constexpr std::size_t kMaxListBytes = 4u << 20, kMaxListedEndpoints = 10000, kMaxListedZones = 64,
                             kMaxListSignatures = 4;
/// not_after is at most that long after written_at.
inline constexpr Micros kLongestValidity = 31 * core::kDay;
/// How far in the future written_at may be: a clock's mistake, as the API takes it.
inline constexpr Micros kClockTolerance = 15 * core::kMinute;

/// Which of two lists of a fleet is newer: by the number, and of the same number (two publishers at once) by the time.
struct ListNumber {
    std::uint64_t generation = 0;  // 0: none
    Micros written_wall_us = 0;
    auto operator<=>(const ListNumber&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct FleetList {
    std::string fleet;
    ListNumber number;
    std::string publisher;  // who wrote it: a host's name, for people
    Micros not_after_wall_us = 0;
    /// By endpoint ID, or "find:…" with the VPC in it. written_wall_us of each: when the cloud said it.
    std::map<std::string, EndpointReport> endpoints;

    Micros age(Micros now_wall_us) const { return now_wall_us - number.written_wall_us; }
    bool expired(Micros now_wall_us) const { return now_wall_us > not_after_wall_us; }
    /// Half of its validity is over: whoever writes it has missed several times.
    bool old(Micros now_wall_us) const { return age(now_wall_us) > (not_after_wall_us - number.written_wall_us) / 2; }
};

/// Why a list is not used. A closed set; the tokens appear in logs, metrics and JSON.
enum class ListProblem {
    kForm,       // not a list, or cut off
    kNewer,      // of a later version of this program
    kSignature,  // by none of the keys
    kContent,    // signed, and yet with values that no publisher writes
    kFleet,      // another fleet's
    kFuture,     // written in the future
    kExpired,    // past not_after
    kOlder,      // than the one seen last
};
std::string_view to_string(ListProblem problem);  // "signature"

struct ListRefusal {
    ListProblem problem = ListProblem::kForm;
    core::Message detail;  // for people: what was found
};

/// BODY.
std::string format_list(const FleetList& list);
/// The whole document; "" if a key can't sign. 1 to kMaxListSignatures keys.
std::string sign_list(std::string_view body, const std::vector<SigningKey>& keys);
/// Form, signature by one of `keys`, values and fleet; neither time nor number. Accepts any bytes.
tl::expected<FleetList, ListRefusal> open_list(std::string_view bytes, const std::vector<PublicKey>& keys,
                                               const std::string& fleet);
/// The rest, against the time and the newest list seen; nullopt: it may be used. The same list again is none.
std::optional<ListRefusal> why_not_now(const FleetList& list, const ListNumber& seen, Micros now_wall_us);

/// What a list keeps of a report: without what differs in every reply.
EndpointReport as_listed(const EndpointReport& report, Micros confirmed_wall_us);
/// Two lists say the same: they differ at most in number, publisher and times.
bool same_addresses(const FleetList& a, const FleetList& b);

}  // namespace postern::agent

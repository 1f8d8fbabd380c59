// SPDX-License-Identifier: Apache-2.0
// What postern-free is asked, and what it answers: a line each. Values and their written form; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ip_address.h"

namespace postern::agent {

inline constexpr std::size_t kMaxFreeLine = 128;  // of a request or a reply, with its end

/// End the connections to this address that are lost.
struct FreeRequest {
    core::SocketAddress address;

    std::string line() const;  // "10.0.1.23:443\n", "[fd00::1]:443\n"
    static std::optional<FreeRequest> parse(std::string_view line);
};

/// Why nothing was ended, or no more.
enum class FreeRefusal {
    kNone,
    kMalformed,    // not a request
    kNoPlan,       // the plan can't be read
    kNotManaged,   // the plan has no such address
    kNotAsked,     // the owner has not asked for it: neither free_stuck nor a drain with --free
    kAnswered,     // DNS still answers the address
    kAlone,        // no other address of the link is answered
    kOutdated,     // the verdict is too old to act on
    kNoRight,      // EPERM: CAP_NET_ADMIN is missing
    kUnsupported,  // the kernel can't end connections: CONFIG_INET_DIAG_DESTROY
    kFailed,       // the kernel refused for another reason
    kUnreachable,  // of the asker: postern-free does not answer
    kCount,
};
std::string_view to_string(FreeRefusal refusal);  // "not_managed"
/// For a person: what is wrong, and what to do about it.
const char* explain(FreeRefusal refusal);

struct FreeReply {
    FreeRefusal refusal = FreeRefusal::kNone;
    std::uint32_t freed = 0;  // ended now
    std::uint32_t left = 0;   // lost, too, but over the limit of a second: ask again

    std::string line() const;  // "freed 9 left 0\n", "freed 0 left 9 no_right\n"
    static std::optional<FreeReply> parse(std::string_view line);
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// What one upstream does with names, by three questions: for the root, which exists; for a name that exists; and for one
// that can't (RFC 6761: below "invalid").
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "agent/hostdns/takeover.h"
#include "core/error.h"

namespace postern::agent {

enum class UpstreamState {
    kUnknown,     // not asked, or of too long ago
    kWorks,       // it answers; of a server for private names alone this may be all that it does
    kSilent,      // no answer, or the network says so
    kRefused,     // REFUSED to every question
    kServfail,    // SERVFAIL to every question
    kNoNames,     // NXDOMAIN to every question, even for the root
    kOneAddress,  // the same address for a name that exists and for one that can't: a captive portal
};
std::string_view to_string(UpstreamState state);  // "one_address"

using ServerAnswer = core::Result<ListenerAnswer>;

struct UpstreamLook {
    UpstreamState state = UpstreamState::kUnknown;
    bool resolves = false;               // the name that exists has an address
    std::optional<core::IpAddress> one;  // of kOneAddress
};

/// Pure. `absent` is nullopt where it was not asked, because the server is silent.
UpstreamLook judge_look(const ServerAnswer& root, const ServerAnswer& existing,
                        const std::optional<ServerAnswer>& absent);

/// Asks the server. Blocks for `timeout_us` at most twice, where it is silent once.
UpstreamLook look_at_upstream(const core::SocketAddress& server, const std::string& existing_name,
                              core::Micros timeout_us);

}  // namespace postern::agent

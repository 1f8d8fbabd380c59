// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/upstream_look.h"

#include <algorithm>
#include <array>

#include "agent/hostdns/server_query.h"
#include "core/random.h"

namespace postern::agent {

namespace {

constexpr int kServfail = 2, kNxDomain = 3, kRefused = 5;

bool both(const ServerAnswer& a, const ServerAnswer& b, int rcode) {
    return a && b && a->rcode == rcode && b->rcode == rcode;
}

}  // namespace

std::string_view to_string(UpstreamState state) {
    constexpr std::array<std::string_view, 7> kWords = {"unknown",  "works",    "silent",     "refused",
                                                        "servfail", "no_names", "one_address"};
    return kWords[static_cast<std::size_t>(state)];
}

UpstreamLook judge_look(const ServerAnswer& root, const ServerAnswer& existing,
                        const std::optional<ServerAnswer>& absent) {
    UpstreamLook look;
    look.state = UpstreamState::kWorks;
    look.resolves = existing && !existing->addresses.empty();
    if (!root && !existing) {
        look.state = UpstreamState::kSilent;
    } else if (both(root, existing, kRefused)) {
        look.state = UpstreamState::kRefused;
    } else if (both(root, existing, kServfail)) {
        look.state = UpstreamState::kServfail;
    } else if (both(root, existing, kNxDomain)) {
        look.state = UpstreamState::kNoNames;
    } else if (look.resolves && absent && *absent) {
        const auto& invented = (*absent)->addresses;
        const auto shared = std::find_if(existing->addresses.begin(), existing->addresses.end(), [&](const auto& ip) {
            return std::find(invented.begin(), invented.end(), ip) != invented.end();
        });
        if (shared != existing->addresses.end()) {
            look.state = UpstreamState::kOneAddress;
            look.resolves = false;
            look.one = *shared;
        }
    }
    return look;
}

UpstreamLook look_at_upstream(const core::SocketAddress& server, const std::string& existing_name,
                              core::Micros timeout_us) {
    const ServerAnswer existing = ask_server(server, existing_name, timeout_us);
    const ServerAnswer root = ask_server(server, ".", timeout_us);
    if (!existing || existing->addresses.empty()) return judge_look(root, existing, std::nullopt);
    core::SystemRandom random;
    return judge_look(root, existing, ask_server(server, "postern-" + random.hex(16) + ".invalid", timeout_us));
}

}  // namespace postern::agent

// What a new reply does to the addresses that are served. Pure: the rules of withdrawal, as a table that tests walk.
//
// New addresses count at once; so does one that replaces another in its zone, and an end that the API states (Deleting,
// Disconnected). Where two replace each other by turns, both are served until one has stayed. Whatever merely stopped being mentioned stays for a while, and the last addresses stay for good: a reply
// that would leave nothing is more often a mistake than the truth, and a dead address costs no more than none.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/endpoint/provider.h"
#include "core/clock.h"

namespace postern::agent {

inline constexpr core::Micros kWithdrawalGrace = 10 * core::kMinute;

struct HeldAddresses {
    EndpointSet served;
    std::map<core::IpAddress, core::Micros> leaving;  // served though no longer ready: since when (monotonic)
    struct Replaced {
        core::Micros when = 0;
        int times = 0;
    };
    std::map<core::IpAddress, Replaced> replaced;  // by another of its zone, in the last kWithdrawalGrace
};

struct MergedAddresses {
    HeldAddresses held;
    bool confirmed = false;  // served is exactly what the reply says
    std::string doubt;       // why addresses are kept against the reply; "" when none are
};

/// `works` (may be empty): does a probe still reach this address? Then even a stated end waits for the grace time.
MergedAddresses merge_report(const HeldAddresses& held, const EndpointReport& report, core::Micros now_mono_us,
                             const std::function<bool(const core::IpAddress&)>& works);

/// "Deleting", "Disconnected", …: the cloud says that the end is meant.
bool is_stated_end(const std::string& status);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// What a new reply changes in the addresses that are served. Pure: the withdrawal rules, as a table that
// the tests cover.
//
// New addresses count at once; so does a replacement in the same zone, and an end that the API states (Deleting,
// Disconnected) while another address is left. If two addresses replace each other repeatedly, both are served until one has stayed. An address
// that is merely missing from the reply stays for a grace time, and the last addresses stay without limit: a reply
// that leaves none is more often an error than the truth, and a dead address is no worse than none.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "agent/endpoint/provider.h"
#include "core/clock.h"
#include "core/message.h"

namespace postern::agent {

inline constexpr core::Micros kWithdrawalGrace = 10 * core::kMinute;

struct HeldAddresses {
    EndpointSet served;
    std::map<core::IpAddress, core::Micros> leaving;  // served but no longer ready: since when (monotonic)
    struct Replaced {
        core::Micros when = 0;
        int times = 0;
    };
    std::map<core::IpAddress, Replaced> replaced;  // replaced by another of its zone within kWithdrawalGrace
    bool ended = false;  // the cloud has ended all of `served`; it is kept because the source has nothing else
};

struct MergedAddresses {
    HeldAddresses held;
    bool confirmed = false;  // served is exactly what the reply says
    core::Message doubt;     // why addresses are kept against the reply; "" if none are
};

/// `works` (may be empty): does a probe still reach this address? Then even a stated end waits for the grace time.
MergedAddresses merge_report(const HeldAddresses& held, const EndpointReport& report, core::Micros now_mono_us,
                             const std::function<bool(const core::IpAddress&)>& works);

/// The cloud states the end of all that the report is about.
bool has_ended(const EndpointReport& report);

/// "Deleting", "Disconnected", …: the cloud states a deliberate end.
bool is_stated_end(const std::string& status);

}  // namespace postern::agent

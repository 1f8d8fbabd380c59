// SPDX-License-Identifier: Apache-2.0
// The fleet, judged from the reports of its hosts: what no single host can tell, whether an address is down for all, for a
// zone's hosts, or for one host alone. A host that has not reported lately is counted neither as good nor as bad, and nothing
// definite is said while reports may still be under way, or of too few hosts. Pure; any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/faults/fault.h"
#include "agent/fleet/report_reader.h"

namespace postern::agent {

/// How hosts see an address.
struct Tally {
    std::size_t up = 0, degraded = 0, down = 0, unknown = 0;

    std::size_t reach() const { return up + degraded; }
    std::size_t all() const { return up + degraded + down + unknown; }
    void add(probe::State state);
    bool operator==(const Tally&) const = default;
};

struct SeenAddress {
    std::string name;  // the private DNS name
    core::IpAddress ip;
    std::string zone;                      // of the address
    Tally all;                             // of the hosts that report it, without stale ones
    std::map<std::string, Tally> by_zone;  // of the hosts; "" where a host does not know its own
    std::vector<std::string> down_for;     // hosts, the first kMaxNamed
    Micros newest_down_wall_us = 0;        // since when it is down for the host that noticed last
    Micros longest_interval_us = 0;        // of the hosts that report it
};

/// Hosts of one zone that say the same.
struct HostGroup {
    std::string zone, overall;
    std::vector<std::pair<core::IpAddress, probe::State>> not_up;  // sorted
    std::string worst;                                             // the code of the first one's worst fault
    std::vector<const HostReport*> hosts;                          // sorted by name
};

inline constexpr std::size_t kMaxNamed = 10;  // hosts in a sentence

struct FleetView {
    Micros now_wall_us = 0;
    std::shared_ptr<const FleetReports> reports;       // what the pointers below point into
    std::vector<const HostReport*> fresh, stale;       // by name; stale: the longest silent first
    std::map<std::string, std::size_t> versions;       // of the fresh ones
    std::size_t not_asking = 0;                        // fresh hosts that don't ask postern
    std::map<std::uint64_t, std::size_t> generations;  // of the list, of fresh hosts that have one
    std::vector<SeenAddress> addresses;                // by name, then zone and address
    std::vector<HostGroup> groups;                     // trouble first, then the most hosts
    std::vector<doctor::Fault> findings;               // worst first; of kSkip: what is not known yet
};

/// `reports` not null.
FleetView judge_fleet(std::shared_ptr<const FleetReports> reports, Micros now_wall_us);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// `postern doctor --fix`: the findings that postern can fix - the host's DNS, as `postern dns enable` does, and lines
// of /etc/hosts. commands/doctor prints the plan, asks, and runs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/doctor/judge.h"
#include "agent/faults/catalogue.h"
#include "agent/hostdns/decision.h"
#include "agent/hostdns/host_system.h"

namespace postern::agent::doctor {

/// The `postern dns` command to run, in hostdns/'s types.
struct DnsRepair {
    enum class Verb { kEnable, kReapply } verb = Verb::kEnable;
    Mode mode = Mode::kAuto;  // for kEnable
};

struct Repairs {
    std::vector<HostsLine> hosts;  // lines that become comments
    std::optional<DnsRepair> dns;  // run after that
    Findings by_hand;              // of the same kind, but not fixed here

    bool empty() const { return hosts.empty() && !dns; }
};

Repairs plan_repairs(const Findings& findings);

/// The plan as text; "" if it is empty.
std::string text_of(const Repairs& plan, const Catalogue& words);

/// Turns the planned lines, and no others, into comments; returns the path of the previous content,
/// "/etc/hosts.postern-…". Refuses if the file has changed since the plan. `names`: all private names.
core::Result<std::string> fix_hosts(HostSystem& host, const std::vector<HostsLine>& planned,
                                    const std::vector<std::string>& names, core::Micros wall_us);

}  // namespace postern::agent::doctor

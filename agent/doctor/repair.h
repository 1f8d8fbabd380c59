// `postern doctor --fix`: what of the findings postern can repair by itself - the host's DNS, as `postern dns enable` does,
// and lines of /etc/hosts. commands/doctor tells the plan, asks, and runs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/doctor/judge.h"
#include "agent/faults/catalogue.h"
#include "agent/hostdns/decision.h"
#include "agent/hostdns/host_system.h"

namespace postern::agent::doctor {

/// What `postern dns` does, in hostdns/'s words.
struct DnsRepair {
    enum class Verb { kEnable, kReapply } verb = Verb::kEnable;
    Mode mode = Mode::kAuto;  // of kEnable
};

struct Repairs {
    std::vector<HostsLine> hosts;  // lines that become comments
    std::optional<DnsRepair> dns;  // what follows
    Findings by_hand;              // of the same kind, but not ours to change

    bool empty() const { return hosts.empty() && !dns; }
};

Repairs plan_repairs(const Findings& findings);

/// The plan for people; "" when there is nothing to say.
std::string text_of(const Repairs& plan, const Catalogue& words);

/// Makes comments of the planned lines, and of no others; the file's path before, "/etc/hosts.postern-…", is returned.
/// Refuses when the file is not any more what was planned for. `names`: all private names.
core::Result<std::string> mend_hosts(HostSystem& host, const std::vector<HostsLine>& planned,
                                     const std::vector<std::string>& names, core::Micros wall_us);

}  // namespace postern::agent::doctor

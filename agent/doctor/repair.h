// `postern doctor --fix`: what of the findings postern can mend by itself - the host's DNS, as `postern dns enable` does,
// and lines of /etc/hosts -, told first and done only after a yes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/cli.h"
#include "agent/doctor/judge.h"
#include "agent/faults/catalogue.h"
#include "agent/hostdns/host_system.h"

namespace postern::agent::doctor {

struct Repairs {
    std::vector<HostsLine> hosts;   // lines that become comments
    std::optional<DnsCommand> dns;  // what follows
    Findings by_hand;               // of the same kind, but not ours to change

    bool empty() const { return hosts.empty() && !dns; }
};

Repairs plan_repairs(const Findings& findings, const std::string& config);

/// The plan for people; "" when there is nothing to say.
std::string text_of(const Repairs& plan, const Catalogue& words);

/// Makes comments of the planned lines, and of no others; the file's path before, "/etc/hosts.postern-…", is returned.
/// Refuses when the file is not any more what was planned for. `names`: all private names.
core::Result<std::string> mend_hosts(HostSystem& host, const std::vector<HostsLine>& planned,
                                     const std::vector<std::string>& names, core::Micros wall_us);

enum class Repaired { kNothing, kDone, kFailed };
/// Tells the plan on stderr, asks, and does it.
Repaired repair(const DoctorCommand& command, const Findings& findings, const Catalogue& words);

}  // namespace postern::agent::doctor

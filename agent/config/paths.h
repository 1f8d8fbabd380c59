// Where the files of a configuration lie. Pure; any thread.
#pragma once

#include <string>

#include "agent/config/config.h"

namespace postern::agent {

/// Paths of all files (FILES in the manual), below the two configured folders.
struct Paths {
    std::string snapshot, probe_log, history, verdicts, last_good_config, generation;  // state_dir
    std::string hostdns, instance;                                                     // state_dir; written by root
    std::string durable_plan, fallback;    // state; /var/lib/postern-plan by default
    std::string current_plan, agent_lock;  // runtime_dir
    std::string reapply_wish;              // postern-hostdns.path watches it
    std::string stats, resolver_lock;      // /run/postern-resolver by default
    std::string hostdns_lock;              // /run/postern-hostdns by default
};
Paths paths_of(const AgentConfig& config);

}  // namespace postern::agent

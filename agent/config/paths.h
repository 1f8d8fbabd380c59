// SPDX-License-Identifier: Apache-2.0
// Paths of the files, from a configuration, and which of them belong to the machine that wrote them. Pure; any thread.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"

namespace postern::agent {

/// Paths of all files (FILES in the manual), below the two configured folders.
struct Paths {
    std::string snapshot, probe_log, history, verdicts, drains, last_good_config, generation;  // state_dir
    std::string hostdns, instance;         // state_dir; written by root
    std::string durable_plan, fallback;    // state; /var/lib/postern-plan by default
    std::string current_plan, agent_lock;  // runtime_dir
    std::string reapply_wish;              // postern-hostdns.path watches it
    std::string stats, resolver_lock;      // /run/postern-resolver by default
    std::string hostdns_lock, host_path;   // /run/postern-hostdns by default; written by root
    std::string free_socket;               // of postern-free; /run/postern-free by default
};
Paths paths_of(const AgentConfig& config);

/// What happens to a file when an image of its machine starts as another machine: a clone must not use its data.
enum class OnClone { kDiscarded, kStays };

struct PathRow {
    std::string Paths::*path;
    OnClone on_clone;
    std::array<std::string_view, 2> copies = {};  // ".previous": also PATH.previous
    bool numbered = false;                        // also PATH.1, PATH.2, …
};
inline constexpr std::array kPathTable = {
    PathRow{&Paths::snapshot, OnClone::kDiscarded, {".previous", ".unusable"}},
    PathRow{&Paths::probe_log, OnClone::kDiscarded, {}, true},
    PathRow{&Paths::history, OnClone::kDiscarded, {".unusable"}},
    PathRow{&Paths::verdicts, OnClone::kDiscarded},
    PathRow{&Paths::drains, OnClone::kDiscarded, {".unusable"}},
    PathRow{&Paths::last_good_config, OnClone::kDiscarded},
    PathRow{&Paths::generation, OnClone::kDiscarded},
    PathRow{&Paths::hostdns, OnClone::kStays, {".refused"}},  // removed when the host has its own DNS back
    PathRow{&Paths::instance, OnClone::kStays},               // the identity of this machine
    PathRow{&Paths::durable_plan, OnClone::kDiscarded},
    PathRow{&Paths::fallback, OnClone::kDiscarded},
    PathRow{&Paths::current_plan, OnClone::kDiscarded},
    PathRow{&Paths::agent_lock, OnClone::kStays},  // as all locks: a new file would not exclude the old holder
    PathRow{&Paths::reapply_wish, OnClone::kDiscarded},
    PathRow{&Paths::stats, OnClone::kStays},  // the resolver starts a new one
    PathRow{&Paths::resolver_lock, OnClone::kStays},
    PathRow{&Paths::hostdns_lock, OnClone::kStays},
    PathRow{&Paths::host_path, OnClone::kDiscarded},
    PathRow{&Paths::free_socket, OnClone::kStays},  // systemd's
};
static_assert(sizeof(Paths) == kPathTable.size() * sizeof(std::string), "a path without a row in the table");

/// The folders of these files, each once.
std::vector<std::string> folders_of(const Paths& paths);
/// Whether a clone removes this name from this folder. Unfinished writes of these files are removed,
/// foreign names never.
bool discarded_on_clone(const Paths& paths, const std::string& folder, std::string_view name);

}  // namespace postern::agent

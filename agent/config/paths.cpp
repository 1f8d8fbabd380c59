// SPDX-License-Identifier: Apache-2.0
#include "agent/config/paths.h"

#include <algorithm>

#include "core/file_system.h"
#include "core/temporary_name.h"

namespace postern::agent {
namespace {

bool is_numbered(std::string_view name, const std::string& of) {
    if (!name.starts_with(of + ".")) return false;
    name.remove_prefix(of.size() + 1);
    return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

}  // namespace

Paths paths_of(const AgentConfig& config) {
    const AgentConfig usual;
    // Configured folders hold everything; the default ones are separate by owner.
    const bool state_moved = config.state_dir != usual.state_dir;
    const bool runtime_moved = config.runtime_dir != usual.runtime_dir;
    const std::string& state = config.state_dir;
    const std::string& runtime = config.runtime_dir;
    const std::string plan = state_moved ? state : "/var/lib/postern-plan";
    const std::string resolver = runtime_moved ? runtime : "/run/postern-resolver";
    const std::string hostdns = runtime_moved ? runtime : "/run/postern-hostdns";
    return {
        .snapshot = state + "/snapshot.json",
        .probe_log = state + "/probe.log",
        .history = state + "/history",
        .verdicts = state + "/verdicts.json",
        .drains = state + "/drains.json",
        .last_good_config = state + "/last-good.toml",
        .generation = state + "/generation",
        .hostdns = state + "/hostdns.json",
        .instance = state + "/instance",
        .durable_plan = plan + "/plan",
        .fallback = plan + "/fallback-upstreams",
        .current_plan = runtime + "/plan",
        .agent_lock = runtime + "/agent.lock",
        .reapply_wish = runtime + "/reapply",
        .stats = resolver + "/stats",
        .resolver_lock = resolver + "/resolver.lock",
        .hostdns_lock = hostdns + "/hostdns.lock",
        .host_path = hostdns + "/host-path.json",
        .free_socket = (runtime_moved ? runtime : "/run/postern-free") + "/free.socket",
    };
}

std::vector<std::string> folders_of(const Paths& paths) {
    std::vector<std::string> folders;
    for (const PathRow& row : kPathTable)
        folders.push_back(core::folder_of(paths.*row.path));
    std::sort(folders.begin(), folders.end());
    folders.erase(std::unique(folders.begin(), folders.end()), folders.end());
    return folders;
}

bool discarded_on_clone(const Paths& paths, const std::string& folder, std::string_view name) {
    return std::any_of(kPathTable.begin(), kPathTable.end(), [&](const PathRow& row) {
        const std::string& path = paths.*row.path;
        if (core::folder_of(path) != folder) return false;
        const std::string first = path.substr(path.rfind('/') + 1);
        bool is_own = name == first || (row.numbered && is_numbered(name, first));
        bool is_unfinished = core::is_temporary_of(name, first);
        for (const auto copy : row.copies) {
            is_own = is_own || name == first + std::string(copy);
            is_unfinished = is_unfinished || core::is_temporary_of(name, first + std::string(copy));
        }
        return is_unfinished || (is_own && row.on_clone == OnClone::kDiscarded);
    });
}

}  // namespace postern::agent

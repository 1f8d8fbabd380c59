#include "agent/config/paths.h"

namespace postern::agent {

Paths paths_of(const AgentConfig& config) {
    const AgentConfig usual;
    // Configured folders hold everything; the default ones are separate by owner.
    const bool state_moved = config.state_dir != usual.state_dir;
    const bool runtime_moved = config.runtime_dir != usual.runtime_dir;
    const std::string& state = config.state_dir;
    const std::string& runtime = config.runtime_dir;
    const std::string plan = state_moved ? state : "/var/lib/postern-plan";
    const std::string resolver = runtime_moved ? runtime : "/run/postern-resolver";
    return {
        .snapshot = state + "/snapshot.json",
        .probe_log = state + "/probe.log",
        .history = state + "/history",
        .verdicts = state + "/verdicts.json",
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
        .hostdns_lock = (runtime_moved ? runtime : "/run/postern-hostdns") + "/hostdns.lock",
    };
}

}  // namespace postern::agent

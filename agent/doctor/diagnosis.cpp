// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/diagnosis.h"

#include <algorithm>

#include "agent/doctor/fold.h"

namespace postern::agent::doctor {

namespace {

bool lets_in(const std::optional<CloudSeen>& cloud, const std::string& link) {
    return cloud && std::any_of(cloud->endpoints.begin(), cloud->endpoints.end(), [&](const EndpointSeen& e) {
               return e.link == link && e.info && e.info->report.connection_status == "Connected" && e.access &&
                      e.access->judgement.access == Access::kYes;
           });
}

/// A token that only root may read is not missing; where the agent has it, the agent's probes tell.
void without_token(const Findings& config, const LinkConfig& link, const std::optional<AgentSeen>& agent,
                   Findings& findings) {
    const bool secret = std::any_of(config.begin(), config.end(), [&](const Finding& f) {
        return f.step == Step::kConfig && f.link == link.name && f.because == kNoRoot;
    });
    for (Finding& f : findings) {
        if (!secret || (f.code != "PN-SQL-NO-TOKEN" && f.because != "PN-SQL-NO-TOKEN")) continue;
        const auto ip = core::IpAddress::parse(f.ip);
        const bool served =
            agent && ip &&
            std::find(agent->serves.begin(), agent->serves.end(), std::pair(link.name, *ip)) != agent->serves.end();
        f = skipped(f.step, link.name, f.ip, served ? kAgentAsks : kNoRoot);
    }
}

Findings of_links(const Seen& seen, const Findings& config, core::Micros now) {
    const auto& links = seen.config.config->links;
    if (links.empty()) return {skipped(Step::kAddress, {}, {}, "PN-CONFIG-NO-LINK")};
    if (!seen.paths) return out_of_time({Step::kAddress, Step::kTcp, Step::kTls, Step::kHttp, Step::kSql, Step::kWs});
    const bool chosen = seen.config.narrowed;
    Findings out;
    for (const LinkConfig& link : links) {
        std::vector<PathSeen> paths;
        for (const auto& path : *seen.paths) {
            if (path.target.link == link.name) paths.push_back(path);
        }
        Findings findings = judge_path(link.name, paths, now, lets_in(seen.cloud, link.name), chosen);
        if (seen.cloud && seen.cloud->credentials && !chosen) {
            const Findings drift = judge_drift(link, paths, *seen.cloud);
            findings.insert(findings.end(), drift.begin(), drift.end());
        }
        without_token(config, link, seen.agent, findings);
        out.insert(out.end(), findings.begin(), findings.end());
    }
    return out;
}

}  // namespace

Findings out_of_time(std::initializer_list<Step> steps) {
    Findings out;
    for (const Step step : steps)
        out.push_back(skipped(step, {}, {}, kNoTime));
    return out;
}

void arrange(const Findings& earlier, Findings& findings) {
    merge_host_limits(findings);
    std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
    fold(earlier, findings);
}

Findings diagnose(const Seen& seen, core::Micros now_wall_us) {
    const Config& config = *seen.config.config;
    const Findings of_config = judge_config(seen.config);
    Findings all = of_config;
    const auto gather = [&all](const Findings& some) { all.insert(all.end(), some.begin(), some.end()); };
    gather(seen.pod     ? Findings{skipped(Step::kAgent, {}, {}, kInPod)}
           : seen.agent ? judge_agent(*seen.agent)
                        : out_of_time({Step::kAgent}));
    gather(seen.cloud ? judge_cloud(*seen.cloud, seen.agent && seen.agent->discovers)
                      : out_of_time({Step::kCredentials, Step::kApi, Step::kEndpoint, Step::kSecurityGroup}));
    gather(judge_zones(config, seen.targets, seen.cloud.value_or(CloudSeen{}), seen.agent.value_or(AgentSeen{})));
    gather(seen.pod                ? judge_pod(*seen.pod, seen.paths.value_or(std::vector<PathSeen>{}))
           : seen.host && seen.dns ? judge_dns(*seen.dns, *seen.host)
                                   : out_of_time({Step::kStub, Step::kSystem, Step::kHosts, Step::kResolvConf}));
    const bool no_upstream =
        std::any_of(all.begin(), all.end(), [](const auto& f) { return f.code == "PN-STUB-FORWARD"; });
    if (seen.paths) allow_what_passes(all, *seen.paths);
    gather(of_links(seen, of_config, now_wall_us));
    gather(seen.host ? judge_environment(*seen.host, config.hosts(), no_upstream, config.dns.listen,
                                         seen.agent ? seen.agent->connections : std::vector<ConnectionsSeen>{})
                     : out_of_time({Step::kEnvironment}));
    arrange({}, all);
    return all;
}

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/chain.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "agent/doctor/fold.h"
#include "agent/doctor/observe.h"
#include "agent/faults/codes.h"
#include "core/loop.h"

namespace postern::agent::doctor {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

/// A part that runs in parallel. One that has not ended in time is abandoned: the process ends soon.
template <class Seen>
class Part {
  public:
    template <class Look>
    explicit Part(Look look) {
        auto task = std::make_shared<std::packaged_task<Seen()>>(std::move(look));
        seen_ = task->get_future();
        std::thread([task] { (*task)(); }).detach();
    }
    /// Null if it is not done in time.
    const Seen* by(Deadline deadline) {
        if (!value_ && seen_.valid() && seen_.wait_until(deadline) == std::future_status::ready) value_ = seen_.get();
        return value_ ? &*value_ : nullptr;
    }

  private:
    std::future<Seen> seen_;
    std::optional<Seen> value_;
};

class Walk {
  public:
    Walk(const Request& request, const Listener& listener)
        : request_(request),
          listener_(listener),
          deadline_(std::chrono::steady_clock::now() + std::chrono::microseconds(request.timeout_us)) {}

    Findings go() {
        config_ = look_at_config(request_);
        add(judge_config(config_));
        targets_ = look_for_targets(request_, config_);
        Part<std::vector<PathSeen>> paths([targets = targets_] { return look_at_paths(targets); });
        if (config_.config)
            configured(paths);
        else if (config_.used)
            unconfigured();
        else
            bare(paths);
        return std::move(all_);
    }

  private:
    /// The whole chain. Early steps may be explained by later ones (no DNS, no API), so the parts before the paths
    /// are reported together.
    void configured(Part<std::vector<PathSeen>>& paths) {
        const Config& config = *config_.config;
        Part<AgentSeen> agent([config] { return look_at_agent(config); });
        Part<CloudSeen> cloud([config, targets = targets_] { return look_at_cloud(config, targets); });
        Part<HostSeen> host([config] { return look_at_host(config, config.hosts()); });
        Part<DnsSeen> dns([config, targets = targets_] { return look_at_dns(config, targets); });
        const AgentSeen* agent_seen = wait(agent, Step::kAgent);
        const CloudSeen* cloud_seen = wait(cloud, Step::kApi);
        const HostSeen* host_seen = wait(host, Step::kResolvConf);
        const DnsSeen* dns_seen = wait(dns, Step::kSystem);
        Findings near;
        const auto gather = [&near](Findings some) { near.insert(near.end(), some.begin(), some.end()); };
        gather(agent_seen != nullptr ? judge_agent(*agent_seen) : out_of_time({Step::kAgent}));
        gather(cloud_seen != nullptr
                   ? judge_cloud(*cloud_seen, agent_seen != nullptr && agent_seen->discovers)
                   : out_of_time({Step::kCredentials, Step::kApi, Step::kEndpoint, Step::kSecurityGroup}));
        gather(judge_zones(config, targets_, cloud_seen != nullptr ? *cloud_seen : CloudSeen{},
                           agent_seen != nullptr ? *agent_seen : AgentSeen{}));
        gather(host_seen != nullptr && dns_seen != nullptr
                   ? judge_dns(*dns_seen, *host_seen)
                   : out_of_time({Step::kStub, Step::kSystem, Step::kHosts, Step::kResolvConf}));
        add(std::move(near));
        const std::vector<PathSeen>* paths_seen = wait(paths, Step::kTcp);
        const auto others =
            cloud_seen != nullptr ? targets_in(*cloud_seen, config, targets_) : std::vector<probe::ProbeTarget>();
        Part<std::vector<PathSeen>> more([others] { return look_at_paths(others); });
        const std::vector<PathSeen>* more_seen = wait(more, Step::kTcp);
        std::vector<PathSeen> together;
        for (const auto* some : {paths_seen, more_seen}) {
            if (some != nullptr) together.insert(together.end(), some->begin(), some->end());
        }
        tell_paths(paths_seen != nullptr && more_seen != nullptr ? &together : nullptr, cloud_seen);
        const std::vector<ConnectionsSeen> none;
        const bool no_upstream =
            std::any_of(all_.begin(), all_.end(), [](const auto& f) { return f.code == "PN-STUB-FORWARD"; });
        add(host_seen != nullptr ? judge_environment(*host_seen, config.hosts(), no_upstream, config.dns.listen,
                                                     agent_seen != nullptr ? agent_seen->connections : none)
                                 : out_of_time({Step::kEnvironment}));
    }

    /// The file is missing or wrong: only the host can be checked.
    void unconfigured() {
        const std::string because = all_.front().state == State::kSkip ? all_.front().because : all_.front().code;
        Findings none;
        for (int s = static_cast<int>(Step::kAgent); s < static_cast<int>(Step::kEnvironment); ++s)
            none.push_back(skipped(static_cast<Step>(s), {}, {}, because));
        add(std::move(none));
        add(judge_environment(look_at_host({}, {}), {}, false));
    }

    /// The target is from the command line: what programs get for the name, the addresses, and the environment.
    void bare(Part<std::vector<PathSeen>>& paths) {
        const std::vector<std::string> names = {request_.target.host};
        Part<HostSeen> host([names] { return look_at_host({}, names); });
        Part<DnsSeen> dns([targets = targets_] { return look_at_dns(std::nullopt, targets); });
        for (const Step step : {Step::kAgent, Step::kCredentials, Step::kApi, Step::kEndpoint})
            add({skipped(step)});
        const HostSeen* host_seen = wait(host, Step::kResolvConf);
        const DnsSeen* dns_seen = wait(dns, Step::kSystem);
        add(host_seen != nullptr && dns_seen != nullptr ? judge_dns(*dns_seen, *host_seen)
                                                        : out_of_time({Step::kSystem, Step::kHosts}));
        tell_paths(wait(paths, Step::kTcp), nullptr);
        if (host_seen != nullptr) add(judge_environment(*host_seen, names, false));
    }

    void tell_paths(const std::vector<PathSeen>* paths, const CloudSeen* cloud) {
        if (paths == nullptr)
            return add(out_of_time({Step::kAddress, Step::kTcp, Step::kTls, Step::kHttp, Step::kSql, Step::kWs}));
        if (!config_.config) return add(judge_path("", *paths, core::now_wall_us()));
        if (config_.config->links.empty()) return add({skipped(Step::kAddress, {}, {}, "PN-CONFIG-NO-LINK")});
        for (const LinkConfig& link : config_.config->links) {
            std::vector<PathSeen> of_link;
            for (const auto& path : *paths) {
                if (path.target.link == link.name) of_link.push_back(path);
            }
            Findings findings = judge_path(link.name, of_link, core::now_wall_us(), lets_in(cloud, link.name));
            if (cloud != nullptr && cloud->credentials && request_.target.addresses.empty()) {
                const Findings drift = judge_drift(link, of_link, *cloud);
                findings.insert(findings.end(), drift.begin(), drift.end());
            }
            without_token(link.name, findings);
            add(std::move(findings));
        }
    }

    /// A token that only root may read is not missing.
    void without_token(const std::string& link, Findings& findings) const {
        const bool secret = std::any_of(all_.begin(), all_.end(), [&](const Finding& f) {
            return f.step == Step::kConfig && f.link == link && f.because == kNoRoot;
        });
        for (Finding& f : findings) {
            if (secret && f.code == "PN-SQL-NO-TOKEN") f = skipped(Step::kSql, link, f.ip, kNoRoot);
        }
    }

    template <class Seen>
    const Seen* wait(Part<Seen>& part, Step step) {
        const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        if (const Seen* seen = part.by(std::min(soon, deadline_))) return seen;
        if (listener_.waiting) listener_.waiting(step);
        return part.by(deadline_);
    }

    static bool lets_in(const CloudSeen* cloud, const std::string& link) {
        return cloud != nullptr &&
               std::any_of(cloud->endpoints.begin(), cloud->endpoints.end(), [&](const EndpointSeen& e) {
                   return e.link == link && e.info && e.info->report.connection_status == "Connected" && e.access &&
                          e.access->judgement.access == Access::kYes;
               });
    }

    static Findings out_of_time(std::initializer_list<Step> steps) {
        Findings out;
        for (const Step step : steps)
            out.push_back(skipped(step, {}, {}, kNoTime));
        return out;
    }

    /// Selected by step or code; unselected findings still explain selected ones.
    bool chosen(const Finding& f) const {
        const auto named = [&f](const std::vector<std::string>& list) {
            return std::any_of(list.begin(), list.end(), [&f](const std::string& name) {
                return name == to_string(f.step) || name == f.code || name == step_code(f.step);
            });
        };
        return (request_.only.empty() || named(request_.only)) && !named(request_.skip);
    }

    void add(Findings findings) {
        std::stable_sort(findings.begin(), findings.end(),
                         [](const auto& a, const auto& b) { return a.step < b.step; });
        fold(all_, findings);
        Findings told;
        for (auto& f : findings) {
            if (chosen(f)) told.push_back(f);
            all_.push_back(std::move(f));
        }
        listener_.found(told);
    }

    const Request& request_;
    const Listener& listener_;
    Deadline deadline_;
    ConfigSeen config_;
    std::vector<probe::ProbeTarget> targets_;
    Findings all_;
};

}  // namespace

Findings walk(const Request& request, const Listener& listener) {
    return Walk(request, listener).go();
}

}  // namespace postern::agent::doctor

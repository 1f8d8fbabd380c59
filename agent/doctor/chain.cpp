// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/chain.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "agent/doctor/diagnosis.h"
#include "agent/doctor/observe.h"
#include "agent/faults/codes.h"
#include "core/loop.h"

namespace postern::agent::doctor {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

/// A part that runs in parallel. One that has not ended in time is abandoned: the process ends soon.
template <class Value>
class Part {
  public:
    template <class Look>
    explicit Part(Look look) {
        auto task = std::make_shared<std::packaged_task<Value()>>(std::move(look));
        seen_ = task->get_future();
        std::thread([task] { (*task)(); }).detach();
    }
    /// Null if it is not done in time.
    const Value* by(Deadline deadline) {
        if (!value_ && seen_.valid() && seen_.wait_until(deadline) == std::future_status::ready) value_ = seen_.get();
        return value_ ? &*value_ : nullptr;
    }

  private:
    std::future<Value> seen_;
    std::optional<Value> value_;
};

class Walk {
  public:
    Walk(const Request& request, const Listener& listener)
        : request_(request),
          listener_(listener),
          deadline_(std::chrono::steady_clock::now() + std::chrono::microseconds(request.timeout_us)) {}

    Findings go() {
        config_ = look_at_config(request_);
        if (!config_.config) add(judge_config(config_));
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
    /// The whole chain. Any step may be explained by any other (no DNS, no free port, a path that passes in spite of a
    /// rule), so all are judged together.
    void configured(Part<std::vector<PathSeen>>& paths) {
        const Config& config = *config_.config;
        // An address of the command line is probed; what DNS and the cloud should say is about all of the link's.
        const auto expected = config_.narrowed ? expected_targets() : targets_;
        Part<AgentSeen> agent([config] { return look_at_agent(config); });
        Part<CloudSeen> cloud([config, targets = expected] { return look_at_cloud(config, targets); });
        Part<HostSeen> host([config] { return look_at_host(config, config.hosts()); });
        Part<DnsSeen> dns([config, targets = expected] { return look_at_dns(config, targets); });
        const AgentSeen* agent_seen = wait(agent, Step::kAgent);
        const CloudSeen* cloud_seen = wait(cloud, Step::kApi);
        const HostSeen* host_seen = wait(host, Step::kResolvConf);
        const DnsSeen* dns_seen = wait(dns, Step::kSystem);
        const bool pod_view = is_pod(agent_seen);
        Part<PodSeen> pod([names = pod_view && dns_seen != nullptr ? dns_seen->names : std::vector<NameSeen>()] {
            return look_at_pod(names);
        });
        const std::vector<PathSeen>* paths_seen = wait(paths, Step::kTcp);
        const auto others = cloud_seen != nullptr && !config_.narrowed ? targets_in(*cloud_seen, config, targets_)
                                                                       : std::vector<probe::ProbeTarget>();
        Part<std::vector<PathSeen>> more([others] { return look_at_paths(others); });
        const std::vector<PathSeen>* more_seen = wait(more, Step::kTcp);
        std::vector<PathSeen> together;
        for (const auto* some : {paths_seen, more_seen}) {
            if (some != nullptr) together.insert(together.end(), some->begin(), some->end());
        }
        Seen seen{config_, expected, {}, {}, {}, {}, {}};
        if (agent_seen != nullptr) seen.agent = *agent_seen;
        if (cloud_seen != nullptr) seen.cloud = *cloud_seen;
        if (dns_seen != nullptr) seen.dns = *dns_seen;
        if (host_seen != nullptr) seen.host = *host_seen;
        if (pod_view) {
            if (const PodSeen* pod_seen = wait(pod, Step::kSystem)) seen.pod = *pod_seen;
        }
        if (paths_seen != nullptr && more_seen != nullptr) seen.paths = std::move(together);
        tell(diagnose(seen, core::now_wall_us()));
    }

    /// A pod of its own: one in which the agent runs, as those of the DaemonSet, is looked at as a host.
    bool is_pod(const AgentSeen* agent) const {
        return request_.pod || (in_pod() && (agent == nullptr || agent->state == AgentState::kDown));
    }

    std::vector<probe::ProbeTarget> expected_targets() const {
        Request all = request_;
        all.target.addresses.clear();
        return look_for_targets(all, config_);
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
        const bool pod_view = is_pod(nullptr) && dns_seen != nullptr;
        Part<PodSeen> pod(
            [names = pod_view ? dns_seen->names : std::vector<NameSeen>()] { return look_at_pod(names); });
        const std::vector<PathSeen>* paths_seen = wait(paths, Step::kTcp);
        const PodSeen* pod_seen = pod_view ? wait(pod, Step::kSystem) : nullptr;
        add(pod_seen != nullptr ? judge_pod(*pod_seen, paths_seen != nullptr ? *paths_seen : std::vector<PathSeen>{})
            : host_seen != nullptr && dns_seen != nullptr ? judge_dns(*dns_seen, *host_seen)
                                                          : out_of_time({Step::kSystem, Step::kHosts}));
        add(paths_seen != nullptr
                ? judge_path("", *paths_seen, core::now_wall_us(), false, true)
                : out_of_time({Step::kAddress, Step::kTcp, Step::kTls, Step::kHttp, Step::kSql, Step::kWs}));
        if (host_seen != nullptr) add(judge_environment(*host_seen, names, false));
    }

    template <class Value>
    const Value* wait(Part<Value>& part, Step step) {
        const auto soon = std::chrono::steady_clock::now() + std::chrono::seconds(1);
        if (const Value* seen = part.by(std::min(soon, deadline_))) return seen;
        if (listener_.waiting) listener_.waiting(step);
        return part.by(deadline_);
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
        arrange(all_, findings);
        tell(std::move(findings));
    }

    void tell(Findings findings) {
        Findings told;
        for (auto& f : findings) {
            if (chosen(f))
                told.push_back(f);
            else if (listener_.left_out)
                listener_.left_out(f);
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

#include "agent/doctor/chain.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "agent/doctor/codes.h"
#include "agent/doctor/observe.h"

namespace postern::agent::doctor {

namespace {

using Deadline = std::chrono::steady_clock::time_point;

core::Micros now_wall_us() {
    return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// A part that runs beside the others. One that has not ended in time is left behind: the process ends soon.
template <class Seen>
class Part {
  public:
    template <class Look>
    explicit Part(Look look) {
        auto task = std::make_shared<std::packaged_task<Seen()>>(std::move(look));
        seen_ = task->get_future();
        std::thread([task] { (*task)(); }).detach();
    }
    /// Null when it is not there in time.
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
    Walk(const DoctorCommand& command, const std::function<void(const Findings&)>& tell)
        : command_(command), tell_(tell), deadline_(std::chrono::steady_clock::now() +
                                                    std::chrono::microseconds(command.timeout_us)) {}

    Findings go() {
        const ConfigSeen config = look_at_config(command_);
        add(judge_config(config));
        const auto targets = look_for_targets(command_, config);
        // What is looked at needs a configuration: without one, that of a host with nothing configured.
        const Config used = config.config.value_or(Config{});
        Part<std::vector<PathSeen>> paths([targets] { return look_at_paths(targets); });
        if (!config.config) {
            for (const Step step : {Step::kAgent, Step::kCredentials, Step::kApi, Step::kEndpoint, Step::kStub, Step::kSystem, Step::kHosts, Step::kResolvConf})
                add({skipped(step, {}, {}, all_.front().state == State::kFail ? all_.front().code : "")});
            tell_paths(paths.by(deadline_), {""}, targets, nullptr);
            add(judge_environment(look_at_host(used), names(used, targets), false));
            return std::move(all_);
        }
        Part<AgentSeen> agent([used] { return look_at_agent(used); });
        Part<CloudSeen> cloud([used] { return look_at_cloud(used); });
        Part<HostSeen> host([used] { return look_at_host(used); });
        Part<DnsSeen> dns([used, targets] { return look_at_dns(used, targets); });
        if (const auto* seen = agent.by(deadline_)) add(judge_agent(*seen));
        else out_of_time({Step::kAgent});
        const CloudSeen* cloud_seen = cloud.by(deadline_);
        if (cloud_seen != nullptr) add(judge_cloud(*cloud_seen));
        else out_of_time({Step::kCredentials, Step::kApi, Step::kEndpoint, Step::kSecurityGroup});
        const HostSeen* host_seen = host.by(deadline_);
        const DnsSeen* dns_seen = dns.by(deadline_);
        if (host_seen != nullptr && dns_seen != nullptr) add(judge_dns(*dns_seen, *host_seen));
        else out_of_time({Step::kStub, Step::kSystem, Step::kHosts, Step::kResolvConf});
        std::vector<std::string> links;
        for (const auto& link : used.links) links.push_back(link.name);
        tell_paths(paths.by(deadline_), links, targets, cloud_seen);
        const bool no_upstream = std::any_of(all_.begin(), all_.end(), [](const auto& f) { return f.code == "PN-STUB-FORWARD"; });
        if (host_seen != nullptr) add(judge_environment(*host_seen, names(used, targets), no_upstream));
        else out_of_time({Step::kEnvironment});
        return std::move(all_);
    }

  private:
    static std::vector<std::string> names(const Config& config, const std::vector<probe::ProbeTarget>& targets) {
        std::vector<std::string> out = config.hosts();
        if (out.empty() && !targets.empty()) out.push_back(targets[0].spec->host);
        return out;
    }

    void tell_paths(const std::vector<PathSeen>* paths, const std::vector<std::string>& links,
                    const std::vector<probe::ProbeTarget>& targets, const CloudSeen* cloud) {
        if (paths == nullptr) return out_of_time({Step::kAddress, Step::kTcp, Step::kTls, Step::kHttp, Step::kSql});
        if (links.empty()) return add({skipped(Step::kAddress)});
        for (const auto& link : links) {
            std::vector<PathSeen> of_link;
            for (std::size_t i = 0; i < paths->size(); ++i) {
                if (targets[i].link == link) of_link.push_back((*paths)[i]);
            }
            add(judge_path(link, of_link, now_wall_us(), lets_in(cloud, link)));
        }
    }

    static bool lets_in(const CloudSeen* cloud, const std::string& link) {
        return cloud != nullptr && std::any_of(cloud->endpoints.begin(), cloud->endpoints.end(), [&](const EndpointSeen& e) {
            return e.link == link && e.info && e.info->report.connection_status == "Connected" && e.access &&
                   e.access->judgement.access == Access::kYes;
        });
    }

    void out_of_time(std::initializer_list<Step> steps) {
        for (const Step step : steps) add({skipped(step, {}, {}, "time")});
    }

    /// Chosen by step or code; what is not chosen still explains what is.
    bool chosen(const Finding& f) const {
        const auto named = [&f](const std::vector<std::string>& list) {
            return std::any_of(list.begin(), list.end(), [&f](const std::string& name) {
                return name == to_string(f.step) || name == f.code || name == step_code(f.step);
            });
        };
        return (command_.only.empty() || named(command_.only)) && !named(command_.skip);
    }

    void add(Findings findings) {
        std::stable_sort(findings.begin(), findings.end(), [](const auto& a, const auto& b) { return a.step < b.step; });
        fold(all_, findings);
        Findings told;
        for (auto& f : findings) {
            if (chosen(f)) told.push_back(f);
            all_.push_back(std::move(f));
        }
        tell_(told);
    }

    const DoctorCommand& command_;
    const std::function<void(const Findings&)>& tell_;
    Deadline deadline_;
    Findings all_;
};

}  // namespace

Findings walk(const DoctorCommand& command, const std::function<void(const Findings&)>& tell) {
    return Walk(command, tell).go();
}

}  // namespace postern::agent::doctor

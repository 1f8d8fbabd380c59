// SPDX-License-Identifier: Apache-2.0
// The core of the agent: addresses from discovery → targets → results → verdicts → answers → plan input. Sockets,
// files and the cloud are behind interfaces, so tests/sim runs it for hours on a fake clock. Owned by the app,
// loop thread only.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config/config.h"
#include "agent/connections/summary.h"
#include "agent/discovery/endpoint_sync.h"
#include "agent/hostdns/upstreams.h"
#include "agent/status/status.h"
#include "agent/steering/answer_policy.h"
#include "agent/steering/comparison.h"
#include "agent/steering/drains.h"
#include "agent/steering/plan_compiler.h"
#include "agent/steering/schedule_watch.h"
#include "agent/steering/vpc_answers.h"
#include "probe/history.h"
#include "probe/probe_launcher.h"
#include "probe/scheduler.h"
#include "probe/verdict.h"

namespace postern::agent {

class Steering final : private EndpointSync::Listener {
  public:
    /// The outputs, and the one input that it asks for: implemented by the app, and by the simulations.
    class Outside {
      public:
        virtual ~Outside() = default;
        virtual void publish(PlanInput input) = 0;                // the publisher sets generation and boot ID
        virtual void record(const probe::Record& record) = 0;     // every attempt, judged
        virtual core::Secret token(const std::string& link) = 0;  // empty: none
        virtual void token_refused(const std::string& link) = 0;  // the gateway answered 401: read it again
        virtual void addresses_changed() = 0;                     // fill_snapshot() has changes
        virtual void verdicts_changed() = 0;                      // saved_verdicts() has changes
        virtual void drains_changed() = 0;                        // drains() has changes
    };

    /// `lookup`: for public gateways, for comparing, and for names that are only verified.
    Steering(core::Clock& clock, core::Random& random, Provider& provider, probe::ProbeLauncher& launcher,
             Lookup& lookup, Outside& outside);

    /// At the start, and at every reload. Links that stay keep addresses and verdicts.
    void configure(const Config& config);
    void restore(const Snapshot& snapshot) { sync_.restore(snapshot); }
    void fill_snapshot(Snapshot& snapshot) const { sync_.fill(snapshot); }
    /// Before start(), once the addresses are known: restores verdicts younger than plan_ttl. Returns
    /// how many; kFileCorrupt.
    core::Result<int> restore_verdicts(const std::string& saved);
    std::string saved_verdicts() const { return verdicts_.to_json(); }
    /// Before start(): those of an earlier run, as far as their time is not over.
    void restore_drains(const std::vector<Drain>& saved);
    /// Starts discovery and probing. `keep_plan`: the plan on disk has verdicts of this boot and the same membership;
    /// the first publication then waits for the first sweep (5 s at most) instead of declaring every address healthy.
    void start(bool keep_plan);
    void stop();

    void set_upstreams(const HostUpstreams& upstreams);
    void set_host_zone(const std::string& zone);
    void token_changed(const std::string& link);
    /// Asks the cloud, then probes everything, then calls `done`.
    void refresh(std::function<void()> done);
    /// See EndpointSync.
    void restart_overdue_polls() { sync_.restart_overdue(); }

    /// Takes a zone or an address out of the answers for a time, at once; another drain of the same is replaced. With
    /// `free`, idle and stuck connections to it are to be ended (to_free()). kUsage;
    /// kRefused, with the reason of each link: it would leave one without an address that is known to be good.
    core::Result<void> drain(std::string_view target, Micros for_us, const std::string& reason, bool free = false);
    /// "": all of them. kUsage: it is not drained.
    core::Result<void> undrain(std::string_view target);
    std::vector<Drain> drains() const { return drains_.list(); }

    /// Publishes now instead of at the end of this loop turn.
    void publish();
    /// What would be published now (also before start, to compare with the plan on disk).
    PlanInput plan_input() const;
    void fill_status(StatusSnapshot& status) const;
    const probe::History& history() const { return history_; }
    const EndpointSync& sync() const { return sync_; }
    /// The targets for probing the link: the addresses in the answer, in its order, then the others; nullopt:
    /// no such link.
    std::optional<std::vector<probe::ProbeTarget>> targets_of(std::string_view link) const;
    /// The addresses whose connections are of interest: the links', then the public gateways'.
    std::vector<ConnectionTarget> connection_targets() const;
    /// Those whose lost connections the owner asks to end: withdrawn, while another address of the link is answered.
    std::vector<FreeTarget> to_free() const;
    /// Whether every probed address is up, and settled.
    bool all_good() const;
    /// Something else than a probe says that the address may have failed: its next probe comes now. Never a verdict.
    void suspect(const std::string& link, const core::IpAddress& ip);
    /// False if no probe has ended for far longer than the slowest link's interval.
    bool schedule_moves();

  private:
    struct Link {
        LinkConfig config;
        std::shared_ptr<const probe::ProbeSpec> spec;
        EndpointSet addresses;  // as discovery last reported
        AnswerDecision decision;
        std::vector<core::PlanTarget> targets;  // what the decision does with each address
    };

    void on_addresses(const std::string& link, const EndpointSet& addresses) override;
    void save_addresses() override { outside_.addresses_changed(); }
    bool may_work(const core::IpAddress& ip) const override;
    probe::Pace on_result(const probe::ProbeResult& result);
    bool first_sweep_done() const;
    void set_targets();
    void set_comparisons();
    void tell_comparison(const Link& link);
    std::shared_ptr<const probe::ProbeSpec> make_spec(const LinkConfig& link) const;
    std::vector<AddressVerdict> verdicts_of(const Link& link) const;
    /// Decides again; true if the plan changes: the answer, the reason for it, or what may be freed.
    bool decide(Link& link);
    /// The same after anything but a change of addresses; tells and publishes what has changed.
    bool decide_again(Link& link);
    bool decide_again();  // every link
    void tell_steering(const Link& link, const AnswerDecision& before) const;
    core::Result<void> may_drain(const DrainTarget& target) const;
    void use_drains();
    void end_drains();
    void publish_soon();
    std::vector<core::PlanTarget> plan_targets(const Link& link, const std::vector<AddressVerdict>& addresses) const;
    void count(const probe::ProbeResult& result);
    Micros verdicts_until(const Link& link) const;
    void judge_zones(StatusSnapshot& status) const;

    core::Clock& clock_;
    Outside& outside_;
    Config config_;
    std::vector<Link> links_;
    HostUpstreams upstreams_;
    std::string host_zone_;
    probe::VerdictBook verdicts_;
    probe::History history_;
    probe::Scheduler scheduler_;
    Comparisons comparisons_;
    EndpointSync sync_;
    VpcAnswers vpc_answers_;  // reads sync_
    ProbeCounters counters_;
    std::map<std::pair<std::string, core::IpAddress>, AddressCounters> address_counters_;  // of current targets
    std::uint64_t results_ = 0;
    ScheduleWatch schedule_watch_;
    Drains drains_;
    bool started_ = false;
    bool holding_ = false;  // the first publication waits for the first sweep
    Micros published_mono_us_ = 0, publishing_took_us_ = 0;
    core::Timer publish_;    // combines the changes of one loop turn, and of a burst
    core::Timer republish_;  // extends the verdicts' validity
    core::Timer hold_;
    core::Timer newcomers_;  // until they are answered without a success
    core::Timer drain_end_;
};

}  // namespace postern::agent

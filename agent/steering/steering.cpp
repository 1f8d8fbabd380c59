// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/steering.h"

#include <algorithm>

#include "agent/config/probe_spec.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

constexpr Micros kMaxHold = 5 * core::kSecond;
constexpr Micros kRemembered = core::kDay;                   // keeps the records of a removed address
constexpr int kPauseAfterPublishing = 3;                     // times the duration of the last publishing,
constexpr Micros kMaxPublishing = 500 * core::kMillisecond;  // which counts up to this

std::string list(const std::vector<core::IpAddress>& ips) {
    return ips.empty() ? "none" : core::joined(ips, [](const auto& ip) { return ip.text(); });
}

RequestStatus request_status(const LinkConfig& link) {
    const LinkProbeConfig& p = link.probe;
    if (p.kind == probe::Kind::kTcp) return {};
    return {p.server_name, p.path, p.kind == probe::Kind::kTdengine ? p.sql : std::string(), p.ca_file};
}

}  // namespace

Steering::Steering(core::Clock& clock, core::Random& random, Provider& provider, probe::ProbeLauncher& launcher,
                   Lookup& lookup, Outside& outside)
    : clock_(clock),
      outside_(outside),
      verdicts_(clock),
      scheduler_(clock, random, launcher, [this](const probe::ProbeResult& r) { return on_result(r); }),
      comparisons_(clock, random, launcher, lookup),
      sync_(clock, random, provider, *this),
      vpc_answers_(clock, random, lookup, [this](const std::string& link) { return sync_.status(link); }),
      drains_(clock),
      publish_(clock),
      republish_(clock),
      hold_(clock),
      newcomers_(clock),
      drain_end_(clock) {}

void Steering::configure(const Config& config) {
    // The plan in place answers other names than this configuration: it is out of date.
    if (config.answered_hosts() != config_.answered_hosts()) holding_ = false;
    config_ = config;
    std::vector<Link> before = std::exchange(links_, {});
    for (const auto& link : config_.links) {
        const auto same =
            std::find_if(before.begin(), before.end(), [&](const Link& b) { return b.config.name == link.name; });
        Link& now = links_.emplace_back();
        if (same != before.end()) now = std::move(*same);
        now.config = link;
        now.spec = make_spec(link);
    }
    sync_.configure(config_);  // on_addresses() for those whose addresses change with it
    set_targets();
    set_comparisons();
    vpc_answers_.configure(config_.links);
    decide_again();
    publish_soon();  // what is not an answer, too
}

core::Result<int> Steering::restore_verdicts(const std::string& saved) {
    const auto restored = verdicts_.restore(saved, config_.dns.plan_ttl_us);
    decide_again();
    return restored;
}

void Steering::start(bool keep_plan) {
    started_ = true;
    holding_ = keep_plan;
    if (holding_) {
        hold_.start_in(kMaxHold, [this] {
            holding_ = false;
            publish_soon();
        });
    }
    sync_.start();
    set_targets();
    comparisons_.start();
    vpc_answers_.start();
    publish_soon();
}

void Steering::stop() {
    started_ = false;
    sync_.stop();
    comparisons_.stop();
    vpc_answers_.stop();
    scheduler_.set_targets({});
    publish_.stop();
    republish_.stop();
    hold_.stop();
    newcomers_.stop();
    drain_end_.stop();
}

void Steering::set_upstreams(const HostUpstreams& upstreams) {
    upstreams_ = upstreams;
    publish_soon();
}

void Steering::set_host_zone(const std::string& zone) {
    if (zone == host_zone_) return;
    host_zone_ = zone;
    decide_again();
    publish_soon();  // the zone is in the plan, too
}

void Steering::token_changed(const std::string& name) {
    for (auto& link : links_) {
        if (link.config.name == name) link.spec = make_spec(link.config);
    }
    set_targets();
    set_comparisons();
    if (started_) scheduler_.probe_now(name, [] {});
}

void Steering::refresh(std::function<void()> done) {
    sync_.refresh([this, done = std::move(done)] {
        vpc_answers_.ask_now();
        scheduler_.probe_now("", done);
    });
}

std::shared_ptr<const probe::ProbeSpec> Steering::make_spec(const LinkConfig& link) const {
    return std::make_shared<const probe::ProbeSpec>(probe_spec(link, outside_.token(link.name)));
}

void Steering::set_targets() {
    std::vector<probe::ScheduledTarget> targets;
    for (const auto& link : links_) {
        if (!link.config.probe.enabled) continue;
        const probe::VerdictRule rule{link.config.probe.fall, link.config.probe.rise, link.config.probe.interval_us,
                                      link.config.probe.fast_interval_us};
        for (const auto& a : link.addresses) {
            targets.push_back({{link.config.name, a.ip, a.zone, a.endpoint, link.spec}, rule});
        }
    }
    decltype(address_counters_) counters;
    for (const auto& t : targets) {
        const std::pair key{t.target.link, t.target.ip};
        counters.try_emplace(key, std::move(address_counters_[key]));
    }
    address_counters_ = std::move(counters);
    verdicts_.set_targets(targets);
    if (started_) scheduler_.set_targets(std::move(targets));
}

void Steering::set_comparisons() {
    std::vector<CompareSettings> settings;
    for (const auto& link : links_) {
        const LinkConfig& c = link.config;
        if (c.compare.empty() || !c.probe.enabled) continue;
        settings.push_back({c.name, c.compare, c.compare_port, c.compare_interval_us, link.spec});
    }
    comparisons_.configure(std::move(settings));
    for (const auto& link : links_)
        tell_comparison(link);
}

void Steering::tell_comparison(const Link& link) {
    std::vector<probe::Verdict> verdicts;
    std::vector<core::IpAddress> ips;
    for (const auto& v : verdicts_of(link)) {
        verdicts.push_back(v.verdict);
        ips.push_back(v.address.ip);
    }
    comparisons_.set_private(link.config.name, private_view(verdicts, link.config.asks_service()), std::move(ips));
}

std::optional<std::vector<probe::ProbeTarget>> Steering::targets_of(std::string_view name) const {
    const auto link = std::find_if(links_.begin(), links_.end(), [&](const Link& l) { return l.config.name == name; });
    if (link == links_.end()) return std::nullopt;
    std::vector<probe::ProbeTarget> out;
    for (const auto& a : link->addresses)
        out.push_back({link->config.name, a.ip, a.zone, a.endpoint, link->spec});
    const auto& answer = link->decision.fresh;
    std::stable_sort(out.begin(), out.end(), [&](const auto& a, const auto& b) {
        return std::find(answer.begin(), answer.end(), a.ip) < std::find(answer.begin(), answer.end(), b.ip);
    });
    return out;
}

void Steering::on_addresses(const std::string& name, const EndpointSet& addresses) {
    const auto link = std::find_if(links_.begin(), links_.end(), [&](const Link& l) { return l.config.name == name; });
    if (link == links_.end()) return;
    link->addresses = addresses;
    set_targets();
    decide(*link);
    // None was probed: what is not known bad is answered.
    newcomers_.start_in(probe::kNewcomer, [this] { decide_again(); });
    tell_comparison(*link);
    vpc_answers_.compare(name);
    holding_ = false;  // the plan on disk is out of date
    publish_soon();
}

bool Steering::may_work(const core::IpAddress& ip) const {
    return std::any_of(links_.begin(), links_.end(), [&](const Link& link) {
        const auto* health = verdicts_.find(link.config.name, ip);
        return health != nullptr && health->verdict.path != probe::State::kDown;
    });
}

std::vector<AddressVerdict> Steering::verdicts_of(const Link& link) const {
    std::vector<AddressVerdict> out;
    for (const auto& a : link.addresses) {
        AddressVerdict v{.address = a, .drained = drains_.covers(a)};
        if (const auto* health = verdicts_.find(link.config.name, a.ip)) {
            v.verdict = health->verdict;
            v.service_comparable = health->service_down_comparable;
            v.last_ok_mono_us = health->last_ok_mono_us;
            v.newcomer = health->newcomer_until_mono_us > clock_.mono_us();
            v.rate_too_low = health->below_peers && health->rate.value() < link.config.probe.rate_below;
        }
        out.push_back(std::move(v));
    }
    return out;
}

bool Steering::decide(Link& link) {
    if (!link.config.answer) {
        link.decision = {};
        link.targets.clear();
        return false;
    }
    const std::vector<AddressVerdict> addresses = verdicts_of(link);
    const AnswerDecision before = std::exchange(link.decision, decide_answer(addresses, host_zone_));
    const auto targets_before = std::exchange(link.targets, plan_targets(link, addresses));
    const AnswerDecision& now = link.decision;
    return now.fresh != before.fresh || now.all_down != before.all_down || now.explain != before.explain ||
           link.targets != targets_before;
}

bool Steering::decide_again(Link& link) {
    const AnswerDecision before = link.decision;
    if (!decide(link)) return false;
    publish_soon();
    tell_steering(link, before);
    return true;
}

bool Steering::decide_again() {
    bool changed = false;
    for (Link& link : links_)
        changed = decide_again(link) || changed;
    return changed;
}

/// Changed addresses are logged as endpoint_changed; this is for other answers to the same ones. A first answer is no
/// change.
void Steering::tell_steering(const Link& link, const AnswerDecision& before) const {
    const AnswerDecision& now = link.decision;
    if (before.fresh.empty() || (now.fresh == before.fresh && now.all_down == before.all_down)) return;
    core::log(now.all_down ? core::Level::kWarning : core::Level::kInfo, "answer_changed",
              now.all_down ? "every address is down: all are answered" : "the DNS answer has other addresses now",
              {{"link", link.config.name},
               {"host", link.config.host},
               {"old", list(before.fresh)},
               {"new", list(now.fresh)},
               {"why", now.explain}});
}

probe::Pace Steering::on_result(const probe::ProbeResult& result) {
    ++results_;
    count(result);
    const probe::Fold fold = verdicts_.fold(result);
    if (!fold.known) return fold.pace;
    outside_.record(history_.add(result, fold));
    comparisons_.add_private(result);
    if (fold.changed()) outside_.verdicts_changed();
    if (fold.before.path != probe::State::kDown && fold.after.path == probe::State::kDown)
        sync_.probe_failed(result.link);
    if (result.reason == probe::Reason::kHttpStatus401 || result.reason == probe::Reason::kSqlAuth) {
        outside_.token_refused(result.link);
    }
    for (auto& link : links_) {
        if (link.config.name != result.link) continue;
        if (fold.before.path != fold.after.path || fold.before.service != fold.after.service) {
            core::log(fold.after.overall() == probe::State::kDown ? core::Level::kWarning : core::Level::kInfo,
                      "verdict_changed", "an address changed its state",
                      {{"link", result.link},
                       {"ip", result.ip.text()},
                       {"zone", result.zone},
                       {"path", std::string(to_string(fold.after.path))},
                       {"service", std::string(to_string(fold.after.service))},
                       {"reason", std::string(to_string(result.reason))},
                       {"detail", result.detail}});
        }
        if (fold.changed()) tell_comparison(link);
        decide_again(link);
    }
    if (holding_ && first_sweep_done()) {
        holding_ = false;
        publish_soon();
    }
    return fold.pace;
}

void Steering::count(const probe::ProbeResult& result) {
    if (!result.ok) ++counters_.failures[result.reason];
    const auto found = address_counters_.find({result.link, result.ip});
    if (found == address_counters_.end()) return;
    AddressCounters& counters = found->second;
    ++counters.attempts;
    if (!result.ok) ++counters.failures[result.reason];
    const auto& bounds = probe_bounds_s();
    for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
        if (!result.phase_us[i]) continue;
        const double seconds = static_cast<double>(*result.phase_us[i]) / 1e6;
        auto& histogram = counters.phases[i];
        histogram.buckets.resize(bounds.size() + 1);
        ++histogram.buckets[static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), seconds) -
                                                     bounds.begin())];
        histogram.sum_s += seconds;
    }
}

bool Steering::schedule_moves() {
    Micros longest = 0;
    for (const auto& link : links_) {
        const auto& probe = link.config.probe;
        if (probe.enabled && !link.addresses.empty())
            longest = std::max(longest, 3 * probe.interval_us + probe.timeout_us);
    }
    return schedule_watch_.moves(results_, longest, clock_.mono_us());
}

bool Steering::first_sweep_done() const {
    return std::all_of(links_.begin(), links_.end(), [&](const Link& link) {
        return !link.config.probe.enabled || link.addresses.empty() || verdicts_.first_sweep_done(link.config.name);
    });
}

Micros Steering::verdicts_until(const Link& link) const {
    // The oldest result decides; an address without a result counts as healthy.
    Micros oldest = 0;
    for (const auto& a : link.addresses) {
        const auto* health = verdicts_.find(link.config.name, a.ip);
        if (health == nullptr || health->last_mono_us == 0) continue;
        oldest = oldest == 0 ? health->last_mono_us : std::min(oldest, health->last_mono_us);
    }
    return oldest == 0 ? 0 : oldest + config_.dns.plan_ttl_us;
}

PlanInput Steering::plan_input() const {
    PlanInput input;
    input.now_wall_us = clock_.wall_us();
    input.dns = config_.dns;
    input.upstreams = upstreams_.servers;
    input.upstream_budget_ms = upstreams_.budget_ms();
    input.client_patience_ms = upstreams_.patience_ms();
    input.host_zone = host_zone_;
    for (const auto& link : links_) {
        input.links.push_back({link.config.name, link.config.host, link.addresses, link.decision, verdicts_until(link),
                               link.config.answer, link.targets});
    }
    return input;
}

void Steering::publish_soon() {
    if (!started_ || holding_) return;
    // A single change is published at once; during a burst (a start with many endpoints) compiling plans must leave
    // most of the time to processing the changes.
    const Micros earliest = published_mono_us_ + kPauseAfterPublishing * publishing_took_us_;
    publish_.start_in(std::max<Micros>(0, earliest - clock_.mono_us()), [this] { publish(); });
}

void Steering::publish() {
    publish_.stop();
    const Micros began = clock_.mono_us();
    outside_.publish(plan_input());
    published_mono_us_ = clock_.mono_us();
    publishing_took_us_ = std::min(published_mono_us_ - began, kMaxPublishing);
    history_.forget(clock_.wall_us() - kRemembered, [this](const std::string& link, const core::IpAddress& ip) {
        return address_counters_.count({link, ip}) != 0;
    });
    republish_.start_in(config_.dns.plan_ttl_us / 3, [this] { publish_soon(); });
}

/// The names that the links follow against the reports about endpoints that any of them has.
void Steering::judge_zones(StatusSnapshot& status) const {
    const bool follows =
        std::any_of(links_.begin(), links_.end(), [](const Link& l) { return !l.config.targets.empty(); });
    if (!follows) return;
    std::vector<EndpointReport> endpoints;
    for (const auto& link : status.links)
        endpoints.insert(endpoints.end(), link.discovery.reports.begin(), link.discovery.reports.end());
    for (auto& link : status.links) {
        link.one_zone = one_zone(link.discovery, endpoints);
        if (link.one_zone) status.reported.push_back(fault_of(*link.one_zone, link.name));
    }
}

void Steering::fill_status(StatusSnapshot& status) const {
    const Micros wall = clock_.wall_us();
    for (const auto& link : links_) {
        LinkStatus out;
        out.name = link.config.name;
        out.host = link.config.host;
        out.port = link.config.probe.port;
        out.policy = link.config.policy;
        out.probing = link.config.probe.enabled;
        out.kind = link.config.probe.kind;
        out.request = request_status(link.config);
        out.token_configured = link.config.token.configured();
        out.asks_service = link.config.asks_service();
        out.discovery = sync_.status(link.config.name);
        out.answer = link.decision.fresh;
        out.all_down = link.decision.all_down;
        if (const auto* compare = comparisons_.find(link.config.name)) out.compare = *compare;
        out.verify_only = !link.config.answer;
        out.vpc_answer = vpc_answers_.find(link.config.name);
        out.first_sweep_done = !out.probing || verdicts_.first_sweep_done(link.config.name);
        for (const auto& a : out.discovery.addresses) {
            AddressStatus address;
            address.ip = a.ip;
            address.zone = a.zone;
            address.endpoint = a.endpoint;
            address.drained = link.config.answer && drains_.covers(a);
            address.answered = out.vpc_answer
                                   ? out.vpc_answer->has(a.ip)
                                   : std::find(out.answer.begin(), out.answer.end(), a.ip) != out.answer.end();
            if (const auto* health = verdicts_.find(link.config.name, a.ip)) {
                address.verdict = health->verdict;
                address.state = health->verdict.overall();
                address.since_wall_us = health->since_wall_us;
                address.last = health->last;
                address.streak = health->streak;
                address.certificate_expiring = health->certificate_expiring;
                address.partial = health->partial;
                address.rate = health->rate;
                address.peers_rate = health->peers_rate;
            }
            if (const auto found = address_counters_.find({link.config.name, a.ip}); found != address_counters_.end()) {
                address.counters = found->second;
            }
            out.addresses.push_back(std::move(address));
        }
        status.links.push_back(std::move(out));
    }
    judge_zones(status);
    for (const Drain& d : drains_.list())
        status.drains.push_back({d.target.text(), d.began_wall_us, d.until_wall_us, d.reason, d.free});
    const auto schedule = scheduler_.counters();
    status.probes = counters_;
    status.probes.attempts = schedule.attempts;
    status.probes.missed = schedule.missed;
    status.probes.lag.buckets.assign(schedule.lag_buckets.begin(), schedule.lag_buckets.end());
    status.probes.lag.sum_s = static_cast<double>(schedule.lag_sum_us) / 1e6;
    status.discovery = sync_.counters();
    status.host_zone = host_zone_;
    status.now_wall_us = wall;
}

}  // namespace postern::agent

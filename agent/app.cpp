// SPDX-License-Identifier: Apache-2.0
#include "agent/app.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <optional>

#include "agent/cloud/clients.h"
#include "agent/config/run_folders.h"
#include "agent/config/running_config.h"
#include "agent/config/token_store.h"
#include "agent/connections/connection_watch.h"
#include "agent/discovery/discovery_sources.h"
#include "agent/discovery/remembered.h"
#include "agent/discovery/snapshot_store.h"
#include "agent/fleet/fleet_client.h"
#include "agent/freeing/freer.h"
#include "agent/hostdns/host_watch.h"
#include "agent/hostdns/instance.h"
#include "agent/hostdns/upstream_watch.h"
#include "agent/net/lookup.h"
#include "agent/serving/event_stream.h"
#include "agent/serving/http_routes.h"
#include "agent/serving/http_server.h"
#include "agent/serving/probe_route.h"
#include "agent/status/fleet_state.h"
#include "agent/status/reported.h"
#include "agent/steering/drain_file.h"
#include "agent/steering/plan_publisher.h"
#include "agent/steering/resolver_child.h"
#include "agent/steering/resolver_report.h"
#include "agent/steering/steering.h"
#include "agent/steering/verdict_file.h"
#include "core/file_system.h"
#include "core/file_watch.h"
#include "core/log.h"
#include "core/resident.h"
#include "core/scheduling.h"
#include "core/service_notify.h"
#include "probe/history_store.h"
#include "probe/large_hello.h"
#include "probe/large_hello_watch.h"
#include "probe/probe_log.h"
#include "probe/probe_run.h"
#include "probe/tls_contexts.h"
#include "probe/tls_memory.h"

namespace postern::agent {
namespace {

constexpr std::size_t kRecentMarks = 60;                // of an address, in status
constexpr Micros kTimeSlice = 20 * core::kMillisecond;  // long, so that the resolver preempts handshakes
constexpr Micros kStarted = 5 * core::kSecond;          // memory used only by the start is free by then
constexpr Micros kFaultsEvery = 5 * core::kSecond;
constexpr Micros kSettle = 100 * core::kMillisecond;  // editors write in several steps
constexpr Micros kHousekeeping = core::kMinute;       // CA files, host identity

class App final : private Steering::Outside,
                  private HostWatch::Outside,
                  private ConnectionWatch::Outside,
                  private Freer::Outside,
                  private ServedAgent {
  public:
    App(const UsableConfig& first, const RunOptions& options)
        : config_(loop_, clock_, options.config_path, first),
          lookup_(loop_, clock_),
          cloud_(loop_, clock_, random_, lookup_, config().aliyun),
          fleet_(clock_, random_, cloud_),
          sources_(clock_, &loop_, fleet_.source, lookup_, is_stand_in(config().aliyun)),
          host_watch_(clock_, *host_, paths(), config().dns, *this),
          snapshots_(loop_, paths().snapshot),
          drains_(loop_, paths().drains),
          tokens_(loop_, clock_, [this](const std::string& link) { steering_.token_changed(link); }),
          tls_(loop_, &clock_),
          launcher_(loop_, clock_, tls_),
          probe_log_(&loop_, paths().probe_log, {.all = config().agent.log_successes}),
          history_(&loop_, clock_, paths().history),
          publisher_(loop_, clock_, paths()),
          steering_(clock_, random_, sources_, hellos_, lookup_, *this),
          verdicts_(loop_, clock_, paths().verdicts, [this] { return steering_.saved_verdicts(); }),
          looker_(loop_),
          connections_(clock_, looker_, *this),
          free_asker_(loop_, paths().free_socket),
          freer_(clock_, free_asker_, *this),
          events_(clock_, *this),
          probe_route_(clock_, launcher_, *this),
          housekeeping_(clock_),
          watchdog_(clock_),
          started_(clock_),
          faults_timer_(clock_),
          settle_(clock_) {
        if (options.follow_config) config_file_ = std::make_unique<core::FileWatch>(loop_, clock_, options.config_path);
        if (options.start_resolver) {
            resolver_ = std::make_unique<ResolverChild>(
                loop_, clock_, random_, ResolverChild::Options{find_resolver_program(), paths(), config().dns.listen});
        }
    }

    core::Result<void> start() {
        started_wall_us_ = clock_.wall_us();
        core::set_time_slice(kTimeSlice);
        restore();
        upstreams_changed(host_watch_.use(config().dns));
        const bool keep_plan = publisher_.current_plan_serves(membership_of(steering_.plan_input()));

        // Everything that can fail comes before the resolver is started.
        HttpOptions http;
        http.listen = config().http.listen;
        http.allow = config().http.allow;
        http.allow_hosts = config().http.allow_hosts;
        auto server = HttpServer::start(loop_, http, make_routes(*this, probe_route_, events_));
        if (!server) return core::fail(server.error());
        http_server_ = std::move(*server);

        fleet_.start();
        steering_.start(keep_plan);
        if (!keep_plan) steering_.publish();  // so that the resolver starts with it
        if (resolver_) {
            if (auto started = resolver_->start(); !started) return started;
        }
        watch_signals();
        follow_config();
        host_watch_.start();
        upstream_watch_.start();
        connections_.start();
        keep_house();
        config_.keep();
        verdicts_.keep(config().dns.plan_ttl_us / 3);
        watch_faults();
        core::notify_service("READY=1");
        feed_watchdog();
        started_.start_in(kStarted, [] {
            core::shed_start_up_memory();
            probe::limit_tls_memory(probe::kKeptTlsMemory);
        });
        core::log_info("agent_started", "the agent is running",
                       {{"version", POSTERN_VERSION},
                        {"links", std::to_string(config().links.size())},
                        {"http", http_server_->address().text()},
                        {"upstreams", host_watch_.upstreams().source}});
        return {};
    }

    int run() {
        loop_.run();
        core::notify_service("STOPPING=1");
        if (resolver_) resolver_->shut_down();
        verdicts_.flush();
        history_.finish();
        connections_.stop();
        upstream_watch_.stop();
        freer_.stop();
        fleet_.stop();
        steering_.stop();
        publisher_.flush();
        snapshots_.flush();
        drains_.flush();
        core::log_info("agent_stopped", "the agent has ended");
        return 0;
    }

    /// After a failed start(): removes everything.
    void abandon() {
        if (resolver_) resolver_->shut_down();
        steering_.stop();
    }

  private:
    const Config& config() const { return config_.now(); }
    const Paths& paths() const { return config_.paths(); }

    void restore() {
        tokens_.configure(config());
        fleet_.store.use_pool(loop_);
        fleet_.configure(config());
        fleet_.newer = [this] { save_snapshot(); };
        steering_.configure(config());
        restore_snapshot();
        steering_.restore_drains(drains_.load());
        verdicts_.restore([this](const std::string& saved) { return steering_.restore_verdicts(saved); });
    }

    void restore_snapshot() {
        const LoadedSnapshot loaded = snapshots_.load();
        for (const auto& problem : loaded.problems) {
            core::log_warning("snapshot_unusable", problem.text(), {{"path", paths().snapshot}});
            snapshot_warning_ = core::message("the saved addresses could not be read: {}", problem.whole());
        }
        if (!loaded.found) return steering_.restore(snapshot_from_plans(paths(), config()));
        snapshot_ = loaded.snapshot;
        const ListSeen& seen = snapshot_.list;
        fleet_.reader.restore({seen.fleet, {seen.generation, seen.written_wall_us}});
        lookup_.remember(snapshot_.api_hosts);
        steering_.set_host_zone(snapshot_.zone);
        steering_.restore(snapshot_);
    }

    // Steering's outputs and inputs (Steering::Outside).
    void publish(PlanInput input) override { publisher_.publish(std::move(input)); }
    core::Secret token(const std::string& link) override { return tokens_.token(link); }
    void token_refused(const std::string& link) override { tokens_.reread(link); }
    void addresses_changed() override { save_snapshot(); }
    void verdicts_changed() override {
        verdicts_.changed();
        connections_.look_soon();
    }
    void drains_changed() override { drains_.save(steering_.drains()); }
    void record(const probe::Record& record) override {
        probe_log_.add(record);
        history_.add(record);
        events_.record(record);
    }

    // The host watch's inputs and outputs (HostWatch::Outside).
    std::vector<core::IpAddress> instance_nameservers() override {
        return cloud_.metadata.known_identity().nameservers;
    }
    void upstreams_changed(const HostUpstreams& now) override {
        steering_.set_upstreams(now);
        lookup_.set_upstreams(now.servers);
        upstream_watch_.use(now.servers);
    }

    // The connection watch's inputs and outputs (ConnectionWatch::Outside).
    std::vector<ConnectionTarget> connection_targets() override { return steering_.connection_targets(); }
    bool all_good() override { return steering_.all_good(); }
    void times_out(const std::string& link, const core::IpAddress& ip) override { steering_.suspect(link, ip); }
    void looked() override { freer_.looked(connections_.report()); }

    // The freer's inputs and outputs (Freer::Outside).
    std::vector<FreeTarget> to_free() override { return steering_.to_free(); }
    void look_soon() override { connections_.look_soon(); }

    void save_snapshot() {
        steering_.fill_snapshot(snapshot_);
        if (!cloud_.metadata.known_identity().zone.empty()) snapshot_.zone = cloud_.metadata.known_identity().zone;
        if (!cloud_.privatelink.region().empty()) snapshot_.region = cloud_.privatelink.region();
        snapshot_.api_hosts = lookup_.known();
        const ListMark mark = fleet_.reader.mark();
        if (mark.newest.generation != 0)
            snapshot_.list = {mark.fleet, mark.newest.generation, mark.newest.written_wall_us};
        snapshot_.written_wall_us = clock_.wall_us();
        snapshots_.save(snapshot_);
        snapshot_warning_.clear();
    }

    void keep_house() {
        tls_.reload_changed();
        steering_.restart_overdue_polls();
        const bool zone_counts = config().needs_discovery() && cloud_.metadata.known_identity().zone.empty();
        if (zone_counts || host_watch_.upstreams().servers.empty()) {
            cloud_.metadata.identity([this](core::Result<InstanceIdentity> identity) {
                if (identity && !identity->zone.empty()) {
                    steering_.set_host_zone(identity->zone);
                    save_snapshot();
                }
            });
        }
        housekeeping_.start_in(kHousekeeping, [this] { keep_house(); });
    }

    /// Faults are raised, cleared and logged, and the fleet is told, whether anybody asks for the status or not.
    void watch_faults() {
        const StatusSnapshot s = snapshot();
        if (s.report.configured) fleet_.report.seen(report_of(s));
        faults_timer_.start_in(kFaultsEvery, [this] { watch_faults(); });
    }

    void feed_watchdog() {
        const Micros period = core::watchdog_period_us();
        if (period == 0) return;
        if (steering_.schedule_moves()) core::notify_service("WATCHDOG=1");
        watchdog_.start_in(period / 3, [this] { feed_watchdog(); });
    }

    void watch_signals() {
        for (std::size_t i = 0; i < std::size(signals_); ++i) {
            signals_[i].open(this, [&](uv_signal_t* h) { return uv_signal_init(loop_.raw(), h); });
            uv_signal_start(
                signals_[i].get(),
                [](uv_signal_t* h, int number) {
                    App* self = core::UvHandle<uv_signal_t, App>::owner(h);
                    if (self == nullptr) return;
                    if (number == SIGHUP) {
                        self->reload();
                    } else {
                        self->loop_.stop();
                    }
                },
                kSignals[i]);
        }
    }

    void follow_config() {
        if (!config_file_) return;
        config_file_->start([this] { settle_.start_in(kSettle, [this] { reload(); }); });
    }

    void reload() {
        auto fresh = config_.read_again();
        if (!fresh) return;
        if (resolver_) {
            if (auto moved = resolver_->listen_on(fresh->config.dns.listen); !moved)
                return config_.refuse(moved.error());
        }
        config_.use(std::move(*fresh));
        core::configure_log(config().agent.log_level, config().agent.log_format);
        probe_log_.log_all(config().agent.log_successes);
        http_server_->set_access(config().http.allow, config().http.allow_hosts);
        cloud_.configure(config().aliyun);
        fleet_.configure(config());
        sources_.configure(is_stand_in(config().aliyun));
        tokens_.configure(config());
        steering_.configure(config());
        upstreams_changed(host_watch_.use(config().dns));
        tls_.reload_changed();
        verdicts_.keep(config().dns.plan_ttl_us / 3);
        refresh();
        core::log_info("config_reloaded", "the configuration was read again",
                       {{"links", std::to_string(config().links.size())}});
    }

    // Requests of the HTTP routes (ServedAgent).
    std::vector<HealthCheck> live() override { return live_checks(steering_.schedule_moves()); }
    std::vector<probe::Record> records(const probe::RecordFilter& filter, std::size_t limit) override {
        return steering_.history().query(filter, limit);
    }
    std::optional<std::vector<probe::Rollup>> history(const std::string& link, const core::IpAddress& ip,
                                                      probe::Resolution resolution, Micros since_wall_us) override {
        return history_.rollups(link, ip, resolution, since_wall_us);
    }
    void refresh() override {
        fleet_.reader.fetch_now();
        steering_.refresh([] {});
    }
    core::Result<void> drain(const std::string& target, Micros for_us, const std::string& reason, bool free) override {
        return steering_.drain(target, for_us, reason, free);
    }
    core::Result<void> undrain(const std::string& target) override { return steering_.undrain(target); }
    void look_at_connections() override { connections_.look_soon(); }
    ServedFleet fleet() override {
        if (!fleet_.watch.configured()) return {};
        return {&fleet_.watch, config().fleet.name, fleet_.reader.wall_us()};
    }
    std::string own_report() override {
        fleet_.report.seen(report_of(snapshot()));
        return fleet_.report.now();
    }
    std::vector<std::string> link_names() override {
        std::vector<std::string> names;
        for (const auto& link : config().links)
            names.push_back(link.name);
        return names;
    }
    std::optional<ProbedLink> probed_link(const std::string& name) override {
        auto targets = steering_.targets_of(name);
        if (!targets) return std::nullopt;
        const auto link =
            std::find_if(config().links.begin(), config().links.end(), [&](const auto& l) { return l.name == name; });
        return ProbedLink{link->policy, std::move(*targets)};
    }
    StatusSnapshot snapshot() override {
        StatusSnapshot s;
        steering_.fill_status(s);
        s.version = POSTERN_VERSION;
        s.host_name = host_name();
        s.instance = instance_;
        s.started_wall_us = started_wall_us_;
        s.config_path = config_.file();
        s.config_fault = config_fault(config_.trouble(), config_.file());
        s.config_loaded_wall_us = config_.loaded_wall_us();
        s.region = cloud_.privatelink.region().empty() ? config().aliyun.region : cloud_.privatelink.region();
        for (const auto& warning : config().warnings)
            s.reported.push_back(remark_on(warning, config_.file()));
        const auto report = [&s](std::string_view code, const core::Message& text) {
            if (!text.empty()) s.reported.push_back(make_fault(code, {}, {}, {{"problem", doctor::told_value(text)}}));
        };
        report("PN-AGENT-PLAN", publisher_.problem());
        for (const auto& text : {snapshot_warning_, snapshots_.problem(), drains_.problem(), config_.copy_problem(),
                                 probe_log_.problem(), history_.problem()})
            report("PN-AGENT-WARNING", text);
        for (const auto& trouble : tls_.troubles())
            s.reported.push_back(ca_file_fault(trouble.ca_file, trouble.error.whole(), trouble.kept, config_.file()));
        if (const auto problem = steering_.sync().clock_problem(); !problem.empty())
            s.reported.push_back(clock_fault(problem));
        for (const auto& text : steering_.sync().warnings())
            s.reported.push_back(doubt_about_discovery(text));
        s.list = fleet_.reader.status();
        for (auto& fault : list_faults(s.list, fleet_.reader.wall_us()))
            s.reported.push_back(std::move(fault));
        s.report = fleet_.report.status();
        if (auto fault = report_fault(s.report)) s.reported.push_back(std::move(*fault));
        if (const auto changed = config_.changed_since_read())
            s.reported.push_back(config_older(config_.file(), config_.loaded_wall_us(), *changed));
        report_resolver({paths(), config().dns, host_watch_.upstreams(), publisher_, resolver_.get()}, s);
        if (const auto known = lookup_.known(); !known.empty()) upstream_watch_.know(known.begin()->first);
        if (auto fault = report_upstreams(upstream_watch_, s.resolver)) s.reported.push_back(std::move(*fault));
        s.host_dns = host_watch_.report(config().hosts());
        s.host_dns.silent = s.host_dns.journal.state == TakeoverState::kOn && !s.resolver.running;
        for (auto& fault : host_faults(s.host_dns, s.links))
            s.reported.push_back(std::move(fault));
        for (auto& link : s.links) {
            link.token_problem = tokens_.problem(link.name);
            for (auto& a : link.addresses) {
                a.last_day = history_.last_day(link.name, a.ip);
                a.last_month = history_.last_month(link.name, a.ip);
                a.incidents = history_.incidents(link.name, a.ip);
                a.recent = steering_.history().recent(link.name, a.ip, kRecentMarks);
            }
        }
        add_connections(connections_.report(), s);
        for (auto& link : s.links) {
            for (auto& a : link.addresses)
                a.connections_freed = freer_.freed({link.name, {a.ip, link.port}});
        }
        if (freer_.problem() != FreeRefusal::kNone) report("PN-APP-FREEING", explain(freer_.problem()));
        log_news(judge(s, faults_, clock_.mono_us()));
        return s;
    }

    static constexpr int kSignals[] = {SIGTERM, SIGINT, SIGHUP};

    // Declared in the order of construction; destroyed in reverse, users before what they use.
    core::Loop loop_;
    core::SystemClock clock_{loop_};
    core::SystemRandom random_;
    RunningConfig config_;
    AresLookup lookup_;
    CloudStack cloud_;
    FleetClient fleet_;
    DiscoverySources sources_;
    std::unique_ptr<HostSystem> host_ = HostSystem::real();
    const std::string instance_ = cloud_instance(*host_);
    HostWatch host_watch_;
    PoolAsker upstream_asker_{loop_};
    UpstreamWatch upstream_watch_{clock_, upstream_asker_};
    SnapshotStore snapshots_;
    Snapshot snapshot_;
    DrainFile drains_;
    TokenStore tokens_;
    probe::TlsContexts tls_;
    probe::NetworkLauncher launcher_;
    probe::LargeHelloWatch hellos_{clock_, launcher_, [this](const probe::ProbeTarget& target, auto done) {
                                       return probe::send_large_hello(loop_, clock_, target, std::move(done));
                                   }};
    probe::ProbeLog probe_log_;
    probe::HistoryStore history_;
    PlanPublisher publisher_;
    Steering steering_;
    VerdictFile verdicts_;
    PoolLooker looker_;
    ConnectionWatch connections_;
    SocketAsker free_asker_;
    Freer freer_;
    EventStream events_;
    ProbeRoute probe_route_;
    std::unique_ptr<ResolverChild> resolver_;
    std::unique_ptr<HttpServer> http_server_;
    core::UvHandle<uv_signal_t, App> signals_[std::size(kSignals)];
    core::Timer housekeeping_;
    core::Timer watchdog_;
    core::Timer started_;
    FaultBook faults_;
    core::Timer faults_timer_;
    std::unique_ptr<core::FileWatch> config_file_;  // with --follow-config
    core::Timer settle_;

    core::Message snapshot_warning_;  // until the next one is saved
    Micros started_wall_us_ = 0;
};

}  // namespace

int run_agent(const UsableConfig& usable, const RunOptions& options) {
    const Config& config = usable.config;
    core::configure_log(config.agent.log_level, config.agent.log_format);
    for (const auto& warning : config.warnings)
        core::log_warning("config_warning", format_issue(options.config_path, warning));
    const auto lock = prepare_folders(config);
    if (!lock) {
        core::log_error("agent_not_started", lock.error().text());
        return 2;
    }
    auto app = std::make_unique<App>(usable, options);
    if (const auto started = app->start(); !started) {
        core::log_error("agent_not_started", started.error().text());
        app->abandon();
        return 2;
    }
    return app->run();
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/endpoint_sync.h"

#include <algorithm>
#include <set>
#include <utility>

#include "agent/discovery/discovery_log.h"
#include "agent/discovery/endpoint_merge.h"
#include "agent/discovery/known_source.h"
#include "agent/discovery/poll_pace.h"
#include "agent/discovery/poll_schedule.h"
#include "agent/discovery/snapshot_store.h"
#include "agent/discovery/source_key.h"
#include "core/backoff.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;

constexpr Micros kFirstRetry = 2 * core::kSecond;
constexpr Micros kRefreshEvery = 2 * core::kSecond;
constexpr Micros kLongestRound = core::kMinute;  // of a refresh: a source that does not answer holds up nobody
constexpr Micros kOld = core::kDay;              // a saved reply: whoever writes it may have stopped
constexpr Micros kSaveConfirmed = core::kHour;   // "nothing changed" is saved rarely, to spare the disk

}  // namespace

struct EndpointSync::State : std::enable_shared_from_this<State> {
    /// One endpoint, polled for all links that use it.
    struct Source : KnownSource {
        Micros restless_mono_us = 0;  // last change or doubt about an address
        core::Backoff backoff{kFirstRetry, kFirstRetry};
        core::Message overdue;  // why a poll had to be started again; "" after a success
    };

    core::Clock& clock;
    core::Random& random;
    PollPace pace;
    Provider& provider;
    Listener& listener;
    DiscoveryLog log;
    std::map<std::string, std::unique_ptr<Source>> sources;
    std::map<std::string, KnownLink> links;
    AliyunConfig settings;
    bool closed = false;
    PollSchedule schedule;
    std::uint64_t changes = 0;
    Micros last_success_wall_us = 0, saved_mono_us = 0;
    Micros refreshed_mono_us = 0;
    std::set<std::string> refreshing;                    // sources without an answer since then
    std::vector<std::function<void()>> refresh_waiters;  // of the round under way
    std::vector<std::function<void()>> next_waiters;     // of the one after it
    core::Timer refresh_done, refresh_again, refresh_limit;

    State(core::Clock& c, core::Random& r, Provider& p, Listener& l)
        : clock(c),
          random(r),
          pace(r),
          provider(p),
          listener(l),
          log(c),
          schedule(c, [this](const std::string& key, std::uint64_t poll) { begin(key, poll); }),
          refresh_done(c),
          refresh_again(c),
          refresh_limit(c) {}

    // --- links -------------------------------------------------------------------------------------------------------

    void configure(const Config& config) {
        const AliyunConfig old = std::exchange(settings, config.aliyun);
        pace.configure(settings.poll_interval_us, settings.poll_max_interval_us);
        // The source or the interval was changed: poll at once, to show the effect.
        const bool ask_anew = old.region != settings.region || old.api_endpoint != settings.api_endpoint ||
                              old.ca_file != settings.ca_file || old.poll_interval_us != settings.poll_interval_us;
        std::set<std::string> wanted;
        std::map<std::string, KnownLink> next;
        for (const auto& link : config.links) {
            for (const auto& key : source_keys(link))
                wanted.insert(key);
            auto node = links.extract(link.name);
            KnownLink& to = next[link.name];
            if (!node.empty()) to = std::move(node.mapped());
            to.config = link;
        }
        links = std::move(next);
        for (auto it = sources.begin(); it != sources.end();) {
            if (wanted.count(it->first) != 0) {
                ++it;
                continue;
            }
            schedule.remove(it->first);
            refreshing.erase(it->first);
            log.forget(it->first);
            provider.forget(it->first);
            it = sources.erase(it);
        }
        for (const auto& key : wanted) {
            auto& slot = sources[key];
            const bool is_new = slot == nullptr;
            if (is_new) {
                slot = std::make_unique<Source>();
                slot->restless_mono_us = clock.mono_us();
                schedule.add(key);
            }
            if (is_new || ask_anew) reset_backoff(key, *slot);
            // A longest interval that became shorter counts from now on.
            const Micros by = clock.mono_us() + (ask_anew ? 0 : pace.longest());
            schedule.poll_by(key, ask_anew ? by : outside_pause(key, by));
        }
        update_links("");
        if (!closed) settle_refresh();
    }

    void restore(const Snapshot& snapshot) {
        std::size_t used = 0;
        for (auto& [key, source] : sources) {
            const auto it = snapshot.sources.find(key);
            if (it == snapshot.sources.end() || source->known) continue;
            source->held.served = it->second.addresses;
            source->report = it->second.report;
            source->held.ended = has_ended(source->report);
            source->confirmed_wall_us = it->second.confirmed_wall_us;
            source->changed_wall_us = it->second.changed_wall_us;
            source->known = source->from_snapshot = true;
            ++used;
        }
        if (used == 0) return;
        for (const auto& [name, link] : links) {
            const auto keys = source_keys(link.config);
            const auto saved = [this](const std::string& key) { return sources.at(key)->known; };
            if (std::none_of(keys.begin(), keys.end(), saved)) continue;
            for (const auto& key : keys)
                sources.at(key)->tried =
                    true;  // a new source of a known link: what was served is served until it answers
        }
        core::log_info("snapshot_restored", "the last known addresses serve until the API answers",
                       {{"sources", std::to_string(used)}, {"written", core::format_utc(snapshot.written_wall_us)}});
        update_links("");
    }

    std::vector<const KnownSource*> sources_of(const LinkConfig& link) const {
        std::vector<const KnownSource*> out;
        for (const auto& key : source_keys(link))
            out.push_back(sources.at(key).get());
        return out;
    }

    /// Recomposes every link, or those of one source; then notifies. Callbacks come last: they read this state.
    void update_links(const std::string& only_source) {
        std::vector<std::pair<std::string, EndpointSet>> changed;
        for (auto& [name, link] : links) {
            const auto keys = source_keys(link.config);
            if (!only_source.empty() && std::find(keys.begin(), keys.end(), only_source) == keys.end()) continue;
            auto next = compose(link.config, sources_of(link.config), clock.mono_us());
            // Whatever took the last address of the link's zones: the last known good is never replaced by nothing.
            if (next && next->empty()) next = narrowed(link.addresses, link.config.zones);
            const bool not_yet =
                only_source.empty() && !keys.empty() && !link.known;  // nothing was asked since the start
            if (!next || (next->empty() && not_yet) || (link.known && *next == link.addresses)) continue;
            if (!keys.empty()) note_change(name, link, *next, only_source);
            link.addresses = std::move(*next);
            link.known = true;
            link.changed_wall_us = clock.wall_us();
            changed.emplace_back(name, link.addresses);
        }
        const auto keep = shared_from_this();
        for (const auto& [name, addresses] : changed) {
            if (closed) return;
            listener.on_addresses(name, addresses);
        }
    }

    void note_change(const std::string& name, const KnownLink& link, const EndpointSet& next,
                     const std::string& source) {
        if (source.empty()) return;  // from the configuration or the snapshot, not the cloud
        ++changes;
        core::log_info("endpoint_changed", describe(link.addresses) + " → " + describe(next),
                       {{"link", name},
                        {"endpoint", source},
                        {"old", describe(link.addresses)},
                        {"new", describe(next)},
                        {"request_id", sources.at(source)->report.request_id}});
    }

    // --- polls -------------------------------------------------------------------------------------------------------

    void reset_backoff(const std::string& key, Source& source) const {
        const Micros own = provider.pace(key).longest_retry_us;
        source.backoff = core::Backoff(std::min(kFirstRetry, own == 0 ? kFirstRetry : own),
                                       own != 0 ? own : std::max(pace.longest(), kFirstRetry));
    }

    Micros interval(const std::string& key, const Source& source) {
        if (source.report.valid_us > 0) return pace.after_ttl(source.report.valid_us);
        if (!is_of_api(key)) return pace.spread(provider.pace(key).interval_us);
        return pace.after_quiet(clock.mono_us() - source.restless_mono_us);
    }
    /// Uses the API's interval and retry: the quota is shared, and so is the pause that the API asks for.
    bool is_of_api(const std::string& key) const { return provider.pace(key).interval_us == 0; }

    /// `when`, but not while the API wants no requests from this host.
    Micros outside_pause(const std::string& key, Micros when_mono_us) {
        const Micros until = provider.not_before_mono_us(), now = clock.mono_us();
        return until > when_mono_us && is_of_api(key) ? now + pace.after_pause(until - now) : when_mono_us;
    }

    void begin(const std::string& key, std::uint64_t poll) {
        const auto keep = shared_from_this();  // a provider that answers at once calls the listener
        provider.describe_endpoint(key, [weak = weak_from_this(), key, poll](core::Result<EndpointReport> result) {
            if (const auto self = weak.lock(); self && !self->closed) self->polled(key, poll, std::move(result));
        });
    }

    void polled(const std::string& key, std::uint64_t poll, core::Result<EndpointReport> result) {
        if (!schedule.is_current(key, poll)) return;  // removed, and maybe added again meanwhile
        Source& source = *sources.at(key);
        source.asked_wall_us = clock.wall_us();
        if (result) {
            succeeded(key, source, std::move(*result));
        } else {
            failed(key, source, result.error());
        }
        if (closed || !schedule.is_current(key, poll)) return;
        if (schedule.began(key) >= refreshed_mono_us) refreshing.erase(key);
        const Micros delay = source.error ? failure_delay(source) : interval(key, source);
        schedule.ended(key, poll, outside_pause(key, clock.mono_us() + delay));
        settle_refresh();
    }
    Micros failure_delay(Source& source) {
        const Micros delay = std::min(source.backoff.next(random), pace.longest());
        if (source.error->code != Code::kApiThrottled) return delay;
        return pace.after_refusal(std::max<Micros>(provider.not_before_mono_us() - clock.mono_us(), 0));
    }

    void probe_failed(const std::string& name) {
        const auto it = links.find(name);
        if (it == links.end()) return;
        const Micros now = clock.mono_us();
        for (const auto& key : source_keys(it->second.config)) {
            sources.at(key)->restless_mono_us = now;
            const Micros due = std::max(now + pace.suspicion(), schedule.began(key) + pace.interval());
            schedule.poll_by(key, outside_pause(key, due));
        }
    }

    void succeeded(const std::string& key, Source& source, EndpointReport report) {
        const bool was_first = !source.known || source.from_snapshot;
        MergedAddresses merged = merge_report(source.held, report, clock.mono_us(),
                                              [this](const core::IpAddress& ip) { return listener.may_work(ip); });
        const bool changed = merged.held.served != source.held.served || !source.known;
        const bool told_otherwise =
            source.error || merged.doubt != source.doubt || was_first || !same_state(report, source.report);
        if (!merged.doubt.empty() && source.doubt.empty()) {
            core::log_warning("discovery_doubtful", merged.doubt,
                              {{"endpoint", key}, {"request_id", report.request_id}});
        }
        if (const core::Message refused = refused_in(report);
            !refused.empty() && refused != refused_in(source.report)) {
            core::log_warning("address_refused", refused, {{"endpoint", key}, {"request_id", report.request_id}});
        }
        source.held = std::move(merged.held);
        source.doubt = std::move(merged.doubt);
        source.report = std::move(report);
        source.known = source.tried = true;
        source.from_snapshot = false;
        source.missing_since_mono_us = 0;
        source.error.reset();
        source.error_since_wall_us = 0;
        source.overdue.clear();
        reset_backoff(key, source);
        if (is_of_api(key)) pace.answered();
        last_success_wall_us = clock.wall_us();
        if (merged.confirmed) source.confirmed_wall_us = written(source.report);
        if (changed) source.changed_wall_us = clock.wall_us();
        if (changed || !source.doubt.empty()) source.restless_mono_us = clock.mono_us();
        log.succeeded(key);
        update_links(key);
        if (closed) return;
        const bool worth = changed || told_otherwise || clock.mono_us() - saved_mono_us >= kSaveConfirmed;
        if (!worth) return;
        saved_mono_us = clock.mono_us();
        listener.save_addresses();
    }
    /// When what a report says was true; a time to come is a clock's mistake.
    Micros written(const EndpointReport& report) const {
        const Micros now = clock.wall_us();
        return report.written_wall_us == 0 ? now : std::min(report.written_wall_us, now);
    }
    /// That a saved reply is old; "" otherwise.
    core::Message age_of(const EndpointReport& report) const {
        if (report.listed) return {};  // the list's own age says it, for all at once
        const Micros age = clock.wall_us() - written(report);
        if (age < kOld) return {};
        return core::message(
            "{} was written {} hours ago: does its writer still run? (postern endpoint export writes it)",
            title(report), age / core::kHour);
    }
    /// Compares everything but the fields that differ in every reply.
    static bool same_state(EndpointReport a, const EndpointReport& b) {
        a.request_id = b.request_id;
        a.valid_us = b.valid_us;
        return a == b;
    }

    void failed(const std::string& key, Source& source, const Error& error) {
        const bool first = !source.error || !source.tried;
        source.tried = true;
        source.error = error;
        if (first) source.error_since_wall_us = clock.wall_us();
        if (error.code != Code::kApiNotFound) {
            source.missing_since_mono_us = 0;
        } else if (source.missing_since_mono_us == 0) {
            source.missing_since_mono_us = clock.mono_us();
        }
        if (error.code == Code::kApiThrottled) pace.refused();
        log.failed(key, error);
        update_links(key);
    }

    // --- refresh -----------------------------------------------------------------------------------------------------

    void refresh(std::function<void()> done) {
        next_waiters.push_back(std::move(done));
        next_round();
    }
    /// Begins a round for those who wait for one, unless one is under way: each has an answer from after its call.
    void next_round() {
        if (next_waiters.empty() || !refresh_waiters.empty() || refresh_again.pending()) return;
        const Micros wait = refreshed_mono_us == 0 ? 0 : refreshed_mono_us + kRefreshEvery - clock.mono_us();
        if (schedule.running() && wait > 0) {
            refresh_again.start_in(wait, [this] { next_round(); });
            return;
        }
        refresh_waiters = std::exchange(next_waiters, {});
        if (schedule.running()) {
            refreshed_mono_us = clock.mono_us();
            for (const auto& [key, source] : sources) {
                refreshing.insert(key);
                schedule.poll_by(key, refreshed_mono_us);
            }
            refresh_limit.start_in(kLongestRound, [this] {
                refreshing.clear();
                settle_refresh();
            });
        }
        settle_refresh();
    }
    void settle_refresh() {
        if (refresh_waiters.empty() || refresh_done.pending()) return;
        if (!refreshing.empty() && schedule.running()) return;
        refresh_limit.stop();
        refresh_done.start_in(0, [this] {
            const auto keep = shared_from_this();
            for (auto& done : std::exchange(refresh_waiters, {})) {
                if (closed) return;
                if (done) done();
            }
            if (!closed) next_round();
        });
    }

    void restart_overdue() {
        for (const auto& key : schedule.restart_overdue()) {
            Source& source = *sources.at(key);
            source.overdue =
                core::message("{} was not asked for {} minutes by a fault of this program, and is asked again", key,
                              since_poll(key) / core::kMinute);
            core::log_error("poll_overdue", source.overdue, {{"endpoint", key}});
        }
    }
    Micros since_poll(const std::string& key) const { return clock.mono_us() - schedule.began(key); }

    void stop() {
        schedule.stop();
        refresh_again.stop();
        refreshing.clear();
        settle_refresh();
        next_round();
    }
};

EndpointSync::EndpointSync(core::Clock& clock, core::Random& random, Provider& provider, Listener& listener)
    : state_(std::make_shared<State>(clock, random, provider, listener)) {
    provider.when_news([weak = state_->weak_from_this()](const std::string& key) {
        const auto self = weak.lock();
        if (self && !self->closed) self->schedule.poll_by(key, self->clock.mono_us());
    });
}

EndpointSync::~EndpointSync() {
    state_->closed = true;
    state_->stop();
    state_->refresh_done.stop();
}

void EndpointSync::configure(const Config& config) {
    state_->configure(config);
}
void EndpointSync::restore(const Snapshot& snapshot) {
    state_->restore(snapshot);
}

void EndpointSync::start() {
    state_->schedule.start();
}

void EndpointSync::stop() {
    state_->stop();
}
void EndpointSync::probe_failed(const std::string& link) {
    state_->probe_failed(link);
}
void EndpointSync::refresh(std::function<void()> done) {
    state_->refresh(std::move(done));
}
void EndpointSync::restart_overdue() {
    state_->restart_overdue();
}

DiscoveryStatus EndpointSync::status(const std::string& link) const {
    const auto it = state_->links.find(link);
    if (it != state_->links.end()) {
        return status_of(it->second, state_->sources_of(it->second.config), state_->clock.wall_us());
    }
    DiscoveryStatus none;
    none.source = "none";
    return none;
}

DiscoveryCounters EndpointSync::counters() const {
    DiscoveryCounters out{state_->provider.requests(), state_->changes, state_->last_success_wall_us, {}};
    for (const auto& [key, source] : state_->sources) {
        if (state_->schedule.began(key) != 0) out.since_poll_us[key] = state_->since_poll(key);
    }
    return out;
}

core::Message EndpointSync::clock_problem() const {
    return state_->provider.clock_problem();
}

Micros EndpointSync::next_poll_mono_us(const std::string& source) const {
    return state_->schedule.due(source);
}

std::vector<core::Message> EndpointSync::warnings() const {
    std::vector<core::Message> out;
    for (const auto& [key, source] : state_->sources) {
        for (auto text : {source->doubt, source->overdue, refused_in(source->report), state_->age_of(source->report)}) {
            if (!text.empty()) out.push_back(std::move(text));
        }
    }
    return out;
}

void EndpointSync::fill(Snapshot& snapshot) const {
    snapshot.sources.clear();
    for (const auto& [key, s] : state_->sources) {
        if (s->known) snapshot.sources[key] = {s->held.served, s->report, s->confirmed_wall_us, s->changed_wall_us};
    }
    // What a link keeps though its sources have nothing for it any more: with the first of them, so that it is there after
    // a restart, too.
    for (const auto& [name, link] : state_->links) {
        const auto keys = source_keys(link.config);
        if (keys.empty() || snapshot.sources.count(keys.front()) == 0) continue;
        const auto now = compose(link.config, state_->sources_of(link.config), state_->clock.mono_us());
        if (!now || !now->empty()) continue;
        auto& saved = snapshot.sources[keys.front()].addresses;
        saved.insert(saved.end(), link.addresses.begin(), link.addresses.end());
        saved = make_endpoint_set(std::move(saved));
    }
}

}  // namespace postern::agent

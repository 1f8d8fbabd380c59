// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/steered_names.h"

#include <algorithm>

#include "agent/client/console.h"
#include "agent/cloud/clients.h"
#include "agent/config/token_store.h"
#include "agent/discovery/discovery_sources.h"
#include "agent/net/lookup.h"
#include "agent/steering/steering.h"
#include "core/file_watch.h"
#include "core/log.h"
#include "probe/probe_run.h"
#include "probe/tls_contexts.h"

namespace postern::agent::publish {
namespace {

constexpr Micros kSettles = 15 * core::kSecond;
constexpr Micros kHousekeeping = core::kMinute;

}  // namespace

struct SteeredNames::Parts final : private Steering::Outside {
    Parts(core::Loop& own_loop, core::Clock& own_clock, core::Random& random, const Config& first, std::string only,
          std::function<void()> told)
        : loop(own_loop),
          clock(own_clock),
          config(first),
          link(std::move(only)),
          changed(std::move(told)),
          lookup(loop, clock),
          cloud(loop, clock, random, lookup, config.aliyun),
          sources(clock, &loop, cloud.privatelink, lookup, is_stand_in(config.aliyun)),
          tokens(loop, clock, [this](const std::string& name) { steering.token_changed(name); }),
          contexts(loop, &clock),
          launcher(loop, clock, contexts),
          steering(clock, random, sources, launcher, lookup, *this),
          housekeeping(clock),
          hold(clock),
          watch(loop, clock, config.path) {}

    void start() {
        began = clock.mono_us();
        use();
        // Held back until the first probes have ended.
        steering.start(true);
        keep_house();
        hold.start_in(kSettles, [this] { changed(); });
        watch.start([this] { reload(); });
    }

    void use() {
        HostUpstreams upstreams;
        upstreams.servers = upstreams_of(config);
        lookup.set_upstreams(upstreams.servers);
        tokens.configure(config);
        // Also of names that postern does not answer on hosts: here they are published.
        Config published = config;
        for (auto& one : published.links)
            one.answer = true;
        steering.configure(published);
        steering.set_upstreams(upstreams);
    }

    void reload() {
        auto fresh = load_config(config.path);
        if (!fresh) {
            const auto& first = fresh.error().front();
            core::log_warning("publisher_config_refused",
                              format_issue(config.path, first) + "; the present configuration stays");
            return;
        }
        config = std::move(*fresh);
        cloud.configure(config.aliyun);
        sources.configure(is_stand_in(config.aliyun));
        use();
        core::log_info("publisher_config_reloaded", "the configuration was read again",
                       {{"links", std::to_string(config.links.size())}});
        changed();
    }

    void keep_house() {
        contexts.reload_changed();
        steering.restart_overdue_polls();
        housekeeping.start_in(kHousekeeping, [this] { keep_house(); });
    }

    void publish(PlanInput /*input*/) override { changed(); }
    void record(const probe::Record& /*record*/) override {}
    core::Secret token(const std::string& name) override { return tokens.token(name); }
    void token_refused(const std::string& name) override { tokens.reread(name); }
    void addresses_changed() override { changed(); }
    void verdicts_changed() override {}
    void drains_changed() override {}

    core::Loop& loop;
    core::Clock& clock;
    Config config;
    std::string link;
    std::function<void()> changed;
    AresLookup lookup;
    CloudStack cloud;
    DiscoverySources sources;
    TokenStore tokens;
    probe::TlsContexts contexts;
    probe::NetworkLauncher launcher;
    Steering steering;
    core::Timer housekeeping, hold;
    core::FileWatch watch;
    Micros began = 0;
    bool settled = false;  // for good
};

SteeredNames::SteeredNames(core::Loop& loop, core::Clock& clock, core::Random& random, const Config& config,
                           std::string link, std::function<void()> changed)
    : parts_(std::make_unique<Parts>(loop, clock, random, config, std::move(link), std::move(changed))) {}

SteeredNames::~SteeredNames() = default;

void SteeredNames::start() {
    parts_->start();
}

void SteeredNames::stop() {
    parts_->watch.stop();
    parts_->hold.stop();
    parts_->housekeeping.stop();
    parts_->steering.stop();
}

bool SteeredNames::settled() {
    if (parts_->settled) return true;
    const auto links = parts_->steering.plan_input().links;
    const bool known =
        std::none_of(links.begin(), links.end(), [](const auto& link) { return link.addresses.empty(); });
    parts_->settled = (known && parts_->steering.all_good()) || parts_->clock.mono_us() >= parts_->began + kSettles;
    return parts_->settled;
}

std::vector<ClusterName> SteeredNames::names() const {
    const PlanInput input = parts_->steering.plan_input();
    const Micros now = parts_->clock.mono_us();
    std::vector<ClusterName> out;
    for (const auto& known : input.links) {
        if (!parts_->link.empty() && known.name != parts_->link) continue;
        const auto& links = parts_->config.links;
        const auto link = std::find_if(links.begin(), links.end(), [&](const auto& l) { return l.name == known.name; });
        if (link == links.end()) continue;
        const bool judged = known.verdicts_until > now;
        out.push_back({known.name, known.host, link->probe.port, known.addresses,
                       judged ? known.decision.fresh : known.decision.stale});
        // The order of an answer is the host's: in an object it would only be a change.
        std::sort(out.back().answer.begin(), out.back().answer.end());
    }
    return out;
}

}  // namespace postern::agent::publish

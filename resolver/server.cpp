// SPDX-License-Identifier: Apache-2.0
#include "resolver/server.h"

#include <algorithm>

#include "core/log.h"
#include "core/text.h"

namespace postern::resolver {

Server::Server(core::Loop& loop, core::Clock& clock, core::Random& random, ServerSettings settings)
    : clock_(clock),
      stats_(clock, random, settings.stats_path),
      query_log_(clock, random, core::query_log_path(settings.stats_path)),
      listeners_(loop, clock, stats_.page()),
      cache_(random.next64(), stats_.page()),
      forwarder_(clock, random, stats_.page()),
      transport_(loop, clock, random, forwarder_),
      handler_(clock, stats_.page(), forwarder_, cache_, query_log_, listeners_),
      passed_(std::move(settings.sockets)),
      watcher_(
          loop, clock, std::move(settings.paths), stats_.page(), random.next64(),
          [this](PlanPointer plan) { use(std::move(plan)); }, [this] { stats_.write_now(); }) {
    watcher_.set_resolv_confs(std::move(settings.resolv_confs));
    forwarder_.connect(&transport_, &handler_);
    listeners_.connect(&handler_);
    handler_.on_awake([this] { stats_.touch(); });
    handler_.on_counted([this] { stats_.touch(); });
}

Server::~Server() {
    stats_.write_now();
    // The transport is destroyed before the forwarder, which must not cancel anything then.
    forwarder_.connect(nullptr, nullptr);
}

bool Server::start() {
    listeners_.adopt(std::move(passed_));
    watcher_.start();
    if (listeners_.empty() && handler_.plan()->view.listen.empty()) {
        // In a pod the agent starts beside it, and writes the first plan in a moment.
        core::log_warning("listen_later", "no address to listen on is known yet: the first plan will have one");
    } else if (listeners_.empty()) {
        core::log_error("no_listener",
                        "no address to listen on: no socket was passed, and no address of the plan or of the "
                        "fallback file can be bound");
        return false;
    }
    return true;
}

bool Server::allows(const core::IpAddress& client) const {
    const auto& allow = handler_.plan()->view.allow;
    return std::any_of(allow.begin(), allow.end(), [&](const auto& prefix) { return prefix.contains(client); });
}

core::Result<core::SocketAddress> Server::open_private(const core::SocketAddress& client) {
    auto address = listeners_.open_private(client);
    if (address) handler_.trust(listeners_.private_id());
    return address;
}

/// Records the missing addresses in the statistics, where the agent reads them, and logs them once, not
/// with every plan.
void Server::compare(const std::vector<core::SocketAddress>& wanted) {
    const bool say = listeners_.adopted() && std::exchange(compared_, wanted) != wanted;
    stats_.page().listen_missing = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (listeners_.serves(wanted[i])) continue;
        if (i < 64) stats_.page().listen_missing |= std::uint64_t{1} << i;
        if (!say) continue;
        core::log_warning("listen_mismatch", "an address of the plan is not among the sockets that were passed",
                          {{"address", wanted[i].text()}});
    }
}

/// Each once, as long as it lasts: plans come with every change of a verdict.
void Server::say_new_faults(const std::vector<core::Error>& errors) {
    std::vector<std::string> faults;
    for (const core::Error& error : errors) {
        faults.push_back(error.text());
        if (std::find(listen_faults_.begin(), listen_faults_.end(), faults.back()) == listen_faults_.end())
            core::log_error("listen_failed", faults.back());
    }
    listen_faults_ = std::move(faults);
}

/// A plan without addresses to listen on, or without upstreams, does not take those in use.
void Server::say_kept(const core::PlanView& plan) {
    std::string kept;
    if (plan.listen.empty() && !listeners_.adopted() && !listeners_.empty()) core::add_item(kept, "listen");
    if (plan.upstreams.empty() && !forwarder_.upstreams().empty()) core::add_item(kept, "upstream");
    if (std::exchange(kept_, kept) == kept || kept.empty()) return;
    core::log_warning("list_kept", "an empty list does not replace the one in use",
                      {{"path", "the plan"}, {"lists", kept}});
}

void Server::use(PlanPointer plan) {
    const core::PlanView& view = plan->view;
    say_new_faults(listeners_.listen_on(view.listen));
    compare(view.listen);
    const auto own = listeners_.addresses();
    std::vector<core::SocketAddress> left_out;
    auto upstreams = view.upstreams.empty()
                         ? forwarder_.upstreams()
                         : update_upstreams(forwarder_.upstreams(), view.upstreams, own, stats_.page(), &left_out);
    say_kept(view);
    const auto known = std::exchange(own_upstreams_, left_out);
    for (const auto& address : left_out) {
        count(stats_.page(), core::ResolverEvent::kLoopDetected);
        if (std::find(known.begin(), known.end(), address) != known.end()) continue;
        core::log_warning("upstream_is_self", "an upstream is an address of this resolver and is not used",
                          {{"upstream", address.text()}});
    }
    ForwarderLimits limits;
    limits.budget_us = static_cast<core::Micros>(view.settings.upstream_budget_ms) * core::kMillisecond;
    limits.client_us = static_cast<core::Micros>(view.settings.client_patience_ms) * core::kMillisecond;
    limits.max_inflight = view.settings.max_inflight;
    limits.max_waiters = 4 * limits.max_inflight;
    // Other servers may give other answers (VPN, split DNS): make the cached ones stale.
    if (upstreams != forwarder_.upstreams()) cache_.expire_all(clock_.mono_us());
    CacheSettings cache;
    cache.bytes = view.settings.cache_bytes;
    cache.serve_stale_us = static_cast<core::Micros>(view.settings.serve_stale_s) * core::kSecond;
    cache_.configure(cache);
    forwarder_.configure(std::move(upstreams), limits);
    listeners_.tcp().configure(
        {view.settings.tcp_max_clients, static_cast<core::Micros>(view.settings.tcp_idle_ms) * core::kMillisecond});
    query_log_.configure(view.settings.query_log_sample);
    handler_.use_plan(std::move(plan));
    stats_.write_now();
}

}  // namespace postern::resolver

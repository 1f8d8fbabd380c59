// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/connection_watch.h"

#include <algorithm>
#include <utility>

#include "agent/text/values.h"
#include "core/log.h"

namespace postern::agent {

void PoolLooker::look(std::vector<ConnectionTarget> targets, Done done) {
    auto found = std::make_shared<SocketLook>();
    loop_.run_in_pool([found, targets = std::move(targets)] { *found = look_at_sockets(targets); },
                      [found, done = std::move(done)] { done(std::move(*found)); });
}

ConnectionWatch::ConnectionWatch(core::Clock& clock, SocketLooker& looker, Outside& outside)
    : clock_(clock), looker_(looker), outside_(outside), timer_(clock) {}

ConnectionWatch::~ConnectionWatch() {
    *alive_ = false;
}

void ConnectionWatch::start() {
    started_ = true;
    look_soon();
}

void ConnectionWatch::stop() {
    started_ = false;
    timer_.stop();
}

void ConnectionWatch::look_soon() {
    if (!started_) return;
    if (looking_) {
        again_ = true;
        return;
    }
    timer_.start_at(std::max(clock_.mono_us(), earliest_us_), [this] { look(); });
}

void ConnectionWatch::look() {
    looking_ = true;
    again_ = false;
    looker_.look(outside_.connection_targets(), [this, alive = alive_](SocketLook found) {
        if (*alive) looked(std::move(found));
    });
}

void ConnectionWatch::looked(SocketLook found) {
    looking_ = false;
    const bool failed_before = report_.error.has_value();
    ++report_.looks;
    report_.looked_wall_us = clock_.wall_us();
    report_.complete = found.complete;
    report_.took_us = found.took_us;
    report_.cpu_us = found.cpu_us;
    report_.cpu_sum_us += found.cpu_us;
    report_.error = std::move(found.error);
    earliest_us_ = clock_.mono_us() + std::max(kMinBetween, kCpuShare * found.cpu_us);
    if (report_.error) {
        report_.targets.clear();
        if (!failed_before) core::log_warning("connections_unknown", report_.error->text());
    } else {
        report_.targets = std::move(found.targets);
        keep_histograms();
        tell();
    }
    if (!started_) return;
    for (const auto& seen : report_.targets) {
        if (!seen.target.bypass && seen.all.timing_out > 0)
            outside_.times_out(seen.target.link, seen.target.address.ip);
    }
    plan_next();
    outside_.looked();
}

void ConnectionWatch::plan_next() {
    if (again_) return look_soon();
    const bool trouble = std::any_of(report_.targets.begin(), report_.targets.end(),
                                     [](const auto& seen) { return seen.all.timing_out > 0; });
    const Micros quiet = report_.error ? kRarely : std::clamp(kQuietCpuShare * report_.cpu_us, kOften, kRarely);
    const Micros pause = trouble || !outside_.all_good() ? kOften : quiet;
    timer_.start_at(std::max(clock_.mono_us() + pause, earliest_us_), [this] { look(); });
}

/// Adds the new samples, and forgets the sums of targets that are gone.
void ConnectionWatch::keep_histograms() {
    decltype(histograms_) sums;
    for (auto& seen : report_.targets) {
        ConnectionHistograms sum = std::move(histograms_[seen.target]);
        sum.add(seen.histograms);
        seen.histograms = sum;
        sums.emplace(seen.target, sum);
    }
    histograms_ = std::move(sums);
}

void ConnectionWatch::tell() {
    std::set<ConnectionTarget> stuck;
    for (const auto& seen : report_.targets) {
        const bool was_stuck = stuck_.contains(seen.target);
        const bool is_stuck = seen.all.stuck > 0 || (was_stuck && !report_.complete);  // not seen is not gone
        if (is_stuck) stuck.insert(seen.target);
        if (was_stuck == is_stuck) continue;
        const core::Fields fields{{"link", seen.target.link},
                                  {"ip", seen.target.address.ip.text()},
                                  {"connections", std::to_string(seen.all.total())},
                                  {"stuck", std::to_string(seen.all.stuck)},
                                  {"for", rough_duration(seen.all.stuck_for_us)}};
        if (is_stuck) {
            core::log_warning("connections_stuck", "connections of applications get no acknowledgement", fields);
        } else {
            core::log_info("connections_unstuck", "no connection of applications is stuck any more", fields);
        }
    }
    stuck_ = std::move(stuck);
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/summary.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace postern::agent {

namespace {

template <class Bounds, class Value>
std::size_t bucket(const Bounds& bounds, Value value) {
    return static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin());
}

template <class Array>
void add_each(Array& to, const Array& from) {
    for (std::size_t i = 0; i < to.size(); ++i)
        to[i] += from[i];
}

}  // namespace

std::uint32_t ConnectionCounts::total() const {
    return std::accumulate(states.begin(), states.end(), std::uint32_t{0});
}

void ConnectionCounts::add(const Connection& c) {
    ++states[static_cast<std::size_t>(c.state)];
    if (!c.measured) return;
    stuck += is_stuck(c) ? 1 : 0;
    idle += is_idle(c) ? 1 : 0;
    timing_out += times_out(c) ? 1 : 0;
    without_keepalive += lacks_keepalive(c) ? 1 : 0;
    timeouts_max = std::max(timeouts_max, c.timeouts);
    unacked_bytes += c.unacked_bytes;
    stuck_for_us = std::max(stuck_for_us, stuck_for(c));
    if (c.unacked > 0 && c.state != TcpState::kConnecting) last_ack_us = std::max(last_ack_us, c.last_ack_us);
    rtt_max_us = std::max(rtt_max_us, c.rtt_us);
}

void ConnectionCounts::add(const ConnectionCounts& other) {
    add_each(states, other.states);
    stuck += other.stuck;
    idle += other.idle;
    timing_out += other.timing_out;
    without_keepalive += other.without_keepalive;
    timeouts_max = std::max(timeouts_max, other.timeouts_max);
    unacked_bytes += other.unacked_bytes;
    stuck_for_us = std::max(stuck_for_us, other.stuck_for_us);
    last_ack_us = std::max(last_ack_us, other.last_ack_us);
    rtt_max_us = std::max(rtt_max_us, other.rtt_max_us);
}

void ConnectionHistograms::add(const Connection& c) {
    if (!c.measured) return;
    ++timeouts[bucket(kTimeoutBounds, c.timeouts)];
    timeouts_sum += c.timeouts;
    if (c.rtt_us == 0) return;
    ++rtt[bucket(kRttBoundsUs, c.rtt_us)];
    rtt_sum_us += c.rtt_us;
}

void ConnectionHistograms::add(const ConnectionHistograms& other) {
    add_each(rtt, other.rtt);
    add_each(timeouts, other.timeouts);
    rtt_sum_us += other.rtt_sum_us;
    timeouts_sum += other.timeouts_sum;
}

ConnectionSummary::ConnectionSummary(const std::vector<ConnectionTarget>& targets) {
    for (const auto& target : targets) {
        by_address_.emplace(std::pair{target.address.ip, target.address.port}, targets_.size());
        targets_.emplace_back().seen.target = target;
    }
}

void ConnectionSummary::add(const Connection& c) {
    if (c.inode == 0) return;
    const auto [first, last] = by_address_.equal_range({c.remote, c.remote_port});
    for (auto it = first; it != last; ++it) {
        Target& target = targets_[it->second];
        target.seen.all.add(c);
        target.seen.histograms.add(c);
        if (target.users.size() < kMaxCountedUsers || target.users.contains(c.uid)) {
            target.users[c.uid].add(c);
        } else {
            target.too_many_users = true;
        }
    }
}

std::vector<TargetConnections> ConnectionSummary::take() {
    std::vector<TargetConnections> out;
    for (auto& target : targets_) {
        auto& users = target.seen.users;
        for (const auto& [uid, counts] : target.users)
            users.push_back({uid, counts});
        std::stable_sort(users.begin(), users.end(), [](const UserCounts& a, const UserCounts& b) {
            return std::tuple(a.counts.stuck, a.counts.total()) > std::tuple(b.counts.stuck, b.counts.total());
        });
        if (users.size() > kMaxShownUsers) {
            target.seen.more_users = users.size() - kMaxShownUsers;
            users.resize(kMaxShownUsers);
        }
        target.seen.more_users += target.too_many_users ? 1 : 0;
        out.push_back(std::move(target.seen));
    }
    targets_.clear();
    by_address_.clear();
    return out;
}

}  // namespace postern::agent

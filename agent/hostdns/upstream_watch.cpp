// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/upstream_watch.h"

#include <algorithm>

namespace postern::agent {

namespace {

using core::Micros;

constexpr std::uint64_t kEnough = 3;                     // so many failures without an answer between are no accident
constexpr Micros kQuestion = 1500 * core::kMillisecond;  // for an answer
constexpr Micros kDoubt = 5 * core::kSecond;
constexpr Micros kLookHolds = 3 * core::kMinute;  // several rounds, with eight servers

std::uint64_t total(const core::StatsPage& page, std::size_t rcode) {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : page.queries[static_cast<std::size_t>(core::Source::kUpstream)][rcode])
        sum += count;
    return sum;
}

}  // namespace

void UpstreamRecord::count(const core::UpstreamStats& now, bool fresh, Micros now_us) {
    const core::UpstreamStats before = std::exchange(counted_, now);
    if (!std::exchange(counts_, true) || fresh) return;
    const auto grew = [&](std::uint64_t core::UpstreamStats::*member) {
        return now.*member > before.*member ? now.*member - before.*member : 0;
    };
    const std::uint64_t refused = grew(&core::UpstreamStats::refused), servfail = grew(&core::UpstreamStats::servfail);
    const std::uint64_t silent = grew(&core::UpstreamStats::timeouts) + grew(&core::UpstreamStats::network_errors);
    if (grew(&core::UpstreamStats::answered) > refused + servfail) {
        silent_ = refused_ = servfail_ = 0;
        return;
    }
    if (refused + servfail > 0) silent_ = 0;  // it is there
    silent_ += silent;
    refused_ += refused;
    servfail_ += servfail;
    if (silent + refused + servfail > 0) failed_us_ = now_us;
}

void UpstreamRecord::looked(const UpstreamLook& look, Micros now_us) {
    look_ = look;
    looked_us_ = now_us;
    silent_looks_ = look.state == UpstreamState::kSilent ? silent_looks_ + 1 : 0;
    resolved_ = resolved_ || look.resolves;
    if (look.state == UpstreamState::kWorks) silent_ = refused_ = servfail_ = 0;
}

UpstreamState UpstreamRecord::state(Micros now_us, const Others& others) const {
    using enum UpstreamState;
    const bool failed_lately = failed_us_ != 0 && now_us - failed_us_ < UpstreamWatch::kRecent;
    const auto counted = [&](std::uint64_t failures) { return failed_lately && failures >= kEnough; };
    const bool newer = failed_us_ > looked_us_ && silent_ + refused_ + servfail_ >= kEnough;  // than what was seen
    const bool looked_lately = looked_us_ != 0 && now_us - looked_us_ < kLookHolds && !newer;
    const bool names_lately = others.names_us != 0 && now_us - others.names_us < UpstreamWatch::kRecent;
    const bool resolved = resolved_ || others.known;
    // A server for private names alone refuses or does not know all others: only what it knew before, or what programs
    // asked in vain, counts against it.
    switch (looked_lately ? look_.state : kUnknown) {
        case kWorks:
            return kWorks;
        case kOneAddress:
            return kOneAddress;
        case kSilent:
            return silent_looks_ > 1 || counted(silent_) ? kSilent : kUnknown;
        case kRefused:
            return resolved || counted(refused_) ? kRefused : kUnknown;
        case kServfail:
            return resolved || counted(servfail_) ? kServfail : kUnknown;
        case kNoNames:
            return !names_lately && (resolved || others.absent >= kEnough) ? kNoNames : kUnknown;
        case kUnknown:
            break;
    }
    return counted(silent_) ? kSilent : counted(refused_) ? kRefused : counted(servfail_) ? kServfail : kUnknown;
}

UpstreamWatch::UpstreamWatch(core::Clock& clock, Asker& asker) : clock_(clock), asker_(asker), timer_(clock) {}
UpstreamWatch::~UpstreamWatch() {
    *alive_ = false;
}

void UpstreamWatch::use(const std::vector<core::SocketAddress>& servers) {
    std::map<core::SocketAddress, UpstreamRecord> kept;
    for (const auto& server : servers) {
        const auto known = records_.find(server);
        kept[server] = known == records_.end() ? UpstreamRecord{} : known->second;
    }
    servers_ = servers;
    records_ = std::move(kept);
}

void UpstreamWatch::know(const std::string& name) {
    name_ = name;
    others_.known = true;
}

void UpstreamWatch::start() {
    started_ = true;
    timer_.start_in(kSoon, [this] { ask_next(); });
}

void UpstreamWatch::stop() {
    started_ = false;
    timer_.stop();
}

void UpstreamWatch::ask_next() {
    timer_.start_in(kEvery, [this] { ask_next(); });
    if (servers_.empty() || asking_) return;
    const core::SocketAddress server = next_server();
    asking_ = true;
    asker_.ask(server, name_, [this, server, alive = alive_](const UpstreamLook& look) {
        if (!*alive) return;
        asking_ = false;
        const auto record = records_.find(server);
        if (record == records_.end()) return;
        record->second.looked(look, clock_.mono_us());
        const bool first_round = next_ < servers_.size();
        // One lost question is no silence.
        const bool unsure = look.state == UpstreamState::kSilent &&
                            record->second.state(clock_.mono_us(), others_) == UpstreamState::kUnknown;
        if (started_ && (first_round || unsure || in_doubt()))
            timer_.start_in(first_round ? kSoon : kDoubt, [this] { ask_next(); });
    });
}

bool UpstreamWatch::in_doubt() const {
    return std::any_of(records_.begin(), records_.end(), [](const auto& entry) { return entry.second.doubtful(); });
}

core::SocketAddress UpstreamWatch::next_server() {
    for (const auto& [server, record] : records_) {
        if (record.doubtful()) return server;
    }
    return servers_[next_++ % servers_.size()];
}

void UpstreamWatch::sample(const core::StatsPage& page,
                           const std::map<core::SocketAddress, core::UpstreamStats>& counters) {
    const bool fresh = page.start_id != start_id_;
    const Micros now = clock_.mono_us();
    start_id_ = page.start_id;
    const std::uint64_t found = total(page, 0), absent = total(page, 3);
    if (!fresh && found > found_) {
        others_.names_us = now;
        others_.absent = 0;
    } else if (!fresh && absent > absent_) {
        others_.absent += absent - absent_;
    }
    found_ = found;
    absent_ = absent;
    const bool before = in_doubt();
    for (auto& [server, record] : records_) {
        const auto known = counters.find(server);
        if (known != counters.end()) record.count(known->second, fresh, now);
    }
    if (!before && in_doubt() && started_ && !asking_) timer_.start_in(kSoon, [this] { ask_next(); });
}

std::vector<UpstreamSeen> UpstreamWatch::seen() const {
    std::vector<UpstreamSeen> out;
    for (const auto& server : servers_) {
        const UpstreamRecord& record = records_.at(server);
        out.push_back({server, record.state(clock_.mono_us(), others_), record.look().one});
    }
    return out;
}

void PoolAsker::ask(const core::SocketAddress& server, const std::string& name,
                    std::function<void(UpstreamLook)> done) {
    const auto look = std::make_shared<UpstreamLook>();
    loop_.run_in_pool([look, server, name] { *look = look_at_upstream(server, name, kQuestion); },
                      [look, done = std::move(done)] { done(*look); });
}

}  // namespace postern::agent

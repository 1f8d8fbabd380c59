// SPDX-License-Identifier: Apache-2.0
#include "probe/verdict.h"

#include <algorithm>

namespace postern::probe {
namespace {

bool passes(State state) {
    return state == State::kUp || state == State::kDegraded;
}

constexpr int kMaxStreak = 1'000'000;
constexpr core::Micros kKeepsRemoved = 10 * core::kSecond;
constexpr std::size_t kMaxRemoved = 1024;

/// How many of the last 2 × `fall` - 1 attempts.
int lately(const std::bitset<kMaxAttempts>& failures, int fall) {
    const auto window = static_cast<std::size_t>(std::max(1, 2 * fall - 1));
    return static_cast<int>((failures << (kMaxAttempts - std::min(window, kMaxAttempts))).count());
}
bool fell(const std::bitset<kMaxAttempts>& failures, int fall) {
    return lately(failures, fall) >= fall;
}

}  // namespace

Blame blame(Reason reason) {
    switch (reason) {
        case Reason::kTcpRefused:
        case Reason::kTcpTimeout:
        case Reason::kTcpReset:
        case Reason::kNoRoute:
        case Reason::kNetUnreachable:
        case Reason::kHostUnreachable:
        case Reason::kProhibited:
        case Reason::kTlsTimeout:
        case Reason::kTlsReset:
        case Reason::kTlsEof:
        case Reason::kTlsAlert:
        case Reason::kTlsProtocol:
        case Reason::kCertExpired:
        case Reason::kCertNotYetValid:
        case Reason::kCertNameMismatch:
        case Reason::kCertUntrusted:
        case Reason::kHttpTimeout:
        case Reason::kHttpReset:
        case Reason::kHttpProtocol:
        case Reason::kHttpTruncated:
        case Reason::kNotTdengine:
            return Blame::kPath;
        case Reason::kHttpRedirect:
        case Reason::kHttpStatus4xx:
        case Reason::kHttpStatus401:
        case Reason::kHttpStatus403:
        case Reason::kHttpStatus429:
        case Reason::kHttpStatus5xx:
        case Reason::kHttpStatusUnexpected:
        case Reason::kBodyTooLarge:
        case Reason::kBodyInvalidJson:
        case Reason::kBodyMismatch:
        case Reason::kSqlAuth:
        case Reason::kSqlPermission:
        case Reason::kSqlError:
        case Reason::kSqlUnavailable:
            return Blame::kService;
        case Reason::kNone:
        case Reason::kLocalFdLimit:
        case Reason::kLocalPortExhausted:
        case Reason::kLocalOom:
        case Reason::kLocalCancelled:
        case Reason::kTokenMissing:
        case Reason::kCount:
            return Blame::kNobody;
    }
    return Blame::kNobody;
}

bool is_comparable(Reason reason) {
    const bool ours =
        reason == Reason::kHttpStatus401 || reason == Reason::kSqlAuth || reason == Reason::kSqlPermission;
    return blame(reason) == Blame::kService && !ours;
}

std::string_view to_string(LinkPolicy policy) {
    switch (policy) {
        case LinkPolicy::kAny:
            return "any";
        case LinkPolicy::kQuorum:
            return "quorum";
        case LinkPolicy::kAll:
            return "all";
    }
    return "?";
}

State link_state(const std::vector<State>& addresses, LinkPolicy policy) {
    std::size_t good = 0, unknown = 0, up = 0;
    for (const State state : addresses) {
        good += passes(state) ? 1 : 0;
        up += state == State::kUp ? 1 : 0;
        unknown += state == State::kUnknown ? 1 : 0;
    }
    const std::size_t all = addresses.size();
    const std::size_t needed = policy == LinkPolicy::kAny ? 1 : policy == LinkPolicy::kAll ? all : all / 2 + 1;
    if (all == 0) return State::kUnknown;
    if (good >= needed) return up + unknown == all ? State::kUp : State::kDegraded;
    return good + unknown >= needed ? State::kUnknown : State::kDown;
}

int rank(State state) {
    switch (state) {
        case State::kDown:
            return 0;
        case State::kDegraded:
            return 1;
        case State::kUnknown:
            return 2;
        case State::kUp:
            break;
    }
    return 3;
}

void VerdictBook::Failures::add(Reason reason) {
    const Blame blamed = blame(reason);
    const auto note = [](auto& kind, bool failed) {
        kind <<= 1;
        kind[0] = failed;
    };
    note(path, blamed == Blame::kPath);
    note(service, blamed == Blame::kService);
    note(comparable, is_comparable(reason));
    if (blamed == Blame::kService && !is_comparable(reason)) path.reset();
}

int VerdictBook::Entry::fall_needed() const {
    return blips > kBlipsFree ? rule.fall + (rule.fall + 1) / 2 : rule.fall;
}

void VerdictBook::Streaks::succeeded(int rise) {
    ok = std::min(ok + 1, kMaxStreak);
    failed = 0;
    if (ok >= rise) shaken = false;
}

void VerdictBook::Streaks::broke() {
    failed = std::min(failed + 1, kMaxStreak);
    ok = 0;
    shaken = true;
}

void VerdictBook::Streaks::turned_down(core::Micros now) {
    forget(now);
    if (downs.size() >= kMaxDowns) downs.erase(downs.begin());
    downs.push_back(now);
}

void VerdictBook::Streaks::forget(core::Micros now) {
    std::erase_if(downs, [now](core::Micros at) { return now - at > kFlapWindow; });
}

int VerdictBook::Streaks::rise_needed(int rise) const {
    int needed = rise;
    for (std::size_t n = static_cast<std::size_t>(kFlapsFree); n < downs.size() && needed < kMaxRise; ++n)
        needed *= 2;
    return std::max(rise, std::min(needed, kMaxRise));
}

bool VerdictBook::Streaks::may_rise(const VerdictRule& rule, core::Micros now) const {
    const int needed = rise_needed(rule.rise);
    return ok >= needed && (downs.empty() || now - downs.back() >= needed * rule.fast_interval_us);
}

/// Of a new target: what is known of the address from a link that was removed lately, if it is probed in the same way.
VerdictBook::Entry VerdictBook::entry_for(const ScheduledTarget& target, bool beside_good) {
    const auto known = std::find_if(removed_.begin(), removed_.end(), [&](const Removed& r) {
        return r.ip == target.target.ip && *r.entry.spec == *target.target.spec;
    });
    Entry entry;
    if (known != removed_.end()) {
        entry = std::move(known->entry);
        removed_.erase(known);
        return entry;
    }
    entry.health.since_wall_us = clock_.wall_us();
    entry.health.since_mono_us = clock_.mono_us();
    if (beside_good) entry.health.newcomer_until_mono_us = clock_.mono_us() + kNewcomer;
    return entry;
}

std::set<std::string> VerdictBook::good_links() const {
    std::set<std::string> links;
    for (const auto& [key, entry] : entries_) {
        const Verdict& v = entry.health.verdict;
        if (passes(v.path) && v.service != State::kDown) links.insert(key.first);
    }
    return links;
}

void VerdictBook::set_targets(const std::vector<ScheduledTarget>& targets) {
    const core::Micros now = clock_.mono_us();
    std::erase_if(removed_, [now](const Removed& r) { return now - r.at > kKeepsRemoved; });
    const std::set<std::string> good = good_links();
    std::map<Key, Entry> kept;
    for (const ScheduledTarget& t : targets)
        kept.insert(entries_.extract({t.target.link, t.target.ip}));
    for (auto& [key, entry] : entries_)
        if (removed_.size() < kMaxRemoved) removed_.push_back({key.second, now, std::move(entry)});
    for (const ScheduledTarget& t : targets) {
        const Key key{t.target.link, t.target.ip};
        auto it = kept.find(key);
        if (it == kept.end()) it = kept.emplace(key, entry_for(t, good.count(t.target.link) != 0)).first;
        Entry& entry = it->second;
        entry.rule = t.rule;
        entry.spec = t.target.spec;
        entry.degraded_over_us = t.target.spec->degraded_over_us;
        entry.expiry_warning_us = t.target.spec->expiry_warning_us;
    }
    entries_ = std::move(kept);
    rates_.clear();
    for (const auto& [key, entry] : entries_)
        rates_[key.first] += entry.rate.share();
}

void VerdictBook::fold_path(Entry& entry, bool ok) {
    State& path = entry.health.verdict.path;
    if (ok) {
        entry.path.succeeded(entry.rule.rise);
        if (path == State::kDown) {
            if (!entry.path.may_rise(entry.rule, clock_.mono_us())) return;
            entry.failures.path.reset();
        }
        path = State::kUp;
    } else {
        entry.path.broke();
        if (fell(entry.failures.path, entry.fall_needed()) && path != State::kDown) {
            path = State::kDown;
            entry.path.turned_down(clock_.mono_us());
        }
    }
}

void VerdictBook::fold_service(Entry& entry, const ProbeResult& result) {
    AddressHealth& health = entry.health;
    State& service = health.verdict.service;
    if (health.verdict.path == State::kDown) {
        // While the path is down, or recovering from that, nothing is known about the service.
        service = State::kUnknown;
        entry.service.ok = 0;
        entry.failures.service.reset();
        entry.failures.comparable.reset();
        entry.service.shaken = false;
        entry.slow = {};
        health.slow = false;
        return;
    }
    if (result.reason == Reason::kTokenMissing) {
        service = State::kUnknown;
        entry.service = {};
        entry.failures = {};
        return;
    }
    if (blame(result.reason) == Blame::kService) {
        entry.service.broke();
        if (fell(entry.failures.service, entry.fall_needed()) && service != State::kDown) {
            service = State::kDown;
            entry.service.turned_down(clock_.mono_us());
        }
        return;
    }
    if (!result.ok) return;  // a failure of the path, but too few for down: the service keeps its state
    entry.service.succeeded(entry.rule.rise);
    if (service != State::kDown || entry.service.may_rise(entry.rule, clock_.mono_us())) service = State::kUp;
    if (service == State::kDown) return;
    const bool slow = entry.degraded_over_us > 0 && result.total_us > entry.degraded_over_us;
    if (slow) {
        entry.slow.broke();
        if (entry.slow.failed >= entry.rule.fall) health.slow = true;
    } else {
        entry.slow.succeeded(entry.rule.rise);
        if (entry.slow.ok >= entry.rule.rise) health.slow = false;
    }
    if (health.slow || health.certificate_expiring) service = State::kDegraded;
}

void VerdictBook::fold_rate(const Key& key, Entry& entry, bool passed) {
    AddressHealth& health = entry.health;
    Verdict& verdict = health.verdict;
    const bool down = verdict.path == State::kDown || verdict.service == State::kDown;
    Share& of_link = rates_[key.first];
    of_link -= entry.rate.share();
    if (down) {  // the state says it all, and after an outage the rate begins anew
        entry.rate = {};
    } else {
        entry.rate.add(clock_.mono_us(), passed);
    }
    health.rate = entry.rate.share();
    health.peers_rate = of_link;
    of_link += health.rate;
    const bool enough = health.rate.failed() >= entry.rule.fall;
    health.below_peers = enough && is_below(health.rate, health.peers_rate);
    health.partial = enough && is_partial(health.rate, health.peers_rate);
    if (!health.partial) return;
    if (verdict.service == State::kUp) verdict.service = State::kDegraded;
    if (entry.without_token && verdict.path == State::kUp) verdict.path = State::kDegraded;
}

/// Updates what is derived from the verdicts and streaks.
void VerdictBook::refresh(Entry& entry, const Verdict& before) {
    AddressHealth& health = entry.health;
    const Verdict& now = health.verdict;
    health.path_down = now.path == State::kDown;
    health.service_down_comparable =
        now.service == State::kDown && lately(entry.failures.comparable, entry.fall_needed()) > 0;
    const Streaks* down = health.path_down ? &entry.path : now.service == State::kDown ? &entry.service : nullptr;
    health.rise_needed = down != nullptr ? down->rise_needed(entry.rule.rise) : 0;
    health.flapping = health.rise_needed > entry.rule.rise;
    // A down verdict is settled until a success; any other one unless it is shaken.
    const auto unsettled = [](State verdict, const Streaks& streaks) {
        return verdict == State::kDown ? streaks.ok > 0 : streaks.shaken;
    };
    health.settled = !unsettled(now.path, entry.path) && !unsettled(now.service, entry.service);
    if (before.overall() != now.overall()) {
        health.since_wall_us = clock_.wall_us();
        health.since_mono_us = clock_.mono_us();
    }
}

Fold VerdictBook::fold(const ProbeResult& result) {
    const auto it = entries_.find(Key{result.link, result.ip});
    if (it == entries_.end()) return Fold{{}, {}, Pace::kNormal, false};
    Entry& entry = it->second;
    AddressHealth& health = entry.health;
    Fold fold;
    fold.before = fold.after = health.verdict;
    health.last = result;
    const bool token_missing = result.reason == Reason::kTokenMissing;
    if (is_local(result.reason) && !token_missing) {
        fold.pace = health.settled ? Pace::kNormal : Pace::kFast;
        return fold;
    }
    health.last_mono_us = clock_.mono_us();
    health.restored = false;
    entry.path.forget(health.last_mono_us);
    entry.service.forget(health.last_mono_us);
    const bool failed = !result.ok && !token_missing;
    health.streak = failed ? std::min(health.streak, 0) - 1 : std::max(health.streak, 0) + 1;
    if (!failed) health.last_ok_mono_us = health.last_mono_us;
    if (result.certificate.present) {
        health.certificate_expiring =
            result.certificate.chain_not_after_us < result.started_wall_us + entry.expiry_warning_us;
    }
    entry.blips -= entry.blips / kBlipMemory;
    if (failed) {
        entry.failures.add(result.reason);
    } else {
        const bool down = fold.before.path == State::kDown || fold.before.service == State::kDown;
        if (entry.failures.any() && !down) entry.blips += 1;
        entry.failures = {};
        entry.without_token = token_missing;
        health.newcomer_until_mono_us = 0;
    }
    fold_path(entry, blame(result.reason) != Blame::kPath);
    fold_service(entry, result);
    fold_rate(it->first, entry, !failed);
    refresh(entry, fold.before);
    fold.after = health.verdict;
    fold.pace = health.settled ? Pace::kNormal : Pace::kFast;
    return fold;
}

const AddressHealth* VerdictBook::find(std::string_view link, const core::IpAddress& ip) const {
    const auto it = entries_.find(Key{std::string(link), ip});
    return it == entries_.end() ? nullptr : &it->second.health;
}

core::Micros VerdictBook::last_sweep_done_mono_us(std::string_view link) const {
    core::Micros oldest = core::kNever;
    for (auto it = entries_.lower_bound(Key{std::string(link), core::IpAddress{}});
         it != entries_.end() && it->first.first == link; ++it) {
        if (it->second.health.restored) return 0;
        oldest = std::min(oldest, it->second.health.last_mono_us);
    }
    return oldest == core::kNever ? 0 : oldest;
}

}  // namespace postern::probe

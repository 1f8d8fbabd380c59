// SPDX-License-Identifier: Apache-2.0
// The two verdicts of every address, derived from the results of its attempts: path (is the gateway reached?) and
// service (does the database behind it answer?). Owned by the agent, loop thread only.
//
// - Unknown becomes up with the first success, and down after `fall` failures in a row. Up becomes down after `fall`
//   failures in a row, down becomes up after `rise` successes in a row. A streak of failures is broken by a pass of the
//   whole probe, not by a failure of another kind: `fall` of the last 2 × `fall` - 1 attempts since the last pass are
//   enough. A refused token (is_comparable() tells which) breaks the path's as a pass does: the way there works.
// - Loss is no outage: where passes have ended more than kBlipsFree failures lately before they were a verdict, half as
//   many failures more than `fall` are needed. At 5 % loss `fall` of them meet by chance several times a day.
// - A failure of the service is a success of the path. While the path is down the service is unknown. With
//   token_missing the path is judged and the service is unknown. local_* changes nothing.
// - Degraded is a state of the service: after `fall` slow successes in a row (slower than degraded_over), until
//   `rise` fast ones in a row; while a certificate expires within expiry_warning; or while a part of the attempts fails
//   (success_rate.h), from `fall` failures on. Without a token it is a state of the path.
// - Flap damping: a verdict that went down more than three times in ten minutes needs more successes in a row to go
//   up: rise × 2 after the fourth time, × 4 after the fifth, …, 60 at most. A single outage is never damped. Times
//   older than ten minutes are forgotten, also while the verdict is down.
// - Dwell: a verdict stays down for at least the time that the needed successes take at the fast interval, even if
//   they come faster (`postern refresh`, overlapping attempts). Going down is never delayed.
// - After a restart verdicts younger than the plan's validity are restored, with the times when they went down. Other
//   addresses are unknown, and an unknown address is part of the answers - but for a newcomer: one that was added to a
//   link whose others are up, until its first success, or a minute.
#pragma once

#include <bitset>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "probe/scheduler.h"
#include "probe/success_rate.h"

namespace postern::probe {

inline constexpr core::Micros kFlapWindow = 10 * core::kMinute;
inline constexpr int kFlapsFree = 3;
inline constexpr int kMaxRise = 60;
inline constexpr std::size_t kMaxDowns = 16;
inline constexpr std::size_t kMaxAttempts = 320;  // more than 3 × the largest `fall`
inline constexpr int kBlipsFree = 3;
inline constexpr int kBlipMemory = 1440;  // attempts: four hours at the default interval
inline constexpr core::Micros kNewcomer = core::kMinute;

/// The verdict that a failure counts for.
enum class Blame { kNobody, kPath, kService };
Blame blame(Reason reason);
/// A failure of the service that can be the address's own: every one but a refused token or a missing permission. Such
/// an address is left out of the answers, but only while another address of the link passes the same request.
bool is_comparable(Reason reason);

/// The state of one address.
struct AddressHealth {
    Verdict verdict;
    core::Micros since_wall_us = 0;  // when the overall state last changed
    core::Micros since_mono_us = 0;
    int streak = 0;       // > 0: successes in a row; < 0: failures in a row; without local_*
    bool settled = true;  // false: there are contrary results, but not yet enough to change the verdict
    bool slow = false;    // degraded because of its times
    bool certificate_expiring = false;
    bool flapping = false;  // damped: rise_needed is more than VerdictRule::rise
    int rise_needed = 0;    // successes in a row that a down verdict needs; 0 when none is down
    bool restored = false;  // from before a restart, without a result since
    bool path_down = false;
    bool service_down_comparable = false;
    bool partial = false;      // degraded because a part of its attempts fails
    bool below_peers = false;  // more of them than of the link's other addresses
    Share rate, peers_rate;    // of the last kRateWindow
    core::Micros newcomer_until_mono_us = 0;
    core::Micros last_ok_mono_us = 0;  // 0: never
    core::Micros last_mono_us = 0;     // of the last result other than local_*; 0: none
    std::optional<ProbeResult> last;   // the last result, local_* included
};

/// The effect of one result.
struct Fold {
    Verdict before, after;
    Pace pace = Pace::kNormal;  // for Scheduler::OnResult
    bool known = true;          // false: not a target (any more), so nothing was changed
    bool changed() const { return before != after; }
};

inline constexpr int kVerdictsVersion = 1;  // of the saved form

enum class LinkPolicy { kAny, kQuorum, kAll };
std::string_view to_string(LinkPolicy policy);

/// The state of a link from the states of its addresses. The policy is met when 1, more than half, or all of them are
/// up or degraded. Met: up if all are up, else degraded. Not met: unknown if it would be met with the unknown ones,
/// else down. Without addresses: unknown.
State link_state(const std::vector<State>& addresses, LinkPolicy policy);

/// The place of a state in a list that begins with trouble: down 0, degraded, unknown, up 3.
int rank(State state);

class VerdictBook {
  public:
    explicit VerdictBook(core::Clock& clock) : clock_(clock) {}

    /// The list that the scheduler gets. Addresses of the old list keep their state, new ones are unknown.
    void set_targets(const std::vector<ScheduledTarget>& targets);
    /// Applies a result to the verdicts of its address.
    Fold fold(const ProbeResult& result);

    /// nullptr for an address that is not a target. Valid until the next set_targets().
    const AddressHealth* find(std::string_view link, const core::IpAddress& ip) const;
    /// The time of the oldest of the last results of the link's addresses; 0 while one has none,
    /// or without addresses.
    core::Micros last_sweep_done_mono_us(std::string_view link) const;
    bool first_sweep_done(std::string_view link) const { return last_sweep_done_mono_us(link) != 0; }

    /// The verdicts as JSON, with a version and a checksum.
    std::string to_json() const;
    /// Restores the verdicts of targets that have no result yet, from entries that are younger than `max_age_us` and
    /// not in the future (after the clock was set back their age is unknown). Returns how many. A damaged text, or
    /// one of another version, restores nothing and is an error.
    core::Result<int> restore(const std::string& json, core::Micros max_age_us);

  private:
    struct Streaks {
        int ok = 0, failed = 0;           // in a row; failures are counted for `slow` only
        bool shaken = false;              // a failure, without `rise` successes since
        std::vector<core::Micros> downs;  // when it went down, within kFlapWindow
        void succeeded(int rise);
        void broke();
        void turned_down(core::Micros now);
        void forget(core::Micros now);
        int rise_needed(int rise) const;
        bool may_rise(const VerdictRule& rule, core::Micros now) const;
    };
    /// Which of the attempts since the last pass of the whole probe failed how; the newest is bit 0.
    struct Failures {
        std::bitset<kMaxAttempts> path, service, comparable;
        void add(Reason reason);
        bool any() const { return path.any() || service.any(); }
    };
    struct Entry {
        /// How many failures in a row the verdicts need to be down.
        int fall_needed() const;
        VerdictRule rule;
        std::shared_ptr<const ProbeSpec> spec;
        core::Micros degraded_over_us = 0, expiry_warning_us = 0;
        AddressHealth health;
        Streaks path, service, slow;  // slow.ok: fast successes, slow.failed: slow ones
        Failures failures;
        SuccessRate rate;
        double blips = 0;            // failures that a pass ended in time; each fades over kBlipMemory attempts
        bool without_token = false;  // the last pass was one without a token
    };
    struct Removed {
        core::IpAddress ip;
        core::Micros at = 0;
        Entry entry;
    };
    using Key = std::pair<std::string, core::IpAddress>;

    Entry entry_for(const ScheduledTarget& target, bool beside_good);
    std::set<std::string> good_links() const;
    void fold_rate(const Key& key, Entry& entry, bool passed);
    void fold_path(Entry& entry, bool ok);
    void fold_service(Entry& entry, const ProbeResult& result);
    void refresh(Entry& entry, const Verdict& before);

    core::Clock& clock_;
    std::map<Key, Entry> entries_;
    std::map<std::string, Share> rates_;  // of all addresses of a link
    std::vector<Removed> removed_;        // lately: a renamed link takes them up again
};

}  // namespace postern::probe

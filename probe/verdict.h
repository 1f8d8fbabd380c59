// The two verdicts of every address, folded from results: path (does it lead to the gateway?) and service (does the
// database behind it answer?).
//
// Rules. From unknown: the first success is up, `fall` failures in a row are down. Up → down after `fall` failures in a
// row, down → up after `rise` successes in a row. A service failure is a success of the path. While the path is down the
// service is unknown. Without a token (token_missing) the path counts, the service is unknown. local_* changes nothing.
// Degraded is a state of the service: `fall` slow successes in a row (over degraded_over), or a certificate that
// ends within expiry_warning; `rise` quick ones end the former.
// Flap damping: a verdict that has turned down more than three times in ten minutes needs more successes in a row to turn
// up again: rise × 2 after the fourth time, × 4 after the fifth, …, at most 60. One outage is never damped; a time is
// forgotten when it is ten minutes old, also while the verdict is down.
// Dwell: what turned down stays so for as long as the successes it needs take at the fast interval, however quickly they
// come (somebody asks with `postern refresh`, attempts overlap). Turning down never waits: a dead address costs more.
// Across a restart, verdicts younger than the plan's validity go on, with the times they turned down; an address without
// one is unknown, and unknown is answered.
// Owned by the agent, loop thread only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "probe/scheduler.h"

namespace postern::probe {

inline constexpr core::Micros kFlapWindow = 10 * core::kMinute;
inline constexpr int kFlapsFree = 3;
inline constexpr int kMaxRise = 60;
inline constexpr std::size_t kMaxDowns = 16;

/// Which verdict a failure speaks about.
enum class Blame { kNobody, kPath, kService };
Blame blame(Reason reason);
/// A service failure that may be this address's alone: 5xx, sql_unavailable, a bad body. These may steer, but only
/// while another address of the same link passes.
bool is_comparable(Reason reason);

/// What the agent knows of one address.
struct AddressHealth {
    Verdict verdict;
    core::Micros since_wall_us = 0;  // of the present overall state
    core::Micros since_mono_us = 0;
    int streak = 0;       // > 0 successes in a row, < 0 failures; local_* does not count
    bool settled = true;  // false: between the first contrary result and the verdict
    bool slow = false;    // degraded for its times
    bool certificate_expiring = false;
    bool flapping = false;  // damped: rise_needed is more than the rule's
    int rise_needed = 0;    // successes in a row that turn what is down; 0 when nothing is
    bool restored = false;  // from before a restart: nothing has come since
    bool path_down = false;
    bool service_down_comparable = false;
    core::Micros last_ok_mono_us = 0;  // 0: never
    core::Micros last_mono_us = 0;     // of the last result that said something (not local_*); 0: none yet
    std::optional<ProbeResult> last;   // the last of all, local_* too
};

/// One result, folded.
struct Fold {
    Verdict before, after;
    Pace pace = Pace::kNormal;  // what Scheduler's on_result wants to be told
    bool known = true;          // false: not (or no longer) a target; nothing was changed
    bool changed() const { return before != after; }
};

enum class LinkPolicy { kAny, kQuorum, kAll };
std::string_view to_string(LinkPolicy policy);

/// A link's state from its addresses' states. The policy is met by 1, more than half, or all addresses that are up or
/// degraded. Met: up if every address is up, else degraded. Not met: unknown while the unknown ones could still meet it,
/// else down. No addresses: unknown.
State link_state(const std::vector<State>& addresses, LinkPolicy policy);

class VerdictBook {
  public:
    explicit VerdictBook(core::Clock& clock) : clock_(clock) {}

    /// The same list that the scheduler gets. Addresses that stay keep everything, new ones are unknown.
    void set_targets(const std::vector<ScheduledTarget>& targets);
    Fold fold(const ProbeResult& result);

    /// nullptr for an address that is no target. Valid until the next set_targets().
    const AddressHealth* find(std::string_view link, const core::IpAddress& ip) const;
    /// Every address has a result no older than this; 0 until the first sweep of the link is done (or it has none).
    core::Micros last_sweep_done_mono_us(std::string_view link) const;
    bool first_sweep_done(std::string_view link) const { return last_sweep_done_mono_us(link) != 0; }
    State link_overall(std::string_view link, LinkPolicy policy) const;

    /// The verdicts as JSON with version and checksum, and back: only entries younger than max_age and not of the future
    /// (the clock was set back: nobody knows how old they are), only for present targets that have no result yet. A
    /// foreign, damaged or newer text restores nothing and is an error.
    std::string to_json() const;
    core::Result<int> restore(const std::string& json, core::Micros max_age_us);

  private:
    struct Streaks {
        int ok = 0, failed = 0;           // in a row
        bool shaken = false;              // failed, and not `rise` successes since
        std::vector<core::Micros> downs;  // when it turned down, within kFlapWindow
        void succeeded(int rise);
        void broke();
        void turned_down(core::Micros now);
        void forget(core::Micros now);
        int rise_needed(int rise) const;
        bool may_rise(const VerdictRule& rule, core::Micros now) const;
    };
    struct Entry {
        VerdictRule rule;
        core::Micros degraded_over_us = 0, expiry_warning_us = 0;
        AddressHealth health;
        Streaks path, service, slow;            // slow.ok: quick successes, slow.failed: slow ones
        Reason service_reason = Reason::kNone;  // of the last service failure
    };
    using Key = std::pair<std::string, core::IpAddress>;

    void fold_path(Entry& entry, bool ok);
    void fold_service(Entry& entry, const ProbeResult& result);
    void refresh(Entry& entry, const Verdict& before);

    core::Clock& clock_;
    std::map<Key, Entry> entries_;
};

}  // namespace postern::probe

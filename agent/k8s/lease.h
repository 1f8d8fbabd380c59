// SPDX-License-Identifier: Apache-2.0
// One publisher of several writes: the one whose name is in the Lease (coordination.k8s.io/v1). Whether its holder lives is
// judged by what changes while we look, never by the other's clock. Passive: it is told the time.
#pragma once

#include <optional>
#include <string>

#include "agent/k8s/cluster.h"
#include "core/clock.h"

namespace postern::agent::k8s {

inline constexpr core::Micros kLeaseDuration = 15 * core::kSecond;
inline constexpr core::Micros kLeaseRenewal = 5 * core::kSecond;
/// How long after a renewal was sent its holder may write: less than the others wait, by what a write may take.
inline constexpr core::Micros kLeaseHeld = 10 * core::kSecond;

class Lease {
  public:
    /// `me` is nobody else's name, also not that of an earlier run of this program.
    Lease(std::string name, std::string space, std::string me);

    /// What to do about the Lease as it was just read.
    enum class Turn { kTake, kRenew, kWait };
    Turn judge(const std::optional<JsonView>& there, core::Micros now_mono_us);
    /// The write for kTake and kRenew, for the Lease as it was last judged. `create`: it is not there yet.
    struct Write {
        bool create = false;
        std::string body;
    };
    Write write(core::Micros now_wall_us) const;
    /// The write was done; `sent_mono_us`: when it was begun.
    void written(core::Micros sent_mono_us);
    /// Another has it, or it is not known.
    void lost() { held_until_ = 0; }

    bool held(core::Micros now_mono_us) const { return now_mono_us < held_until_; }
    /// Who had it when it was last judged; "" for nobody.
    const std::string& holder() const { return holder_; }
    /// As its holder last wrote it, by the holder's clock: only to tell one renewal from another.
    const std::string& renewed() const { return renewed_; }
    /// When its holder will have been silent for its whole time; kNever: there is none other.
    core::Micros expires_mono_us() const;
    /// Gives it back at an end, so that the next one need not wait; nullopt: it is not ours.
    std::optional<std::string> release(core::Micros now_wall_us) const;

    ObjectName object() const { return {Kind::kLease, name_}; }

  private:
    std::string name_, space_, me_;
    std::string holder_, version_, renewed_;
    core::Micros duration_ = kLeaseDuration;  // the holder's
    std::int64_t transitions_ = 0;
    bool there_ = false, judged_ = false;
    core::Micros changed_mono_us_ = 0;  // when it was first seen as it is
    core::Micros held_until_ = 0;
};

}  // namespace postern::agent::k8s

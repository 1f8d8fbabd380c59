// SPDX-License-Identifier: Apache-2.0
// A host must not lose DNS because of postern: if nothing answers at the address that the host points to, the host
// gets its own DNS back, and postern takes it over again once it has answered for a while. Also ends a truce.
#pragma once

#include "agent/hostdns/takeover.h"

namespace postern::agent {

struct RescueHooks {
    std::function<std::vector<std::string>()> names;  // the names served when it takes over again
    /// Runs a change under the takeover lock.
    std::function<core::Result<void>(const std::function<core::Result<void>()>&)> locked;
};

class Rescue {
  public:
    Rescue(HostSystem& host, JournalFile journal, TakeoverHooks hooks, RescueHooks own);

    /// Returns when postern answers or nothing is taken over; stays while the takeover is suspended or in a truce, and never leaves
    /// the units stopped while the host points at them.
    core::Result<void> run();

    static constexpr core::Micros kPatience = 3 * core::kSecond;
    static constexpr core::Micros kGoodFor = 30 * core::kSecond;
    static constexpr std::size_t kMaxPerHour = 3;

  private:
    bool answers_within(const core::SocketAddress& listen, core::Micros time) const;
    bool good_for_a_while(const core::SocketAddress& listen) const;
    void give_back(const core::SocketAddress& listen);
    void try_to_resume(const Journal& journal);
    void end_truce();
    void keep_own_dns();
    void stop_if_suspended();
    void units(const char* verb);

    HostSystem& host_;
    JournalFile journal_;
    TakeoverHooks hooks_;
    RescueHooks own_;
    Takeover takeover_;
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// A host must not lose DNS because of postern: if nothing answers at the address that the host points to, the host
// gets its own DNS back, and postern takes it over again once it has answered for a while. Also ends a truce. The program
// postern-rescue looks for as long as the system is up; it needs neither the agent nor the resolver, their units or their
// libraries.
#pragma once

#include "agent/hostdns/report.h"
#include "agent/hostdns/takeover.h"

namespace postern::agent {

class Rescue {
  public:
    using Change = std::function<core::Result<void>()>;
    /// `locked` runs a change under the takeover lock.
    Rescue(HostSystem& host, JournalFile journal, TakeoverHooks hooks,
           std::function<core::Result<void>(const Change&)> locked);

    /// One look, and what it calls for; returns the time until the next one. Never leaves the units stopped while the
    /// host points at them.
    core::Micros look();

    static constexpr core::Micros kPatience = 3 * core::kSecond;
    static constexpr core::Micros kPatienceAtStart = 8 * core::kSecond;  // at boot the resolver starts, too
    static constexpr core::Micros kEvery = 3 * core::kSecond;
    static constexpr core::Micros kGoodFor = 30 * core::kSecond;
    static constexpr std::size_t kMaxPerHour = 3;

  private:
    bool answers_within(const core::SocketAddress& listen, core::Micros time) const;
    bool good_for_a_while(const core::SocketAddress& listen) const;
    void give_back(const core::SocketAddress& listen);
    void give_back_without_journal(core::Micros patience);
    core::Micros try_to_resume(const Journal& journal);
    void end_truce();
    void keep_own_dns();
    void stop_if_suspended();
    void start_units();
    void units(const char* verb);
    void failed(const core::Error& error);

    HostSystem& host_;
    JournalFile journal_;
    JournalWatch watch_;
    TakeoverHooks hooks_;
    std::function<core::Result<void>(const Change&)> locked_;
    Takeover takeover_;
    bool first_ = true;
    std::string told_;  // the last problem: the same one is told once
};

}  // namespace postern::agent

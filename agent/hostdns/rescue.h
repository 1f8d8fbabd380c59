// SPDX-License-Identifier: Apache-2.0
// A host must not lose DNS because of postern: if nothing answers at the address that the host points to, or programs do
// not get our answers and applying the takeover again does not help, the host gets its own DNS back, and postern takes
// it over again once it has answered for a while. Also ends a truce. The program postern-rescue looks for as long as the
// system is up; it needs neither the agent nor the resolver, their units or their libraries.
#pragma once

#include "agent/hostdns/host_path.h"
#include "agent/hostdns/report.h"
#include "agent/hostdns/takeover.h"

namespace postern::agent {

class Rescue {
  public:
    using Change = std::function<core::Result<void>()>;
    /// `locked` runs a change under the takeover lock; `show` gets what is known of the host's path.
    Rescue(HostSystem& host, JournalFile journal, TakeoverHooks hooks,
           std::function<core::Result<void>(const Change&)> locked, std::function<void(const PathLook&)> show);

    /// One look, and what it calls for; returns the time until the next one. Never leaves the units stopped while the
    /// host points at them.
    core::Micros look();

    static constexpr core::Micros kPatience = 4 * core::kSecond;         // a program waits 5 s for its first server
    static constexpr core::Micros kPatienceAtStart = 8 * core::kSecond;  // at boot the resolver starts, too
    static constexpr core::Micros kEvery = 2 * core::kSecond;
    static constexpr core::Micros kGoodFor = 30 * core::kSecond;
    static constexpr std::size_t kMaxPerHour = 3;
    static constexpr core::Micros kPathEvery = 5 * core::kSecond;
    static constexpr core::Micros kPathPatienceAtStart = 20 * core::kSecond;  // at boot resolved and others start, too
    static constexpr int kMaxMends = 3;                                       // before the host gets its own DNS back
    static constexpr core::Micros kLongestBackOff = core::kMinute * 5;        // between takeovers that fail

  private:
    bool answers_within(const core::SocketAddress& listen, core::Micros time) const;
    bool good_for_a_while(const core::SocketAddress& listen) const;
    void give_back(const core::Message& why);
    PathLook look_at_path(const Journal& journal, core::Micros time);
    void keep_path(Journal journal);
    std::vector<std::string> names(const Journal& journal) const;
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
    std::function<void(const PathLook&)> show_;
    HostPath path_;
    core::Micros path_expected_us_ = 0;  // until then what fails is waited for
    core::Micros next_path_look_ = 0, back_off_ = 0, not_before_ = 0;
    FileState looked_at_;                  // resolv.conf at the last look
    core::Micros taken_over_wall_us_ = 0;  // likewise
    Takeover takeover_;
    bool first_ = true;
    std::string told_;  // the last problem: the same one is told once
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The state of one upstream server: its round-trip time, whether it answers, whether it supports EDNS and cookies.
// Passive. Kept over plan changes as long as its address is in the plan. Loop thread.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/plan.h"
#include "core/stats_page.h"

namespace postern::resolver {

class Upstream {
  public:
    static constexpr core::Micros kMinPatience = 200 * core::kMillisecond;
    static constexpr core::Micros kPlainFor = 15 * core::kMinute;  // without OPT after the server has rejected it

    Upstream(std::uint32_t id, const core::SocketAddress& address) : id_(id), address_(address) {}

    std::uint32_t id() const { return id_; }
    const core::SocketAddress& address() const { return address_; }
    core::Micros srtt_us() const { return srtt_us_; }
    /// How long to wait for a reply before the next server is asked: max(200 ms, 3 × smoothed round-trip time).
    core::Micros patience() const { return std::max(kMinPatience, 3 * srtt_us_); }

    /// Has failed several times in a row: asked last, until it answers again.
    bool suspect() const { return failures_ >= kSuspectAfter; }
    /// From time to time a suspect server gets a copy of a query, for which no client waits.
    bool recheck_due(core::Micros now) const { return suspect() && now >= recheck_at_; }
    void recheck_started(core::Micros now);

    bool speaks_edns(core::Micros now) const { return now >= plain_until_; }
    void refused_edns(core::Micros now) { plain_until_ = now + kPlainFor; }

    /// The DNS cookie (RFC 7873): the client cookie, followed by the server cookie once it is known.
    core::ByteView cookie() const { return {cookie_.data(), cookie_size_}; }
    bool has_cookie() const { return cookie_size_ != 0; }
    bool speaks_cookies() const { return cookie_size_ > kClientCookie; }
    void make_cookie(std::uint64_t random);
    /// Stores the cookie of a reply; false if its client cookie is not ours.
    bool take_cookie(core::ByteView cookie);
    void forget_server_cookie() { cookie_size_ = kClientCookie; }

    // What happened to a query:
    void sent(bool tcp);
    void answered(core::Micros rtt_us, std::uint16_t rcode);
    void stayed_silent(core::Micros now);
    void failed(core::Micros now);

    /// Moves its counters into a slot of the stats page. Until then they are in this object.
    void count_in(core::UpstreamStats* slot);
    void detach();

  private:
    static constexpr unsigned kSuspectAfter = 3;
    static constexpr std::uint8_t kClientCookie = 8;
    void trouble(core::Micros now);

    std::uint32_t id_;
    core::SocketAddress address_;
    core::Micros srtt_us_ = 0;
    core::Micros recheck_at_ = 0;
    core::Micros recheck_every_ = 0;
    core::Micros plain_until_ = 0;
    std::array<std::uint8_t, 40> cookie_{};
    std::uint8_t cookie_size_ = 0;
    unsigned failures_ = 0;  // in a row: silence and network errors
    core::UpstreamStats own_{};
    core::UpstreamStats* stats_ = &own_;
};

using UpstreamPointer = std::shared_ptr<Upstream>;
using UpstreamList = std::vector<UpstreamPointer>;

/// The list for a plan: known servers keep their state, addresses that we listen on (`own`) are left out and added to
/// `left_out`, and the counters move into `page`. Of more servers than the page has slots, which the agent never
/// writes, only the first are used.
UpstreamList update_upstreams(const UpstreamList& old, const std::vector<core::PlanUpstream>& wanted,
                              const std::vector<core::SocketAddress>& own, core::StatsPage& page,
                              std::vector<core::SocketAddress>* left_out);

}  // namespace postern::resolver

// What is known about one upstream server: how quick it is, whether it answers, what it can't do. Passive:
// told what happened and when. Kept over plan changes as long as its address stays.
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
    static constexpr core::Micros kPlainFor = 15 * core::kMinute;  // then OPT is tried again

    Upstream(std::uint32_t id, const core::SocketAddress& address) : id_(id), address_(address) {}

    std::uint32_t id() const { return id_; }
    const core::SocketAddress& address() const { return address_; }
    core::Micros srtt_us() const { return srtt_us_; }
    /// How long to wait in silence before the next server is asked: max(200 ms, 3 × smoothed round trip).
    core::Micros patience() const { return std::max(kMinPatience, 3 * srtt_us_); }

    /// Out of order: not asked first until it has answered once more.
    bool suspect() const { return failures_ >= kSuspectAfter; }
    /// A suspect server gets one extra query beside the one that counts, now and then; no client waits for
    /// it.
    bool recheck_due(core::Micros now) const { return suspect() && now >= recheck_at_; }
    void recheck_started(core::Micros now);

    bool speaks_edns(core::Micros now) const { return now >= plain_until_; }
    void refused_edns(core::Micros now) { plain_until_ = now + kPlainFor; }

    /// DNS cookies (RFC 7873): ours, and behind it the server's once it gave one.
    core::ByteView cookie() const { return {cookie_.data(), cookie_size_}; }
    bool has_cookie() const { return cookie_size_ != 0; }
    bool speaks_cookies() const { return cookie_size_ > kClientCookie; }
    void make_cookie(std::uint64_t random);
    /// From a reply: false if its client part is not ours.
    bool take_cookie(core::ByteView cookie);
    void forget_server_cookie() { cookie_size_ = kClientCookie; }

    void sent(bool tcp);
    void answered(core::Micros rtt_us, std::uint16_t rcode);
    void stayed_silent(core::Micros now);
    void failed(core::Micros now);

    /// Where its counters live; its own until it has a slot of the stats page.
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

/// The list for a plan: known servers keep what was learnt, addresses in `own` are left out (a query to
/// ourselves would come back), and counters move into `page`. `left_out` gets the refused ones. A plan with
/// more servers than the page has slots (the agent writes none) is served by the first of them.
UpstreamList update_upstreams(const UpstreamList& old, const std::vector<core::PlanUpstream>& wanted,
                              const std::vector<core::SocketAddress>& own, core::StatsPage& page,
                              std::vector<core::SocketAddress>* left_out);

}  // namespace postern::resolver

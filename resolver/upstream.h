// SPDX-License-Identifier: Apache-2.0
// The state of one upstream server: its round-trip time, when it last answered, and which extras its queries may carry.
// Passive. Kept over plan changes as long as its address is in the plan. Loop thread.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/plan.h"
#include "core/stats_page.h"

namespace postern::resolver {

/// What a query carries beside its question. A server, or a box on the way to it, that does not cope with one is asked
/// with the next.
enum class Extras : std::uint8_t {
    kCookie,  // OPT with a DNS cookie (RFC 7873)
    kOpt,     // OPT without options
    kNone,
};

class Upstream {
  public:
    static constexpr core::Micros kMinPatience = 200 * core::kMillisecond;
    static constexpr core::Micros kLimitedFor = 15 * core::kMinute;  // then all extras are tried again

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

    /// When it last sent any reply; 0: not yet.
    core::Micros answered_at() const { return answered_at_; }

    /// Whether it may be asked for the sake of knowing that it lives: once a second at most.
    bool knock_due(core::Micros now) const { return now >= knocked_at_ + core::kSecond; }
    void knocked(core::Micros now) { knocked_at_ = now; }

    /// Whether it may be asked, once a minute, if it leads back to us: not while it answers others.
    bool loop_check_due(core::Micros now) const {
        return now >= loop_check_at_ && (answered_at_ == 0 || now >= answered_at_ + core::kSecond);
    }
    void loop_check_started(core::Micros now) { loop_check_at_ = now + core::kMinute; }
    /// It does: not to be asked for a minute. True: to be logged, which was not done for an hour.
    bool loop_found(core::Micros now);
    bool loops(core::Micros now) const { return now < loops_until_; }

    /// The most that a query to it may carry, as far as is known.
    Extras extras(core::Micros now) const { return now < limited_until_ ? limit_ : Extras::kCookie; }
    /// Queries carry no more than `most` for kLimitedFor.
    void limit(Extras most, core::Micros now);
    /// It answered a query with `extras`, and not the one before, which carried more. A lost packet looks the same:
    /// limits a server that has answered fuller queries only when this happens twice in a row.
    void answered_only(Extras extras, core::Micros now);
    /// It has sent an answer with OPT.
    bool speaks_edns() const { return speaks_edns_; }

    /// The DNS cookie (RFC 7873): the client cookie, followed by the server cookie once it is known.
    core::ByteView cookie() const { return {cookie_.data(), cookie_size_}; }
    bool has_cookie() const { return cookie_size_ != 0; }
    bool speaks_cookies() const { return cookie_size_ > kClientCookie; }
    void make_cookie(std::uint64_t random);
    /// Whether the client cookie in a reply is ours.
    bool is_own_cookie(core::ByteView cookie) const;
    /// Stores the cookie of a reply, which is_own_cookie().
    void take_cookie(core::ByteView cookie);
    void forget_server_cookie() { cookie_size_ = kClientCookie; }

    // What happened to a query:
    void sent(bool tcp);
    void answered(core::Micros now, core::Micros rtt_us, std::uint16_t rcode);
    /// An answer, as against an error, to a query with these extras.
    void coped_with(Extras extras, bool reply_has_opt);
    /// A server that has answered others since `sent_at` is slow with this question, not silent.
    void stayed_silent(core::Micros now, core::Micros sent_at);
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
    core::Micros answered_at_ = 0;
    core::Micros knocked_at_ = -core::kSecond;
    core::Micros limited_until_ = 0;
    core::Micros loop_check_at_ = 0;
    core::Micros loops_until_ = 0;
    core::Micros loop_logged_until_ = 0;
    Extras limit_ = Extras::kCookie;
    std::optional<Extras> fullest_;  // of the queries that it has answered
    unsigned only_ = 0;              // answered_only() in a row
    bool speaks_edns_ = false;
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

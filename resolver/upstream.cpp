// SPDX-License-Identifier: Apache-2.0
#include "resolver/upstream.h"

#include <algorithm>

#include "resolver/wire.h"

namespace postern::resolver {
namespace {

constexpr core::Micros kFirstRecheck = core::kSecond;
constexpr core::Micros kLastRecheck = 30 * core::kSecond;
constexpr unsigned kOnlyInARow = 2;

/// Whether a query to `server` would reach a socket bound to `listen`.
bool reaches(const core::SocketAddress& server, const core::SocketAddress& listen) {
    if (server.port != listen.port) return false;
    if (server.ip == listen.ip) return true;
    const bool wildcard =
        std::all_of(listen.ip.data(), listen.ip.data() + listen.ip.size(), [](auto b) { return b == 0; });
    return wildcard && server.ip.is_loopback();
}

}  // namespace

void Upstream::make_cookie(std::uint64_t random) {
    core::store_le(cookie_.data(), random);
    cookie_size_ = kClientCookie;
}

bool Upstream::is_own_cookie(core::ByteView cookie) const {
    return cookie.size() >= kClientCookie &&
           std::equal(cookie.begin(), cookie.begin() + kClientCookie, cookie_.begin());
}

void Upstream::take_cookie(core::ByteView cookie) {
    // A server cookie has 8 to 32 bytes (RFC 7873 4); ignore one of another size.
    if (cookie.size() < 2u * kClientCookie || cookie.size() > cookie_.size()) return;
    std::copy(cookie.begin(), cookie.end(), cookie_.begin());
    cookie_size_ = static_cast<std::uint8_t>(cookie.size());
}

void Upstream::limit(Extras most, core::Micros now) {
    limit_ = most;
    limited_until_ = now + kLimitedFor;
}

bool Upstream::loop_found(core::Micros now) {
    loops_until_ = now + core::kMinute;
    if (now < loop_logged_until_) return false;
    loop_logged_until_ = now + 60 * core::kMinute;
    return true;
}

void Upstream::answered_only(Extras extras, core::Micros now) {
    const bool answered_fuller = fullest_ && *fullest_ < extras;
    if (++only_ >= kOnlyInARow || !answered_fuller) limit(extras, now);
}

void Upstream::coped_with(Extras extras, bool reply_has_opt) {
    if (!fullest_ || extras < *fullest_) fullest_ = extras;
    if (extras == Extras::kCookie) only_ = 0;
    speaks_edns_ = speaks_edns_ || (extras != Extras::kNone && reply_has_opt);
}

void Upstream::sent(bool tcp) {
    ++stats_->sent;
    if (tcp) ++stats_->tcp;
}

void Upstream::answered(core::Micros now, core::Micros rtt_us, std::uint16_t rcode) {
    answered_at_ = now;
    srtt_us_ = srtt_us_ == 0 ? rtt_us : (7 * srtt_us_ + rtt_us) / 8;
    failures_ = 0;
    ++stats_->answered;
    if (rcode == kServFail) ++stats_->servfail;
    if (rcode == kRefused) ++stats_->refused;
    stats_->srtt_us = static_cast<std::uint32_t>(std::min<core::Micros>(srtt_us_, UINT32_MAX));
    stats_->rtt_sum_us += static_cast<std::uint64_t>(rtt_us);
    const auto bound = std::lower_bound(core::kLatencyBoundsUs.begin(), core::kLatencyBoundsUs.end(), rtt_us);
    ++stats_->rtt_buckets[static_cast<std::size_t>(bound - core::kLatencyBoundsUs.begin())];
}

void Upstream::stayed_silent(core::Micros now, core::Micros sent_at) {
    ++stats_->timeouts;
    if (answered_at_ < sent_at) trouble(now);
}

void Upstream::failed(core::Micros now) {
    ++stats_->network_errors;
    trouble(now);
}

void Upstream::trouble(core::Micros now) {
    if (++failures_ == kSuspectAfter) {
        recheck_every_ = kFirstRecheck;
        recheck_at_ = now + recheck_every_;
    }
}

void Upstream::recheck_started(core::Micros now) {
    recheck_every_ = std::min(2 * recheck_every_, kLastRecheck);
    recheck_at_ = now + recheck_every_;
}

void Upstream::count_in(core::UpstreamStats* slot) {
    if (slot == stats_) return;
    *slot = *stats_;
    slot->id = id_;
    stats_ = slot;
}

void Upstream::detach() {
    own_ = *stats_;
    stats_ = &own_;
}

UpstreamList update_upstreams(const UpstreamList& old, const std::vector<core::PlanUpstream>& wanted,
                              const std::vector<core::SocketAddress>& own, core::StatsPage& page,
                              std::vector<core::SocketAddress>* left_out) {
    UpstreamList list;
    for (const auto& w : wanted) {
        if (list.size() == core::StatsPage::kMaxUpstreams) break;
        const auto same = [&](const UpstreamPointer& u) { return u->address() == w.address && u->id() == w.id; };
        if (std::any_of(own.begin(), own.end(), [&](const auto& a) { return reaches(w.address, a); })) {
            left_out->push_back(w.address);
        } else if (std::none_of(list.begin(), list.end(), same)) {
            const auto known = std::find_if(old.begin(), old.end(), same);
            list.push_back(known != old.end() ? *known : std::make_shared<Upstream>(w.id, w.address));
        }
    }
    // The slots of removed servers are freed with their counters: a server that comes back starts from 0, as the
    // agent expects of an id that reappears.
    const auto keeps = [&](std::uint32_t id) {
        return std::any_of(list.begin(), list.end(), [&](const auto& u) { return u->id() == id; });
    };
    for (const auto& u : old) {
        if (std::find(list.begin(), list.end(), u) == list.end()) u->detach();
    }
    for (auto& slot : page.upstreams) {
        if (slot.id != 0 && !keeps(slot.id)) slot = {};
    }
    for (const auto& u : list) {
        auto* slot = std::find_if(std::begin(page.upstreams), std::end(page.upstreams),
                                  [&](const auto& s) { return s.id == u->id(); });
        if (slot == std::end(page.upstreams)) {
            slot = std::find_if(std::begin(page.upstreams), std::end(page.upstreams),
                                [](const auto& s) { return s.id == 0; });
        }
        if (slot != std::end(page.upstreams)) u->count_in(slot);
    }
    return list;
}

}  // namespace postern::resolver

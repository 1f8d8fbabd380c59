// SPDX-License-Identifier: Apache-2.0
#include "resolver/forwarder.h"

#include <algorithm>
#include <cerrno>

#include "resolver/upstream_query.h"

namespace postern::resolver {
namespace {

using core::ResolverEvent;

constexpr std::size_t kMaxAttempts = 24;  // of one flight: 3 rounds through 8 servers
constexpr unsigned kRounds = 3;
// Packets to the right port that don't match are rare, unless somebody guesses IDs. After this many of the 65,536 IDs
// the question is repeated over TCP, where that does not work (RFC 5452 9.1).
constexpr unsigned kMaxForeign = 8;
constexpr core::Micros kTcpPatience = core::kSecond;  // for a handshake and an answer
constexpr std::size_t kShareBeyond = 64;              // with max_waiters reached a client may have 1/64 of it
constexpr std::size_t kMaxKept = 64;                  // capacity of `waiters` that is kept for the next flight

bool is_complaint(std::uint16_t rcode) {
    return rcode == kFormErr || rcode == kNotImp || rcode == kBadVers;
}

bool any_live(const Flight& f) {
    return std::any_of(f.attempts.begin(), f.attempts.end(), [](const Attempt& a) { return a.live; });
}

std::uint64_t make_cookie(std::uint32_t slot, std::uint32_t generation, std::size_t attempt) {
    return std::uint64_t{generation} << 32 | std::uint64_t{slot & 0xffffff} << 8 | attempt;
}

}  // namespace

Forwarder::Forwarder(core::Clock& clock, core::Random& random, core::StatsPage& stats)
    : clock_(clock), random_(random), stats_(stats), seed_(random.next64()), timer_(clock) {}

Forwarder::~Forwarder() {
    if (transport_ == nullptr) return;
    for (Flight& f : flights_) {
        for (Attempt& a : f.attempts) {
            if (a.live) transport_->cancel(a.handle);
        }
    }
}

void Forwarder::connect(UpstreamTransport* transport, FlightOwner* owner) {
    transport_ = transport;
    owner_ = owner;
}

void Forwarder::configure(UpstreamList upstreams, const ForwarderLimits& limits) {
    upstreams_ = std::move(upstreams);
    limits_ = limits;
}

Forwarder::Asked Forwarder::ask(const FlightKey& key, Waiter waiter, core::Micros stale_after_us) {
    const std::uint64_t hash = key.hash(seed_);
    const core::IpAddress ip = waiter.to.peer.ip();
    waiter.client = static_cast<std::uint8_t>(hash_bytes({ip.data(), ip.size()}, seed_));
    if (!has_room_for(waiter.client)) {
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kOverload)];
        return Asked::kOverload;
    }
    if (const auto same = flights_.find(key, hash)) {
        Flight& f = flights_[*same];
        if (is_own_query(f, waiter)) {
            ++stats_.events[static_cast<std::size_t>(ResolverEvent::kLoopDetected)];
            return Asked::kLoop;
        }
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kJoined)];
        add_waiter(f, std::move(waiter));
        if (stale_after_us != 0 && f.patience_until == 0) {
            f.patience_until = clock_.mono_us() + stale_after_us;
            schedule(*same);
        }
        return Asked::kJoined;
    }
    if (flights_.size() >= limits_.max_inflight) {
        // End an old flight rather than refuse the new question. (Private names and cache hits need no flight.)
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kOverload)];
        give_up(flights_.victim(), kEdeOther);
    }
    const Slot slot = start(key, waiter.question, hash, waiter.client, stale_after_us);
    add_waiter(flights_[slot], std::move(waiter));
    try_next(slot);
    return Asked::kStarted;
}

/// A client that repeats one question can fill max_waiters; the others are still accepted.
bool Forwarder::has_room_for(std::uint8_t client) const {
    return waiters_ < limits_.max_waiters || waiting_of_client_[client] < limits_.max_waiters / kShareBeyond;
}

void Forwarder::add_waiter(Flight& f, Waiter waiter) {
    ++waiters_;
    ++waiting_of_client_[waiter.client];
    f.waiters.push_back(std::move(waiter));
}

void Forwarder::drop_waiters(Flight& f) {
    waiters_ -= f.waiters.size();
    for (const Waiter& w : f.waiters)
        --waiting_of_client_[w.client];
    f.waiters.clear();
    if (f.waiters.capacity() > kMaxKept) f.waiters = {};
}

void Forwarder::prefetch(const FlightKey& key, ByteView question) {
    const std::uint64_t hash = key.hash(seed_);
    if (flights_.has(hash) || flights_.size() >= limits_.max_inflight / 2) return;
    try_next(start(key, question, hash, FlightTable::kNobody, 0));
}

/// An upstream leads back to us: the query has the ID and source port of one of our own, or a server asks us the
/// question that we have asked it. Otherwise the flight would wait for itself until its deadline, as it still does
/// with another forwarder on this host, whose address is that of the programs here.
bool Forwarder::is_own_query(const Flight& f, const Waiter& waiter) const {
    const core::IpAddress ip = waiter.to.peer.ip();
    return std::any_of(f.attempts.begin(), f.attempts.end(), [&](const Attempt& a) {
        if (!a.live) return false;
        if (!waiter.to.loopback && a.upstream->address().ip == ip) return true;
        return !a.tcp && a.id == waiter.id && transport_->local_port(a.handle) == waiter.to.peer.port();
    });
}

Forwarder::Slot Forwarder::start(const FlightKey& key, ByteView question, std::uint64_t hash, std::uint16_t client,
                                 core::Micros stale_after_us) {
    const Slot slot = flights_.add(key, question, hash, client);
    Flight& f = flights_[slot];
    f.started_at = clock_.mono_us();
    f.deadline = f.started_at + limits_.budget_us;
    f.patience_until = stale_after_us == 0 ? 0 : f.started_at + stale_after_us;
    order_servers(f);
    if (f.order.size() > 1) {
        for (std::size_t i = 0; i < f.order.size(); ++i) {
            if (!f.order[i]->recheck_due(f.started_at)) continue;
            f.order[i]->recheck_started(f.started_at);
            send(slot, i, f.order[i]->speaks_edns(f.started_at), false, true);
            break;
        }
    }
    return slot;
}

/// The order of the plan, but suspect servers come last.
void Forwarder::order_servers(Flight& f) {
    f.order.clear();
    for (const auto& u : upstreams_) {
        if (!u->suspect()) f.order.push_back(u);
    }
    for (const auto& u : upstreams_) {
        if (u->suspect()) f.order.push_back(u);
    }
    f.spoke.assign(f.order.size(), false);
}

void Forwarder::try_next(Slot slot) {
    Flight& f = flights_[slot];
    const std::size_t servers = f.order.size();
    while (f.next < servers * kRounds) {
        const std::size_t server = f.next++ % servers;
        if (f.spoke[server]) continue;
        if (send(slot, server, f.order[server]->speaks_edns(clock_.mono_us()), false)) return schedule(slot);
    }
    if (any_live(f)) return schedule(slot);  // a silent server may still answer before the deadline
    // All servers have answered with an error or can't be reached: fail at once.
    give_up(slot, servers == 0 ? kEdeNoReachableAuthority : kEdeNetworkError);
}

bool Forwarder::send(Slot slot, std::size_t server, bool edns, bool tcp, bool extra) {
    Flight& f = flights_[slot];
    if (f.attempts.size() >= kMaxAttempts) return false;
    if (!extra) drop_silent(f, server);
    Attempt a;
    a.upstream = f.order[server];
    a.server = static_cast<std::uint8_t>(server);
    a.sent_at = clock_.mono_us();
    a.id = random_.next16();
    a.edns = edns;
    a.tcp = tcp;
    a.extra = extra;
    if (!a.upstream->has_cookie()) a.upstream->make_cookie(random_.next64());
    std::uint8_t query[kMaxUpstreamQuery];
    const std::size_t size = write_upstream_query(a.id, f, edns, a.upstream->cookie(), query);
    const std::uint64_t cookie = make_cookie(slot, f.generation, f.attempts.size());
    const auto sent = tcp ? transport_->send_tcp(cookie, a.upstream->address(), {query, size})
                          : transport_->send_udp(cookie, a.upstream->address(), {query, size});
    a.upstream->sent(tcp);
    if (sent.error != 0) {
        // Out of descriptors, ports or buffers: not a failure of the server.
        const bool ours = sent.error == EMFILE || sent.error == ENFILE || sent.error == ENOBUFS ||
                          sent.error == ENOMEM || sent.error == EAGAIN || sent.error == EADDRNOTAVAIL;
        if (!ours) a.upstream->failed(a.sent_at);
        f.spoke[server] = true;
        return false;
    }
    a.handle = sent.handle;
    a.live = true;
    f.attempts.push_back(std::move(a));
    return true;
}

/// Ends the earlier attempt with a server that is asked again. With many dead servers we would run out of sockets and
/// ports before their attempts time out.
void Forwarder::drop_silent(Flight& f, std::size_t server) {
    for (Attempt& a : f.attempts) {
        if (!a.live || !a.silent || a.server != server) continue;
        transport_->cancel(a.handle);
        a.live = false;
    }
}

Attempt* Forwarder::find(std::uint64_t cookie, Slot* slot) {
    *slot = static_cast<Slot>(cookie >> 8 & 0xffffff);
    const std::size_t attempt = cookie & 0xff;
    Flight* const f = flights_.find(*slot, static_cast<std::uint32_t>(cookie >> 32));
    if (f == nullptr || attempt >= f->attempts.size()) return nullptr;
    return f->attempts[attempt].live ? &f->attempts[attempt] : nullptr;
}

bool Forwarder::on_reply(std::uint64_t cookie, ByteView message) {
    Slot slot = 0;
    Attempt* a = find(cookie, &slot);
    if (a == nullptr) return true;
    const Match match = match_reply(message, a->id, flights_[slot].question);
    if (match == Match::kForeign) return foreign_reply(slot, *a);
    ReplyView view;
    const bool sound = match == Match::kOurs && view.parse(message, flights_[slot].question.size(), &scratch_);
    if (sound && a->edns && !view.truncated && !cookie_fits(*a, view)) return foreign_reply(slot, *a);
    a->live = false;
    const core::Micros now = clock_.mono_us();
    const std::uint16_t rcode = sound ? view.rcode : core::load_be16(message.data() + 2) & kRcodeMask;
    a->upstream->answered(now - a->sent_at, rcode);

    const std::size_t server = a->server;  // send() invalidates `a`
    const bool extra = a->extra, edns = a->edns, tcp = a->tcp;
    // The server rejected OPT, not the question: remember that.
    if (a->plain_retry && !is_complaint(rcode)) a->upstream->refused_edns(now);
    if (edns && is_complaint(rcode) && !(rcode == kNotImp && view.has_opt)) {
        // RFC 6891 6.2.2 and 7: a server that does not implement OPT answers so; repeat without it.
        if (send(slot, server, false, tcp, extra)) {
            flights_[slot].attempts.back().plain_retry = true;
            schedule(slot);
        } else {
            error_reply(slot, server, extra, {});
        }
    } else if (!sound || (view.truncated && tcp)) {
        error_reply(slot, server, extra, {});
    } else if (view.truncated) {
        if (send(slot, server, edns, true, extra))
            schedule(slot);
        else
            error_reply(slot, server, extra, {});
    } else if (rcode == kBadCookie && !tcp) {
        // The server cookie was out of date, and the reply has a new one (RFC 7873 5.3). After a second BADCOOKIE:
        // TCP, which needs no cookie.
        const auto& attempts = flights_[slot].attempts;
        const bool again =
            std::count_if(attempts.begin(), attempts.end(), [&](const Attempt& x) { return x.server == server; }) > 1;
        if (send(slot, server, edns, again, extra))
            schedule(slot);
        else
            error_reply(slot, server, extra, {});
    } else if (rcode != kNoError && rcode != kNxDomain) {
        error_reply(slot, server, extra, message);
    } else {
        reply_ok(slot, *a, message, view);
    }
    return true;
}

/// RFC 7873 5.3: discards a reply whose client cookie is not ours, and one without a cookie from a server that is
/// known to send them; that question is repeated over TCP.
bool Forwarder::cookie_fits(Attempt& attempt, const ReplyView& view) const {
    Upstream& upstream = *attempt.upstream;
    if (!view.cookie.empty()) return upstream.take_cookie(view.cookie);
    if (!upstream.speaks_cookies() || view.rcode == kFormErr) return true;
    if (attempt.tcp) {
        upstream.forget_server_cookie();
        return true;
    }
    attempt.foreign = kMaxForeign - 1;
    return false;
}

bool Forwarder::foreign_reply(Slot slot, Attempt& attempt) {
    ++stats_.events[static_cast<std::size_t>(ResolverEvent::kUpstreamMismatch)];
    if (attempt.tcp || ++attempt.foreign < kMaxForeign) return false;
    attempt.live = false;
    const std::size_t server = attempt.server;
    const bool extra = attempt.extra;
    if (send(slot, server, attempt.edns, true, extra))
        schedule(slot);
    else
        error_reply(slot, server, extra, {});
    return true;
}

/// A reply with an error. Asks the next server at once; the reply is kept in case all of them fail.
void Forwarder::error_reply(Slot slot, std::size_t server, bool extra, ByteView message) {
    Flight& f = flights_[slot];
    if (!message.empty()) {
        f.last_error.assign(message.begin(), message.end());
        f.last_error_from = f.order[server];
    }
    f.spoke[server] = true;
    if (extra && any_live(f)) return schedule(slot);
    try_next(slot);
}

void Forwarder::reply_ok(Slot slot, const Attempt& attempt, ByteView message, const ReplyView& view) {
    FlightResult result;
    result.reply = &view;
    result.message = message;
    result.from = attempt.upstream.get();
    result.rtt_us = clock_.mono_us() - attempt.sent_at;
    finish(slot, result);
}

void Forwarder::on_failure(std::uint64_t cookie, int error) {
    Slot slot = 0;
    Attempt* a = find(cookie, &slot);
    if (a == nullptr) return;
    a->live = false;
    const std::size_t server = a->server;
    const bool extra = a->extra;
    // The server may close an idle connection at any time: repeat once over TCP.
    if (a->tcp && error == ECONNRESET) {
        const bool again = std::count_if(flights_[slot].attempts.begin(), flights_[slot].attempts.end(),
                                         [&](const Attempt& x) { return x.tcp && x.server == server; }) < 2;
        if (again && send(slot, server, a->edns, true, extra)) return schedule(slot);
    }
    flights_[slot].order[server]->failed(clock_.mono_us());
    error_reply(slot, server, extra, {});
}

void Forwarder::give_up(Slot slot, std::int32_t ede) {
    Flight& f = flights_[slot];
    FlightResult result;
    result.ede = ede;
    if (ede != kEdeOther) ++stats_.events[static_cast<std::size_t>(ResolverEvent::kUpstreamAllFailed)];
    ReplyView view;
    core::Bytes scratch;
    if (ede != kEdeOther && !f.last_error.empty() && view.parse(f.last_error, f.question.size(), &scratch)) {
        result.reply = &view;
        result.message = f.last_error;
        result.from = f.last_error_from.get();
        result.ede = kEdeNone;
    }
    finish(slot, result);
}

void Forwarder::finish(Slot slot, const FlightResult& result) {
    Flight& f = flights_[slot];
    for (Attempt& a : f.attempts) {
        if (a.live) transport_->cancel(a.handle);
        a.live = false;
    }
    flights_.unlink(slot);
    owner_->flight_done(f, result);
    drop_waiters(f);
    flights_.release(slot);
}

/// How long to wait for this attempt before the next server is asked. At most a third of the flight's time (half over
/// TCP), however slow the server usually is, so that there is time for another one.
core::Micros Forwarder::patience(const Flight& f, const Attempt& a) const {
    const core::Micros whole = f.deadline - f.started_at;
    const std::size_t asked = f.next == 0 ? 0 : f.next - 1;  // before this attempt
    const auto round = static_cast<unsigned>(f.order.empty() ? 0 : asked / f.order.size());
    const core::Micros usual = a.upstream->patience() << std::min(round, 4u);
    return a.tcp ? std::min(std::max(kTcpPatience, usual), whole / 2) : std::min(usual, whole / 3);
}

/// Sets the time at which wake() has to be called for this flight.
void Forwarder::schedule(Slot slot) {
    Flight& f = flights_[slot];
    core::Micros at = f.deadline;
    for (const Attempt& a : f.attempts) {
        if (a.live && !a.silent) at = std::min(at, a.sent_at + patience(f, a));
    }
    if (f.patience_until != 0) at = std::min(at, f.patience_until);
    if (f.wake_at != 0 && f.wake_at <= at) return;  // wake() calls this again
    f.wake_at = at;
    wakes_.push({at, slot, f.generation});
    arm();
}

void Forwarder::arm() {
    if (wakes_.empty() || (timer_.pending() && wakes_.top().at >= armed_for_)) return;
    armed_for_ = wakes_.top().at;
    timer_.start_at(armed_for_, [this] { on_timer(); });
}

void Forwarder::on_timer() {
    const core::Micros now = clock_.mono_us();
    while (!wakes_.empty()) {
        const Wake next = wakes_.top();
        const Flight& f = flights_[next.slot];
        const bool current = f.active && f.generation == next.generation && f.wake_at == next.at;
        if (current && next.at > now) break;
        // Drop the entries of ended flights even when they are not due: an idle program must not wake up for them.
        wakes_.pop();
        if (current) wake(next.slot);
    }
    arm();
}

void Forwarder::wake(Slot slot) {
    Flight& f = flights_[slot];
    const core::Micros now = clock_.mono_us();
    f.wake_at = 0;
    if (now >= f.deadline) {
        for (const Attempt& a : f.attempts) {
            if (a.live && !a.silent && now >= a.sent_at + Upstream::kMinPatience) a.upstream->stayed_silent(now);
        }
        return give_up(slot, any_live(f) ? kEdeNoReachableAuthority : kEdeNetworkError);
    }
    if (f.patience_until != 0 && now >= f.patience_until) {
        f.patience_until = 0;
        if (owner_->flight_lingers(f)) drop_waiters(f);
    }
    bool newly_silent = false;
    for (Attempt& a : f.attempts) {
        if (!a.live || a.silent || now < a.sent_at + patience(f, a)) continue;
        a.silent = true;
        a.upstream->stayed_silent(now);
        newly_silent = newly_silent || !a.extra;
    }
    if (newly_silent) return try_next(slot);
    schedule(slot);
}

}  // namespace postern::resolver

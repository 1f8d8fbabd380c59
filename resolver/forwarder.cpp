// SPDX-License-Identifier: Apache-2.0
#include "resolver/forwarder.h"

#include <algorithm>
#include <cerrno>

#include "resolver/flight_time.h"
#include "resolver/reply_judge.h"
#include "resolver/upstream_query.h"

namespace postern::resolver {
namespace {

using core::ResolverEvent;

constexpr std::size_t kMaxAttempts = 24;  // of one flight: 3 rounds through 8 servers
constexpr unsigned kRounds = 3;
// Packets to the right port that don't match are rare, unless somebody guesses IDs. After this many of the 65,536 IDs
// the question is repeated over TCP, where that does not work (RFC 5452 9.1).
constexpr unsigned kMaxForeign = 8;
constexpr core::Micros kRightReply = 50 * core::kMillisecond;  // after a forged one
constexpr core::Micros kLinger = 10 * core::kSecond;           // for a reply after the clients were told SERVFAIL

std::uint64_t make_cookie(std::uint32_t slot, std::uint32_t generation, std::size_t attempt) {
    return std::uint64_t{generation} << 32 | std::uint64_t{slot & 0xffffff} << 8 | attempt;
}

}  // namespace

Forwarder::Forwarder(core::Clock& clock, core::Random& random, core::StatsPage& stats)
    : clock_(clock),
      random_(random),
      stats_(stats),
      seed_(random.next64()),
      clients_(seed_),
      wakes_(clock, flights_, [this](Slot slot) { wake(slot); }),
      starts_(clock, flights_, [this](Slot slot) { try_next(slot); }) {}

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
    clients_.set_limit(limits.max_waiters);
}

Forwarder::Asked Forwarder::ask(const FlightKey& key, Waiter waiter, core::Micros stale_after_us) {
    const std::uint64_t hash = key.hash(seed_);
    if (!clients_.admit(waiter)) {
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kOverload)];
        return Asked::kOverload;
    }
    const auto same = flights_.find(key, hash);
    if ((same && is_own_query(flights_[*same], waiter)) || (!loop_checks_.empty() && is_loop(key.name))) {
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kLoopDetected)];
        return Asked::kLoop;
    }
    if (same) {
        Flight& f = flights_[*same];
        look_for_loop(f, waiter);
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kJoined)];
        if (WaitingClients::is_repeated(f, waiter)) return Asked::kJoined;
        clients_.add(f, std::move(waiter));
        if (stale_after_us != 0 && f.patience_until == 0) {
            f.patience_until = clock_.mono_us() + stale_after_us;
            schedule(*same);
        }
        return Asked::kJoined;
    }
    if (flights_.size() + flights_.lingering() >= limits_.max_inflight) end_oldest_lingering();
    if (flights_.size() >= limits_.max_inflight) {
        // End an old flight rather than refuse the new question. (Private names and cache hits need no flight.)
        ++stats_.events[static_cast<std::size_t>(ResolverEvent::kOverload)];
        give_up(flights_.victim(), kEdeOther);
    }
    const Slot slot = start(key, waiter.question, hash, waiter.client, stale_after_us);
    clients_.add(flights_[slot], std::move(waiter));
    if (!burst_ && starts_.empty()) {
        try_next(slot);
    } else {
        starts_.add(slot);
    }
    return Asked::kStarted;
}

void Forwarder::prefetch(const FlightKey& key, ByteView question) {
    const std::uint64_t hash = key.hash(seed_);
    if (flights_.has(hash) || flights_.size() >= limits_.max_inflight / 2) return;
    try_next(start(key, question, hash, FlightTable::kNobody, 0));
}

Forwarder::Slot Forwarder::start(const FlightKey& key, ByteView question, std::uint64_t hash, std::uint16_t client,
                                 core::Micros stale_after_us) {
    const Slot slot = flights_.add(key, question, hash, client);
    Flight& f = flights_[slot];
    f.started_at = clock_.mono_us();
    f.deadline = f.started_at + limits_.budget_us;
    f.client_end = client_end(f.started_at, limits_.budget_us, limits_.client_us);
    f.patience_until = stale_after_us == 0 ? 0 : f.started_at + stale_after_us;
    order_servers(f);
    if (f.order.size() > 1) {
        for (std::size_t i = 0; i < f.order.size(); ++i) {
            if (!f.order[i]->recheck_due(f.started_at)) continue;
            f.order[i]->recheck_started(f.started_at);
            send(slot, i, f.order[i]->extras(f.started_at), false, true);
            break;
        }
    }
    return slot;
}

/// The order of the plan, but suspect servers come last. Without those that lead back to us.
void Forwarder::order_servers(Flight& f) {
    f.order.clear();
    for (const bool suspect : {false, true}) {
        for (const auto& u : upstreams_) {
            if (u->suspect() == suspect && !u->loops(f.started_at)) f.order.push_back(u);
        }
    }
    f.spoke.assign(f.order.size(), false);
}

void Forwarder::try_next(Slot slot) {
    Flight& f = flights_[slot];
    const std::size_t servers = f.order.size();
    while (!f.told) {
        if (f.next >= servers && !f.plain_later.empty()) {
            const std::size_t refused = f.plain_later.back();
            f.plain_later.pop_back();
            if (!send(slot, refused, Extras::kNone, false)) continue;
            f.attempts.back().plain_retry = true;
            return schedule(slot);
        }
        if (f.next >= servers * kRounds) break;
        const std::size_t server = f.next % servers, round = f.next++ / servers;
        if (f.spoke[server]) continue;
        // Known to be dead, and another one has answered, if only with an error.
        if (f.order[server]->suspect() && !f.last_error.empty()) continue;
        // In the last rounds without options, then without OPT: a box on the way may drop them.
        const Extras extras = std::max(f.order[server]->extras(clock_.mono_us()), static_cast<Extras>(round));
        if (send(slot, server, extras, false)) return schedule(slot);
    }
    if (worth_waiting(f)) return schedule(slot);
    if (f.told) return end(slot);
    // All servers have answered with an error or can't be reached: fail at once.
    give_up(slot, servers == 0 ? kEdeNoReachableAuthority : kEdeNetworkError);
}

bool Forwarder::send(Slot slot, std::size_t server, Extras extras, bool tcp, bool extra) {
    Flight& f = flights_[slot];
    if (f.attempts.size() >= kMaxAttempts) return false;
    Attempt a;
    a.upstream = f.order[server];
    a.server = static_cast<std::uint8_t>(server);
    a.sent_at = clock_.mono_us();
    a.id = random_.next16();
    a.extras = extras;
    a.tcp = tcp;
    a.extra = extra;
    if (!a.upstream->has_cookie()) a.upstream->make_cookie(random_.next64());
    std::uint8_t query[kMaxUpstreamQuery];
    const std::size_t size = write_upstream_query(a.id, f, extras, a.upstream->cookie(), query);
    const std::uint64_t cookie = make_cookie(slot, f.generation, f.attempts.size());
    auto sent = send_query(a, cookie, {query, size});
    if (is_local_trouble(sent.error) && make_room(slot)) sent = send_query(a, cookie, {query, size});
    if (is_local_trouble(sent.error) && !tcp) {
        // TCP has ports of its own.
        a.tcp = true;
        sent = send_query(a, cookie, {query, size});
    }
    a.upstream->sent(a.tcp);
    if (sent.error != 0) {
        if (!is_local_trouble(sent.error)) a.upstream->failed(a.sent_at);
        f.spoke[server] = true;
        return false;
    }
    a.handle = sent.handle;
    a.live = true;
    f.attempts.push_back(std::move(a));
    return true;
}

UpstreamTransport::Sent Forwarder::send_query(const Attempt& a, std::uint64_t cookie, ByteView query) {
    return a.tcp ? transport_->send_tcp(cookie, a.upstream->address(), query)
                 : transport_->send_udp(cookie, a.upstream->address(), query);
}

/// Sockets run short: ends what is least likely to be answered, the attempts that stayed silent. False: there were none.
bool Forwarder::make_room(Slot slot) {
    if (flights_[slot].told) return false;  // nobody waits for this one
    bool ended = false;
    while (end_oldest_lingering())
        ended = true;
    for (Attempt& a : flights_[slot].attempts) {
        if (!a.live || !a.silent) continue;
        transport_->cancel(a.handle);
        a.live = false;
        ended = true;
    }
    return ended;
}

/// Asks a server for something that it has at hand, to know whether it answers anybody. No client waits for the reply.
void Forwarder::knock(const UpstreamPointer& upstream) {
    upstream->knocked(clock_.mono_us());
    FlightKey key;
    key.name.length = 1;  // the root
    key.type = kTypeNs;
    key.klass = kClassIn;
    key.flags = kRd;
    static constexpr std::uint8_t kQuestion[] = {0, 0, kTypeNs, 0, kClassIn};
    ask_alone(upstream, key, kQuestion);
}

/// Asks one server, without clients.
void Forwarder::ask_alone(const UpstreamPointer& upstream, const FlightKey& key, ByteView question) {
    // Another hash than that of a client's question: nobody is to join.
    const Slot slot = flights_.add(key, question, key.hash(~seed_), FlightTable::kNobody);
    Flight& f = flights_[slot];
    f.started_at = clock_.mono_us();
    f.order = {upstream};
    f.spoke.assign(1, false);
    await_late_reply(slot);
    if (!send(slot, 0, Extras::kNone, false)) end(slot);
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
    Flight& f = flights_[slot];
    ReplyView view;
    const Judgement j = judge_reply(message, f, *a, &view, &scratch_);
    if (j.means == Judgement::Means::kForeign) return foreign_reply(slot, *a);
    if (j.means == Judgement::Means::kWrongCookie) {
        wrong_cookie(slot, *a);
        return false;
    }
    a->live = false;
    learn_from(f, *a, j, view, clock_.mono_us());
    const std::size_t server = a->server;  // send() invalidates `a`
    const bool extra = a->extra;
    switch (j.means) {
        case Judgement::Means::kAnswer:
            reply_ok(slot, *a, message, view);
            break;
        case Judgement::Means::kRepeat:
            if (send(slot, server, j.extras, j.tcp, extra)) {
                f.attempts.back().plain_retry = j.rejects_extras;
                schedule(slot);
                break;
            }
            [[fallthrough]];
        default:
            if (j.rejects_extras) f.plain_later.push_back(static_cast<std::uint8_t>(server));
            error_reply(slot, server, extra, j.sound && !view.truncated ? message : ByteView{});
    }
    return true;
}

bool Forwarder::foreign_reply(Slot slot, Attempt& attempt) {
    ++stats_.events[static_cast<std::size_t>(ResolverEvent::kUpstreamMismatch)];
    if (attempt.tcp || ++attempt.foreign < kMaxForeign) return false;
    attempt.live = false;
    const std::size_t server = attempt.server;
    const bool extra = attempt.extra;
    if (send(slot, server, attempt.extras, true, extra))
        schedule(slot);
    else
        error_reply(slot, server, extra, {});
    return true;
}

/// A reply over UDP with another client cookie than ours, or without the expected one, is discarded. If it was forged,
/// the right one follows in a moment. If the server is mistaken, TCP or a query without a cookie gets an answer.
void Forwarder::wrong_cookie(Slot slot, Attempt& attempt) {
    ++stats_.events[static_cast<std::size_t>(ResolverEvent::kUpstreamMismatch)];
    if (attempt.confirm_at != 0) return;
    attempt.confirm_at = clock_.mono_us() + kRightReply;
    schedule(slot);
}

void Forwarder::confirm_over_tcp(Slot slot, std::size_t attempt) {
    const Attempt& a = flights_[slot].attempts[attempt];  // send() invalidates it
    const std::size_t server = a.server;
    if (send(slot, server, a.extras, true, a.extra))
        flights_[slot].attempts.back().doubt = true;
    else
        give_up_cookies(slot, server);
}

/// After a wrong cookie over UDP there is no answer over TCP: asks without a cookie.
bool Forwarder::give_up_cookies(Slot slot, std::size_t server) {
    flights_[slot].order[server]->limit(Extras::kOpt, clock_.mono_us());
    return send(slot, server, Extras::kOpt, false);
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
    if (a->doubt && give_up_cookies(slot, a->server)) return schedule(slot);
    const std::size_t server = a->server;
    const bool extra = a->extra;
    // The server may close an idle connection at any time: repeat once over TCP.
    if (a->tcp && error == ECONNRESET) {
        const bool again = std::count_if(flights_[slot].attempts.begin(), flights_[slot].attempts.end(),
                                         [&](const Attempt& x) { return x.tcp && x.server == server; }) < 2;
        if (again && send(slot, server, a->extras, true, extra)) return schedule(slot);
    }
    flights_[slot].order[server]->failed(clock_.mono_us());
    error_reply(slot, server, extra, {});
}

/// No server gave an answer.
void Forwarder::give_up(Slot slot, std::int32_t ede) {
    close(slot);
    tell_failure(flights_[slot], ede);
    release(slot);
}

/// Passes on the last error, or SERVFAIL with `ede`.
void Forwarder::tell_failure(Flight& f, std::int32_t ede) {
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
    owner_->flight_done(f, result);
}

/// At the deadline.
void Forwarder::out_of_time(Slot slot) {
    Flight& f = flights_[slot];
    const core::Micros now = clock_.mono_us();
    const bool slow = !f.told && !f.patient && std::any_of(f.attempts.begin(), f.attempts.end(), [&](const Attempt& a) {
        return a.live && lives(*a.upstream, f, now);
    });
    if (slow && f.client_end > now) {
        f.patient = true;
        f.deadline = f.client_end;
        return schedule(slot);
    }
    for (const Attempt& a : f.attempts) {
        if (a.live && !a.silent && now >= a.sent_at + Upstream::kMinPatience) a.upstream->stayed_silent(now, a.sent_at);
    }
    if (f.told) return end(slot);
    if (!any_live(f)) return give_up(slot, kEdeNetworkError);
    linger(slot);
}

/// Tells the clients that there is no answer, and waits for a late one without them. With a server that lives, the
/// clients that came later are given as much time as the first, in a flight of their own.
void Forwarder::linger(Slot slot) {
    Flight& f = flights_[slot];
    const core::Micros now = clock_.mono_us();
    // Whose own end is later than now.
    const core::Micros own_time = client_end(0, limits_.budget_us, limits_.client_us);
    std::vector<Waiter> others;
    if (f.patient) others = clients_.take_later(f, now + kMaxMargin - own_time + 1);

    await_late_reply(slot);
    tell_failure(f, kEdeNoReachableAuthority);
    clients_.drop_all(f);

    if (others.empty()) return;
    const Slot next = start(f.key, f.question, f.hash, f.client, 0);
    for (Waiter& w : others)
        clients_.add(flights_[next], std::move(w));
    try_next(next);
}

void Forwarder::await_late_reply(Slot slot) {
    Flight& f = flights_[slot];
    flights_.linger(slot);
    f.deadline = clock_.mono_us() + kLinger;
    f.patience_until = 0;
    schedule(slot);
}

bool Forwarder::end_oldest_lingering() {
    const auto slot = flights_.oldest_lingering();
    if (slot) end(*slot);
    return slot.has_value();
}

void Forwarder::end(Slot slot) {
    close(slot);
    release(slot);
}

void Forwarder::finish(Slot slot, const FlightResult& result) {
    close(slot);
    owner_->flight_done(flights_[slot], result);
    release(slot);
}

/// Nothing more is accepted for this flight, nor does anybody join it.
void Forwarder::close(Slot slot) {
    Flight& f = flights_[slot];
    for (Attempt& a : f.attempts) {
        if (a.live) transport_->cancel(a.handle);
        a.live = false;
    }
    if (!f.told) flights_.unlink(slot);
}

void Forwarder::release(Slot slot) {
    clients_.drop_all(flights_[slot]);
    flights_.release(slot);
}

void Forwarder::schedule(Slot slot) {
    wakes_.add(slot, next_step(flights_[slot]));
}

void Forwarder::wake(Slot slot) {
    Flight& f = flights_[slot];
    const core::Micros now = clock_.mono_us();
    if (now >= f.deadline) return out_of_time(slot);
    if (f.patience_until != 0 && now >= f.patience_until) {
        f.patience_until = 0;
        if (owner_->flight_lingers(f)) clients_.drop_all(f);
    }
    bool newly_silent = false;
    for (std::size_t i = 0; i < f.attempts.size(); ++i) {
        Attempt& a = f.attempts[i];
        if (a.live && a.confirm_at != 0 && now >= a.confirm_at) {
            a.confirm_at = core::kNever;
            confirm_over_tcp(slot, i);
            continue;
        }
        if (!a.live || a.silent || now < a.sent_at + patience(f, a)) continue;
        a.silent = true;
        a.upstream->stayed_silent(now, a.sent_at);
        newly_silent = newly_silent || !a.extra;
        if (a.doubt) give_up_cookies(slot, a.server);
    }
    if (newly_silent && f.next > f.order.size()) {
        for (const UpstreamPointer& u : f.order) {
            if (!f.waiters.empty() && !lives(*u, f, now) && u->knock_due(now)) knock(u);
        }
    }
    if (newly_silent || !worth_waiting(f)) return try_next(slot);
    schedule(slot);
}

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
#include "resolver/query_handler.h"

#include <algorithm>

#include "resolver/explain.h"
#include "resolver/stats_writer.h"

namespace postern::resolver {
namespace {

using core::ResolverEvent;
using core::Source;

constexpr core::Micros kStaleAfter = 1800 * core::kMillisecond;  // client response timer, RFC 8767 5
constexpr std::int64_t kStaleTtl = 30;                           // RFC 8767 4
constexpr std::size_t kBurst = 16;                               // packets at once
constexpr unsigned kMaxRefusals = 200;  // REFUSED replies per second to clients that are not allowed

/// Meta QTYPEs, which are neither forwarded nor answered from a plan.
std::uint16_t meta_type_error(std::uint16_t type) {
    switch (type) {
        case kTypeOpt:
        case kTypeTsig:
            return kFormErr;
        case kTypeAxfr:
        case kTypeIxfr:
            return kRefused;  // we have no zones, and a forwarder can't pass on a transfer
        case kTypeTkey:
        case kTypeMaila:
        case kTypeMailb:
            return kNotImp;
        default:
            return kNoError;
    }
}

}  // namespace

struct QueryHandler::Context {
    const QueryView& query;
    const ReplyTo& from;
    std::span<std::uint8_t> out;
};

QueryHandler::QueryHandler(core::Clock& clock, core::StatsPage& stats, Forwarder& forwarder, Cache& cache,
                           QueryLog& log, ReplySink& sink)
    : clock_(clock),
      stats_(stats),
      forwarder_(forwarder),
      cache_(cache),
      log_(log),
      sink_(sink),
      scratch_(kMaxMessage) {
    begin_batch();
}

QueryHandler::~QueryHandler() = default;

void QueryHandler::use_plan(PlanPointer plan) {
    plan_ = std::move(plan);
    udp_size_ = static_cast<std::uint16_t>(plan_->view.settings.max_udp_payload);
    tcp_idle_100ms_ = static_cast<std::uint16_t>(plan_->view.settings.tcp_idle_ms / 100);
    trust_ad_ = plan_->view.settings.trust_ad != 0;
    const auto& links = plan_->view.links;
    for (auto& slot : stats_.links) {
        const bool kept = std::any_of(links.begin(), links.end(), [&](const auto& l) { return l.id == slot.id; });
        if (slot.id != 0 && !kept) slot = {};
    }
    link_answers_.assign(links.size(), &unlisted_answers_);
    for (std::size_t i = 0; i < links.size(); ++i) {
        auto* const end = std::end(stats_.links);
        auto* slot = std::find_if(std::begin(stats_.links), end, [&](const auto& s) { return s.id == links[i].id; });
        if (slot == end) slot = std::find_if(std::begin(stats_.links), end, [](const auto& s) { return s.id == 0; });
        if (slot == end) continue;
        slot->id = links[i].id;
        link_answers_[i] = &slot->answers;
    }
}

std::string QueryHandler::address_of(std::uint32_t upstream) const {
    for (const auto& u : plan_->view.upstreams) {
        if (u.id == upstream) return u.address.text();
    }
    return "";
}

void QueryHandler::begin_batch(std::size_t packets) {
    forwarder_.burst(packets >= kBurst);
    now_ = clock_.mono_us();
    if (awake_) awake_();
}

void QueryHandler::end_batch(std::uint64_t replies) {
    if (replies != 0) observe(stats_, clock_.mono_us() - now_, replies);
}

std::size_t QueryHandler::limit_for(const ClientEdns& edns, const ReplyTo& to) const {
    if (to.proto == core::Proto::kTcp) return kMaxMessage;
    if (!edns.present) return kMinUdpReply;
    // Nothing is fragmented over loopback: use the size that the client announces.
    const std::size_t most = to.loopback ? kMaxLocalReply : udp_size_;
    return std::clamp<std::size_t>(edns.udp_size, kMinUdpReply, most);
}

void QueryHandler::count_answer(const Asked& asked, const ReplyTo& to, Source source, std::uint16_t rcode,
                                core::Micros since) {
    const std::size_t row = std::min<std::size_t>(rcode, core::kRcodeRows - 1);
    ++stats_.queries[static_cast<std::size_t>(source)][row][static_cast<std::size_t>(to.proto)];
    if (log_.takes()) log_.keep(asked.question, to, source, rcode, clock_.mono_us() - since);
}

Written QueryHandler::write(const Asked& asked, const ReplyTo& to, Sections sections, ReplyOptions options,
                            std::span<std::uint8_t> out) {
    // Without a protected way to the upstream anybody may have set AD (RFC 6840 5.7). It is cleared here and not in
    // the cache, so that a change of the setting counts at once.
    if (!trust_ad_) sections.flags = static_cast<std::uint16_t>(sections.flags & ~kAd);
    options.udp_size = udp_size_;
    if (asked.edns.keepalive && to.proto == core::Proto::kTcp) options.keepalive_100ms = tcp_idle_100ms_;
    const Written written = write_reply(asked, sections, options, limit_for(asked.edns, to), out);
    if (is_truncated(out.data())) count(stats_, ResolverEvent::kTruncated);
    return written;
}

Handled QueryHandler::finish(const Context& c, Source source, const Sections& sections, const ReplyOptions& options) {
    const Asked asked = Asked::from(c.query);
    count_answer(asked, c.from, source, sections.rcode, now_);
    return {write(asked, c.from, sections, options, c.out).size};
}

Handled QueryHandler::reject(const Context& c, ResolverEvent event, std::uint16_t rcode) {
    count(stats_, event);
    ReplyOptions options;
    return finish(c, Source::kLocal, Sections::error(rcode), options);
}

Handled QueryHandler::refuse_client(const Context& c) {
    count(stats_, ResolverEvent::kRefusedClient);
    if (now_ - refusals_from_ >= core::kSecond) {
        refusals_from_ = now_;
        refusals_ = 0;
    }
    if (++refusals_ > kMaxRefusals) return {};
    ReplyOptions options;
    options.ede = kEdeProhibited;
    return finish(c, Source::kRefused, Sections::error(kRefused), options);
}

Handled QueryHandler::handle(ByteView packet, const ReplyTo& from, std::span<std::uint8_t> out) {
    const bool udp = from.proto == core::Proto::kUdp;
    if (udp && from.endpoint == watched_) ++watched_packets_;
    QueryView query;
    const Context c{query, from, out};
    const Parsed parsed = QueryView::parse(packet, &query);
    if (parsed == Parsed::kDropShort || parsed == Parsed::kDropResponse) {
        count(stats_, parsed == Parsed::kDropShort ? ResolverEvent::kDroppedShort : ResolverEvent::kDroppedResponse);
        return {};
    }
    if (!plan_->filter.allows(from.peer) && !(udp && from.endpoint == trusted_)) return refuse_client(c);
    switch (parsed) {
        case Parsed::kOk:
            break;
        case Parsed::kNotImp:
            return reject(c, ResolverEvent::kNotImp, kNotImp);
        case Parsed::kBadVers:
            return reject(c, ResolverEvent::kBadVers, kBadVers);
        default:
            return reject(c, ResolverEvent::kFormErr, kFormErr);
    }
    ReplyOptions options;
    if (query.klass != kClassIn) {
        const auto sections =
            query.klass == kClassChaos ? chaos_answer(query.name.view(), query.type) : Sections::error(kRefused);
        return finish(c, Source::kLocal, sections, options);
    }
    if (const std::uint16_t rcode = meta_type_error(query.type); rcode != kNoError) {
        return finish(c, Source::kLocal, Sections::error(rcode), options);
    }
    const std::int64_t owner = plan_->table.find(query.name.view(), plan_->view.owners);
    if (owner >= 0) return answer_private(c, plan_->view.owners[static_cast<std::size_t>(owner)]);
    if (const auto local = local_answer(query.name.view(), query.type, plan_->view.settings.forward_test != 0)) {
        const std::string why = query.edns.explain && from.loopback ? explain_local() : std::string();
        options.explain = why;
        return finish(c, Source::kLocal, *local, options);
    }
    const Cache::Hit hit = cache_.find(CacheKey::of(query), now_);
    switch (hit.state) {
        case Cache::State::kFresh:
        case Cache::State::kFailure:
            return answer_cached(c, hit);
        case Cache::State::kStale:
            // RFC 8767 5: the upstreams failed a moment ago, so don't make this client wait for them.
            if (!cache_.recheck_due(*hit.entry, now_)) return answer_cached(c, hit);
            return forward(c, (query.flags & kRd) != 0 ? kStaleAfter : 0);
        case Cache::State::kMiss:
            break;
    }
    return forward(c, 0);
}

Handled QueryHandler::answer_cached(const Context& c, Cache::Hit hit) {
    const Cache::Entry& entry = *hit.entry;
    ReplyOptions options;
    options.passed = Cache::ede(entry);
    const bool stale = hit.state == Cache::State::kStale;
    if (stale) options.ede = Cache::is_nxdomain(entry) ? kEdeStaleNxDomain : kEdeStaleAnswer;
    if (hit.state == Cache::State::kFailure) options.ede = kEdeCachedError;
    std::string why;
    if (c.query.edns.explain && c.from.loopback) {
        why = explain_cached(hit.state, Cache::age(entry, now_), address_of(Cache::upstream(entry)));
        options.explain = why;
    }
    ++stats_.cache_hits;
    const Asked asked = Asked::from(c.query);
    const Sections sections = Cache::sections(entry);
    count_answer(asked, c.from, stale ? Source::kStale : Source::kCache, sections.rcode, now_);
    const Written written = write(asked, c.from, sections, options, c.out);
    Cache::set_ttls(entry, now_, stale ? kStaleTtl : -1,
                    c.out.subspan(kHeaderSize + c.query.question.size(), written.sections));
    // The reply to a query without RD is not cacheable.
    if (hit.state == Cache::State::kFresh && (c.query.flags & kRd) != 0 && Cache::wants_prefetch(*hit.entry, now_)) {
        forwarder_.prefetch(FlightKey::from(c.query), c.query.question);
    }
    return {written.size};
}

Handled QueryHandler::answer_private(const Context& c, const core::OwnerView& owner) {
    ReplyOptions options;
    std::string why;
    if (c.query.edns.explain && c.from.loopback) {
        why = explain_private(*plan_, owner, now_);
        options.explain = why;
    }
    const auto* answer = select_answer(plan_->view, owner, c.query.type, plan_->fresh(owner, now_));
    if (answer == nullptr) {
        // SERVFAIL, because applications would cache a negative answer.
        options.ede = kEdeNotReady;
        return finish(c, Source::kPrivate, Sections::error(kServFail), options);
    }
    ++*link_answers_[owner.link];
    return finish(c, Source::kPrivate, Sections::authoritative(*answer), options);
}

Handled QueryHandler::forward(const Context& c, core::Micros stale_after_us) {
    ++stats_.cache_misses;
    Waiter waiter;
    waiter.to = c.from;
    waiter.id = c.query.id;
    waiter.flags = c.query.flags;
    waiter.edns = c.query.edns;
    waiter.question.assign(c.query.question.begin(), c.query.question.end());
    waiter.since = now_;
    const auto asked = forwarder_.ask(FlightKey::from(c.query), std::move(waiter), stale_after_us);
    ReplyOptions options;
    if (asked == Forwarder::Asked::kLoop) return finish(c, Source::kRefused, Sections::error(kRefused), options);
    if (asked == Forwarder::Asked::kOverload) {
        options.ede = kEdeOther;
        return finish(c, Source::kUpstream, Sections::error(kServFail), options);
    }
    stats_.inflight = forwarder_.inflight();
    return {0, true};
}

void QueryHandler::reply(const Waiter& waiter, Source source, const Sections& sections, const ReplyOptions& options) {
    const Asked asked = waiter.asked();
    count_answer(asked, waiter.to, source, sections.rcode, waiter.since);
    const std::size_t size = write(asked, waiter.to, sections, options, scratch_).size;
    observe(stats_, clock_.mono_us() - waiter.since);
    sink_.send(waiter.to, scratch_.data(), size);
}

void QueryHandler::flight_done(Flight& flight, const FlightResult& result) {
    stats_.inflight = forwarder_.inflight();
    if (counted_) counted_();
    const core::Micros now = clock_.mono_us();
    // A plan with this name has arrived in the meantime: its answer comes before that of the upstreams.
    if (const auto owner = plan_->table.find(flight.key.name.view(), plan_->view.owners); owner >= 0) {
        return answer_private(flight.waiters, plan_->view.owners[static_cast<std::size_t>(owner)], flight.key.type);
    }
    ReplyOptions options;
    options.ede = result.ede;
    Sections sections = Sections::error(kServFail);
    if (result.reply != nullptr) {
        sections = result.reply->sections;
        options.passed = result.reply->ede;
        // FORMERR, BADVERS and BADCOOKIE concern our query to the upstream; the client's was good.
        if (sections.rcode == kFormErr || sections.rcode > 15) {
            sections = Sections::error(kServFail);
            options.ede = kEdeNetworkError;
        }
    }
    if (sections.rcode == kNoError || sections.rcode == kNxDomain) {
        cache_.insert(flight.key, *result.reply, result.message, result.from->id(), flight.started_at, now);
    } else if ((flight.key.flags & kRd) != 0 && keep_failure(flight, result, sections.rcode, now)) {
        return;
    }
    for (const Waiter& waiter : flight.waiters) {
        std::string why;
        if (waiter.edns.explain && waiter.to.loopback) why = explain_flight(result);
        options.explain = why;
        reply(waiter, Source::kUpstream, sections, options);
    }
}

/// True if stale data can be served instead; otherwise remembers the failure. An overload is no failure of the
/// upstreams and changes nothing in the cache.
bool QueryHandler::keep_failure(const Flight& flight, const FlightResult& result, std::uint16_t rcode,
                                core::Micros now) {
    const bool overload = result.ede == kEdeOther;
    const CacheKey key = CacheKey::of(flight.key);
    const Cache::Hit hit = cache_.find(key, now);
    if (hit.state == Cache::State::kStale) {
        if (!overload) cache_.postpone_recheck(*hit.entry, now);
        answer_stale(flight.waiters, *hit.entry);
        return true;
    }
    if (!overload && hit.state != Cache::State::kFresh) cache_.insert_failure(key, rcode, now);
    return false;
}

bool QueryHandler::flight_lingers(Flight& flight) {
    const core::Micros now = clock_.mono_us();
    const Cache::Hit hit = cache_.find(CacheKey::of(flight.key), now);
    if (hit.state != Cache::State::kStale) return false;  // evicted in the meantime: the clients wait on
    cache_.postpone_recheck(*hit.entry, now);
    answer_stale(flight.waiters, *hit.entry);
    return true;
}

void QueryHandler::answer_private(const std::vector<Waiter>& waiters, const core::OwnerView& owner,
                                  std::uint16_t type) {
    const core::Micros now = clock_.mono_us();
    const auto* answer = select_answer(plan_->view, owner, type, plan_->fresh(owner, now));
    for (const Waiter& waiter : waiters) {
        ReplyOptions options;
        std::string why;
        if (waiter.edns.explain && waiter.to.loopback) why = explain_private(*plan_, owner, now);
        options.explain = why;
        if (answer == nullptr) options.ede = kEdeNotReady;
        reply(waiter, Source::kPrivate,
              answer == nullptr ? Sections::error(kServFail) : Sections::authoritative(*answer), options);
    }
}

void QueryHandler::answer_stale(const std::vector<Waiter>& waiters, const Cache::Entry& entry) {
    const core::Micros now = clock_.mono_us();
    ReplyOptions options;
    options.passed = Cache::ede(entry);
    options.ede = Cache::is_nxdomain(entry) ? kEdeStaleNxDomain : kEdeStaleAnswer;
    // One copy with its TTLs set serves all waiters, as their questions differ in the case of letters only.
    const Sections stored = Cache::sections(entry);
    stale_.assign(stored.wire.begin(), stored.wire.end());
    Cache::set_ttls(entry, now, kStaleTtl, stale_);
    Sections sections = stored;
    sections.wire = stale_;
    for (const Waiter& waiter : waiters) {
        std::string why;
        if (waiter.edns.explain && waiter.to.loopback)
            why = explain_cached(Cache::State::kStale, Cache::age(entry, now), address_of(Cache::upstream(entry)));
        options.explain = why;
        reply(waiter, Source::kStale, sections, options);
    }
}

}  // namespace postern::resolver

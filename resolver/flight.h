// SPDX-License-Identifier: Apache-2.0
// A flight: one question that was sent to the upstreams, and the clients that wait for its answer. Loop thread.
#pragma once

#include <vector>

#include "resolver/peer.h"
#include "resolver/reply_view.h"
#include "resolver/upstream.h"

namespace postern::resolver {

/// Queries with equal keys share a flight.
struct FlightKey {
    Name name;  // lower case
    std::uint16_t type = 0;
    std::uint16_t klass = 0;
    std::uint16_t flags = 0;  // RD, AD, CD of the query
    bool dnssec_ok = false;

    static FlightKey from(const QueryView& q) {
        return {q.name, q.type, q.klass, static_cast<std::uint16_t>(q.flags & (kRd | kAd | kCd)), q.edns.dnssec_ok};
    }
    bool operator==(const FlightKey&) const = default;
    std::uint64_t hash(std::uint64_t seed) const {
        return hash_bytes(name.view(), seed ^ (std::uint64_t{type} << 33 | std::uint64_t{klass} << 17 |
                                               std::uint64_t{flags} << 1 | (dnssec_ok ? 1u : 0u)));
    }
};

/// A waiting client, with everything that its reply needs.
struct Waiter {
    ReplyTo to;
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    ClientEdns edns;
    core::Bytes question;
    core::Micros since = 0;
    std::uint8_t client = 0;  // bucket of its address, for the limit per client

    Asked asked() const { return {id, flags, edns, question}; }
};

/// One query of a flight to one server.
struct Attempt {
    UpstreamPointer upstream;
    core::Micros sent_at = 0;
    core::Micros confirm_at = 0;  // then the question is repeated over TCP; 0: no reply had a wrong cookie
    std::uint64_t handle = 0;
    std::uint16_t id = 0;
    std::uint8_t server = 0;  // index into Flight::order
    Extras extras = Extras::kCookie;
    bool plain_retry = false;  // repeated without OPT because the server rejected it
    bool doubt = false;        // over TCP because a reply over UDP had a wrong cookie
    bool tcp = false;
    bool live = false;         // a reply to it is accepted
    bool silent = false;       // no reply in time: the next server was asked
    bool extra = false;        // the recheck of a suspect server, in addition to the regular attempt
    std::uint8_t foreign = 0;  // packets received that did not match
};

struct Flight {
    FlightKey key;
    core::Bytes question;  // as the first client wrote it
    std::vector<Waiter> waiters;
    core::Micros started_at = 0;
    core::Micros deadline = 0;        // then its clients are told SERVFAIL, or it is given more time
    core::Micros client_end = 0;      // shortly before its first client gives up
    core::Micros patience_until = 0;  // then the owner may answer the waiters with stale data; 0: never

    // Used by the forwarder only.
    std::uint32_t generation = 0;  // of this slot; part of every cookie and timer
    bool patient = false;          // some server answers others: the deadline is client_end
    bool told = false;             // the clients have been told SERVFAIL; only a late reply for the cache is awaited
    UpstreamList order;
    std::vector<bool> spoke;  // by index into order: answered with an error or unreachable, so not asked again
    std::vector<std::uint8_t> plain_later;  // indexes into order: answered OPT with an error, to be asked without it
    std::size_t next = 0;                   // attempts so far; modulo the size of `order` the next server
    std::vector<Attempt> attempts;
    core::Micros wake_at = 0;
    core::Bytes last_error;  // the last error reply, passed to the clients when no server answers
    UpstreamPointer last_error_from;
    std::uint64_t hash = 0;
    std::uint16_t client = 0;            // bucket of the first client's address
    std::uint32_t older = 0, newer = 0;  // slots of the neighbours in order of age
};

}  // namespace postern::resolver

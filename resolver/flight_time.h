// SPDX-License-Identifier: Apache-2.0
// When a flight's next step is due, and what is known of its servers by then. Pure.
#pragma once

#include "resolver/flight.h"

namespace postern::resolver {

/// When a client that has asked at `since` must have its reply: shortly before it gives up, which it does after
/// `client_us`, but not before `budget_us`.
core::Micros client_end(core::Micros since, core::Micros budget_us, core::Micros client_us);
/// How long before a client gives up it gets its reply, at most.
inline constexpr core::Micros kMaxMargin = 500 * core::kMillisecond;

/// How long to wait for this attempt before the next server is asked. At most a third of the flight's time (half over
/// TCP), however slow the server usually is, so that there is time for another one.
core::Micros patience(const Flight& f, const Attempt& a);

/// When to look at the flight next: the end of an attempt's patience, of that with fresh data, or the deadline.
core::Micros next_step(const Flight& f);

/// Whether this server answers other questions than that of the flight, or usually takes so long for one.
bool lives(const Upstream& upstream, const Flight& f, core::Micros now);

bool any_live(const Flight& f);
/// Some server may still answer: not a dead one beside one that answered with an error.
bool worth_waiting(const Flight& f);

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
// Writes queries to upstreams.
#pragma once

#include "resolver/flight.h"
#include "resolver/wire.h"

namespace postern::resolver {

inline constexpr std::size_t kMaxUpstreamQuery = kHeaderSize + kMaxQuestion + kOptSize + 4 + 40;  // a cookie

/// Writes into `out`, which has room for kMaxUpstreamQuery: our ID, the client's RD, AD and CD, its question, and
/// the extras, with `cookie` of 40 bytes at most (RFC 7873). The client's options are not passed on. Returns the size.
std::size_t write_upstream_query(std::uint16_t id, const Flight& f, Extras extras, ByteView cookie, std::uint8_t* out);

}  // namespace postern::resolver

// The query as an upstream sees it.
#pragma once

#include "resolver/flight.h"
#include "resolver/wire.h"

namespace postern::resolver {

inline constexpr std::size_t kMaxUpstreamQuery = kHeaderSize + kMaxQuestion + kOptSize + 4 + 40;  // a cookie

/// Writes into `out`, which has room for kMaxUpstreamQuery: our ID, the client's RD, AD and CD, its
/// question, and with `edns` our own OPT with a DNS cookie (at most 40 bytes, RFC 7873). Nothing else of the
/// client's goes out: its options are not ours to repeat. Returns the size.
std::size_t write_upstream_query(std::uint16_t id, const Flight& f, bool edns, ByteView cookie, std::uint8_t* out);

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
#include "resolver/upstream_query.h"

#include <cstring>

namespace postern::resolver {

std::size_t write_upstream_query(std::uint16_t id, const Flight& f, Extras extras, ByteView cookie, std::uint8_t* out) {
    core::store_be16(out, id);
    core::store_be16(out + 2, f.key.flags);
    core::store_be16(out + 4, 1);
    core::store_be16(out + 6, 0);
    core::store_be16(out + 8, 0);
    core::store_be16(out + 10, extras == Extras::kNone ? 0 : 1);
    std::memcpy(out + kHeaderSize, f.question.data(), f.question.size());
    std::size_t at = kHeaderSize + f.question.size();
    if (extras == Extras::kNone) return at;
    std::uint8_t* p = out + at;
    p[0] = 0;
    core::store_be16(p + 1, kTypeOpt);
    core::store_be16(p + 3, 1232);  // DNS flag day 2020: avoids fragments
    core::store_be16(p + 5, 0);
    core::store_be16(p + 7, f.key.dnssec_ok ? kDnssecOk : 0);
    core::store_be16(p + 9, 0);
    at += kOptSize;
    if (extras == Extras::kOpt) return at;
    core::store_be16(p + 9, static_cast<std::uint16_t>(4 + cookie.size()));
    core::store_be16(p + 11, kOptionCookie);
    core::store_be16(p + 13, static_cast<std::uint16_t>(cookie.size()));
    std::memcpy(p + 15, cookie.data(), cookie.size());
    return at + 4 + cookie.size();
}

}  // namespace postern::resolver

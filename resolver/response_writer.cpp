// SPDX-License-Identifier: Apache-2.0
#include "resolver/response_writer.h"

#include <algorithm>
#include <cstring>

#include "resolver/shorten.h"

namespace postern::resolver {
namespace {

using core::store_be16;

std::size_t put(std::uint8_t* at, ByteView bytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    return bytes.size();
}

std::size_t ede_size(const ReplyOptions& o) {
    return o.ede == kEdeNone ? 0 : 6;
}
std::size_t explain_size(const ReplyOptions& o) {
    return o.explain.empty() ? 0 : 4 + o.explain.size();
}
std::size_t keepalive_size(const ReplyOptions& o) {
    return o.keepalive_100ms == 0 ? 0 : 6;
}
std::size_t options_size(const ReplyOptions& o) {
    return ede_size(o) + o.passed.size() + explain_size(o) + keepalive_size(o);
}

std::size_t write_opt(const Asked& asked, const ReplyOptions& o, std::uint16_t rcode, std::uint8_t* p) {
    p[0] = 0;
    store_be16(p + 1, kTypeOpt);
    store_be16(p + 3, o.udp_size);
    p[5] = static_cast<std::uint8_t>(rcode >> 4);  // extended RCODE
    p[6] = 0;                                      // version
    // RFC 3225 3: DO "MUST be copied in the response". Other flags are zero and other options are left out
    // (RFC 6891 6.1.4).
    store_be16(p + 7, asked.edns.dnssec_ok ? kDnssecOk : 0);
    store_be16(p + 9, static_cast<std::uint16_t>(options_size(o)));
    std::size_t at = kOptSize;
    if (o.ede != kEdeNone) {
        store_be16(p + at, kOptionEde);
        store_be16(p + at + 2, 2);
        store_be16(p + at + 4, static_cast<std::uint16_t>(o.ede));
        at += 6;
    }
    at += put(p + at, o.passed);
    if (o.keepalive_100ms != 0) {
        store_be16(p + at, kOptionKeepalive);
        store_be16(p + at + 2, 2);
        store_be16(p + at + 4, o.keepalive_100ms);
        at += 6;
    }
    if (!o.explain.empty()) {
        store_be16(p + at, kOptionExplain);
        store_be16(p + at + 2, static_cast<std::uint16_t>(o.explain.size()));
        at += 4 + put(p + at + 4, core::as_bytes(o.explain));
    }
    return at;
}

}  // namespace

Written write_reply(const Asked& asked, const Sections& sections, const ReplyOptions& options, std::size_t limit,
                    std::span<std::uint8_t> out) {
    limit = std::min(limit, out.size());
    const bool is_query = (asked.flags & kOpcodeMask) == 0;
    const ByteView question = is_query ? asked.question : ByteView{};

    Sections sent = sections;
    ReplyOptions kept = asked.edns.present ? options : ReplyOptions{};
    const auto room = [&] {
        const std::size_t used =
            kHeaderSize + question.size() + (asked.edns.present ? kOptSize + options_size(kept) : 0);
        return limit > used ? limit - used : 0;
    };
    const auto too_large = [&] { return sent.wire.size() > room(); };
    if (too_large()) sent = without_extras(sent, room());
    if (too_large()) kept.explain = {};
    if (too_large()) kept.passed = {};
    const bool truncated = too_large();
    if (truncated) sent = first_records(sent, room());

    std::uint16_t flags = asked.flags & kOpcodeMask;
    if (is_query) {
        // AD only for clients that set AD or DO (RFC 6840 5.7, 5.8).
        const bool wants_ad = (asked.flags & kAd) != 0 || asked.edns.dnssec_ok;
        flags = static_cast<std::uint16_t>((asked.flags & (kRd | kCd)) | kRa | (truncated ? kTc : 0) |
                                           (wants_ad ? sent.flags : sent.flags & ~kAd));
    }
    std::uint8_t* p = out.data();
    store_be16(p, asked.id);
    store_be16(p + 2, static_cast<std::uint16_t>(kQr | flags | (sent.rcode & kRcodeMask)));
    store_be16(p + 4, question.empty() ? 0 : 1);
    store_be16(p + 6, sent.answers);
    store_be16(p + 8, sent.authorities);
    store_be16(p + 10, static_cast<std::uint16_t>(sent.additionals + (asked.edns.present ? 1 : 0)));
    std::size_t at = kHeaderSize + put(p + kHeaderSize, question);
    at += put(p + at, sent.wire);
    if (asked.edns.present) at += write_opt(asked, kept, sent.rcode, p + at);
    return {at, sent.wire.size()};
}

}  // namespace postern::resolver

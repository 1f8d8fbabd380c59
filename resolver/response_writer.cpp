// SPDX-License-Identifier: Apache-2.0
#include "resolver/response_writer.h"

#include <cstring>

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

std::size_t write_reply(const Asked& asked, const Sections& sections, const ReplyOptions& options, std::size_t limit,
                        std::span<std::uint8_t> out) {
    if (limit > out.size()) limit = out.size();
    const std::size_t head = kHeaderSize + asked.question.size();
    const std::size_t opt = asked.edns.present ? kOptSize : 0;

    // When space is short, leave out in this order: the explanation, the passed options, the sections (with TC).
    ReplyOptions kept = options;
    const auto too_large = [&] { return head + sections.wire.size() + opt + options_size(kept) > limit; };
    if (asked.edns.present && too_large()) kept.explain = {};
    if (asked.edns.present && too_large()) kept.passed = {};
    const std::size_t tail = asked.edns.present ? opt + options_size(kept) : 0;
    const bool whole = head + sections.wire.size() + tail <= limit;

    // AD only for clients that set AD or DO (RFC 6840 5.7, 5.8).
    const bool wants_ad = (asked.flags & kAd) != 0 || asked.edns.dnssec_ok;
    const std::uint16_t flags = wants_ad ? sections.flags : static_cast<std::uint16_t>(sections.flags & ~kAd);

    std::uint8_t* p = out.data();
    store_be16(p, asked.id);
    store_be16(p + 2, static_cast<std::uint16_t>(kQr | (asked.flags & (kOpcodeMask | kRd | kCd)) | kRa | flags |
                                                 (whole ? 0 : kTc) | (sections.rcode & kRcodeMask)));
    store_be16(p + 4, asked.question.empty() ? 0 : 1);
    store_be16(p + 6, whole ? sections.answers : 0);
    store_be16(p + 8, whole ? sections.authorities : 0);
    store_be16(p + 10, static_cast<std::uint16_t>((whole ? sections.additionals : 0) + (asked.edns.present ? 1 : 0)));
    std::size_t at = kHeaderSize + put(p + kHeaderSize, asked.question);
    if (whole) at += put(p + at, sections.wire);
    if (asked.edns.present) at += write_opt(asked, kept, sections.rcode, p + at);
    return at;
}

}  // namespace postern::resolver

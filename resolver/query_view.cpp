// SPDX-License-Identifier: Apache-2.0
#include "resolver/query_view.h"

namespace postern::resolver {
namespace {

using core::load_be16;
using core::load_be32;

enum class OptResult { kOk, kMalformed, kVersion };

OptResult read_opt(ByteView packet, const Record& r, ClientEdns* edns) {
    if (edns->present) return OptResult::kMalformed;               // RFC 6891 6.1.1: more than one is FORMERR
    if (r.type_at != r.name_at + 1) return OptResult::kMalformed;  // the owner must be the root, 6.1.2
    edns->present = true;
    edns->udp_size = r.klass;
    edns->dnssec_ok = (r.ttl & kDnssecOk) != 0;
    std::size_t at = r.rdata_at;
    while (at < r.end()) {
        if (r.end() - at < 4) return OptResult::kMalformed;
        const std::uint16_t code = load_be16(packet.data() + at);
        const std::size_t length = load_be16(packet.data() + at + 2);
        if (r.end() - at - 4 < length) return OptResult::kMalformed;
        if (code == kOptionExplain) edns->explain = true;
        if (code == kOptionKeepalive) edns->keepalive = true;  // all others are ignored, 6.1.2
        at += 4 + length;
    }
    return ((r.ttl >> 16) & 0xff) == 0 ? OptResult::kOk : OptResult::kVersion;
}

}  // namespace

bool next_record(ByteView message, std::size_t* at, Record* out) {
    out->name_at = *at;
    out->type_at = skip_name(message, *at);
    if (out->type_at == 0 || message.size() - out->type_at < 10) return false;
    const std::uint8_t* p = message.data() + out->type_at;
    out->type = load_be16(p);
    out->klass = load_be16(p + 2);
    out->ttl = load_be32(p + 4);
    out->rdata_length = load_be16(p + 8);
    out->rdata_at = out->type_at + 10;
    if (message.size() - out->rdata_at < out->rdata_length) return false;
    *at = out->end();
    return true;
}

namespace {

/// Parses the question and OPT of a message with any opcode: all have the same four sections.
Parsed read_sections(ByteView packet, QueryView* out) {
    const std::uint8_t* p = packet.data();
    if (load_be16(p + 4) != 1) return Parsed::kFormErr;  // RFC 9619: exactly one question

    // The first name of a message can't be compressed: copy it in lower case in one pass.
    const std::size_t name_end = read_name(packet, kHeaderSize, &out->name);
    if (name_end == 0 || name_end != kHeaderSize + out->name.length || packet.size() - name_end < 4) {
        return Parsed::kFormErr;
    }
    out->type = load_be16(p + name_end);
    out->klass = load_be16(p + name_end + 2);
    out->question = packet.subspan(kHeaderSize, out->name.length + 4u);

    const unsigned before_additional = load_be16(p + 6) + 0u + load_be16(p + 8);
    const unsigned records = before_additional + load_be16(p + 10);
    std::size_t at = name_end + 4;
    bool bad_version = false;
    for (unsigned i = 0; i < records; ++i) {
        Record r;
        if (!next_record(packet, &at, &r)) return Parsed::kFormErr;
        if (r.type != kTypeOpt) continue;
        if (i < before_additional) return Parsed::kFormErr;
        switch (read_opt(packet, r, &out->edns)) {
            case OptResult::kOk:
                break;
            case OptResult::kMalformed:
                return Parsed::kFormErr;
            case OptResult::kVersion:
                bad_version = true;
                break;
        }
    }
    return bad_version ? Parsed::kBadVers : Parsed::kOk;
}

}  // namespace

Parsed QueryView::parse(ByteView packet, QueryView* out) {
    if (packet.size() < kHeaderSize) return Parsed::kDropShort;
    const std::uint8_t* p = packet.data();
    out->id = load_be16(p);
    out->flags = load_be16(p + 2);
    out->question = {};
    out->edns = {};
    if (out->flags & kQr) return Parsed::kDropResponse;
    const Parsed parsed = read_sections(packet, out);
    return (out->flags & kOpcodeMask) != 0 ? Parsed::kNotImp : parsed;
}

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
#include "resolver/reply_view.h"

#include <algorithm>
#include <array>

namespace postern::resolver {
namespace {

using core::load_be16;

constexpr std::size_t kMaxChain = 64;  // CNAMEs; mail filters and content networks make more than 16

/// Checks the names in RDATA of the types whose names may be compressed (RFC 1035, RFC 3597 4): they must end
/// where RDATA ends.
bool rdata_is_sound(ByteView message, const Record& r) {
    Name name;
    const ByteView upto = message.first(r.end());
    switch (r.type) {
        case kTypeNs:
        case kTypeMd:
        case kTypeMf:
        case kTypeCname:
        case kTypeMb:
        case kTypeMg:
        case kTypeMr:
        case kTypePtr:
        case kTypeDname:
            return read_name(upto, r.rdata_at, &name) == r.end();
        case kTypeMx:
            return read_name(upto, r.rdata_at + 2, &name) == r.end();
        case kTypeMinfo: {
            const std::size_t second = read_name(upto, r.rdata_at, &name);
            return second != 0 && read_name(upto, second, &name) == r.end();
        }
        case kTypeSoa: {
            const std::size_t rname = read_name(upto, r.rdata_at, &name);
            const std::size_t numbers = rname == 0 ? 0 : read_name(upto, rname, &name);
            return numbers != 0 && numbers + 20 == r.end();
        }
        case kTypeA:
            return r.klass != kClassIn || r.rdata_length == 4;
        case kTypeAaaa:
            return r.klass != kClassIn || r.rdata_length == 16;
        default:
            return true;
    }
}

/// The first option with this code, with its header; empty if there is none. A malformed option ends the search.
ByteView find_option(ByteView message, const Record& opt, std::uint16_t code) {
    std::size_t at = opt.rdata_at;
    while (at < opt.end() && opt.end() - at >= 4) {
        const std::size_t size = 4u + load_be16(message.data() + at + 2);
        if (opt.end() - at < size) break;
        if (load_be16(message.data() + at) == code) return message.subspan(at, size);
        at += size;
    }
    return {};
}

/// Whether a record after OPT can be moved: none of its pointers may point to OPT or behind it.
bool can_move(ByteView message, const Record& r, std::size_t opt_at) {
    if (r.type != kTypeA && r.type != kTypeAaaa) return false;
    if (r.type_at - r.name_at < 2 || message[r.type_at - 2] < 0xc0) return true;
    return ((message[r.type_at - 2] & 0x3fu) << 8 | message[r.type_at - 1]) < opt_at;
}

}  // namespace

Match match_reply(ByteView reply, std::uint16_t id, ByteView question) {
    if (reply.size() < kHeaderSize) return Match::kForeign;
    const std::uint8_t* p = reply.data();
    const std::uint16_t flags = load_be16(p + 2);
    if (load_be16(p) != id || (flags & kQr) == 0 || (flags & kOpcodeMask) != 0) return Match::kForeign;
    const std::uint16_t questions = load_be16(p + 4);
    const std::uint16_t rcode = flags & kRcodeMask;
    if (questions == 0 && (rcode == kFormErr || rcode == kNotImp) && load_be16(p + 6) == 0 && load_be16(p + 8) == 0) {
        return Match::kBareError;
    }
    if (questions != 1 || reply.size() - kHeaderSize < question.size()) return Match::kForeign;
    const ByteView echoed = reply.subspan(kHeaderSize, question.size());
    const std::size_t name = question.size() - 4;
    // The name is compared without case, type and class are compared exactly.
    if (!equal_ignoring_case(echoed.first(name), question.first(name))) return Match::kForeign;
    if (!std::equal(echoed.begin() + static_cast<std::ptrdiff_t>(name), echoed.end(),
                    question.begin() + static_cast<std::ptrdiff_t>(name))) {
        return Match::kForeign;
    }
    return Match::kOurs;
}

bool ReplyView::parse(ByteView reply, std::size_t question, core::Bytes* scratch) {
    const std::uint8_t* p = reply.data();
    const std::uint16_t flags = load_be16(p + 2);
    const std::size_t body = kHeaderSize + question;
    *this = {};
    question_size = static_cast<std::uint16_t>(question);
    rcode = flags & kRcodeMask;
    truncated = (flags & kTc) != 0;
    // A truncated message may be cut anywhere; its sections are not used.
    if (truncated) return true;
    const std::uint16_t answers = load_be16(p + 6), authorities = load_be16(p + 8), additionals = load_be16(p + 10);
    const unsigned before = answers + 0u + authorities;

    std::size_t at = body, opt_at = 0, opt_end = 0, end = body;
    std::uint16_t kept = 0;
    bool split = false;  // there are records after OPT, which are moved
    bool cut = false;    // the records after OPT are left out
    Name name;
    for (unsigned i = 0; i < before + additionals; ++i) {
        Record r;
        if (!next_record(reply, &at, &r) || read_name(reply, r.name_at, &name) != r.type_at) return false;
        if (r.type == kTypeOpt) {
            if (has_opt || i < before || name.length != 1) return false;
            has_opt = true;
            opt_at = r.name_at;
            opt_end = r.end();
            rcode = static_cast<std::uint16_t>(rcode | (r.ttl >> 24) << 4);
            ede = find_option(reply, r, kOptionEde);
            if (ede.size() < 6) ede = {};  // no INFO-CODE
            cookie = find_option(reply, r, kOptionCookie);
            if (!cookie.empty()) cookie = cookie.subspan(4);
            continue;
        }
        if (!rdata_is_sound(reply, r)) return false;
        if (has_opt) {
            // Additional data is optional (RFC 2181 9): leave out what can't be moved, and a TSIG.
            cut = cut || !can_move(reply, r, opt_at);
            if (cut) continue;
            split = true;
        }
        if (i >= before) ++kept;
        end = r.end();
    }
    if (!has_opt || !split) {
        sections.wire = reply.subspan(body, (has_opt && end > opt_at ? opt_at : end) - body);
    } else {
        scratch->assign(reply.begin() + static_cast<std::ptrdiff_t>(body),
                        reply.begin() + static_cast<std::ptrdiff_t>(opt_at));
        scratch->insert(scratch->end(), reply.begin() + static_cast<std::ptrdiff_t>(opt_end),
                        reply.begin() + static_cast<std::ptrdiff_t>(end));
        sections.wire = *scratch;
    }
    sections.answers = answers;
    sections.authorities = authorities;
    sections.additionals = kept;
    sections.rcode = rcode;
    sections.flags = flags & kAd;
    return true;
}

namespace {

/// The CNAME records of the answer section, and the names that they lead to from the name asked.
struct Chain {
    std::array<Record, kMaxChain> records;
    std::size_t count = 0;
    std::array<Name, kMaxChain + 1> names;
    std::size_t length = 0;

    /// False: malformed, or more records than a chain may have.
    bool collect(ByteView reply, std::size_t body, unsigned answers) {
        std::size_t at = body;
        for (unsigned i = 0; i < answers; ++i) {
            Record r;
            if (!next_record(reply, &at, &r)) return false;
            if (r.type != kTypeCname) continue;
            if (count == kMaxChain) return false;
            records[count++] = r;
        }
        return true;
    }

    /// Servers may send the records in any order. The search for the next one begins behind the last one: one pass for
    /// a chain in order, and at most kMaxChain² names for any other. False: malformed, or a loop.
    bool follow(ByteView reply, const Name& asked) {
        names[0] = asked;
        length = 1;
        std::size_t next = 0;
        for (std::size_t passed = 0; passed < count; next = (next + 1) % count) {
            const Record& r = records[next];
            Name owner;
            if (read_name(reply, r.name_at, &owner) == 0) return false;
            ++passed;
            if (!(owner == names[length - 1])) continue;
            if (length == names.size() || read_name(reply, r.rdata_at, &names[length]) == 0) return false;
            ++length;
            passed = 0;
        }
        return true;
    }
};

}  // namespace

bool answers_belong(ByteView reply, const Name& asked, Name* last) {
    const std::size_t body = kHeaderSize + asked.length + 4u;
    const std::uint16_t answers = load_be16(reply.data() + 6);
    Chain chain;
    if (!chain.collect(reply, body, answers) || !chain.follow(reply, asked)) return false;
    *last = chain.names[chain.length - 1];
    std::size_t at = body, k = 0, missed = 0;
    for (unsigned i = 0; i < answers; ++i) {
        Record r;
        Name owner;
        if (!next_record(reply, &at, &r) || r.klass != kClassIn || read_name(reply, r.name_at, &owner) == 0)
            return false;
        const auto belongs = [&](const Name& name) {
            return owner == name ||
                   ((r.type == kTypeDname || r.type == kTypeRrsig) && is_within(name.view(), owner.view()));
        };
        // From the name of the last record on, so that a chain in order is passed once. In reverse each record costs a
        // round; what costs more is not an answer that anybody needs cached.
        for (std::size_t tried = 0; !belongs(chain.names[k]); k = (k + 1) % chain.length) {
            if (++tried == chain.length || ++missed > kMaxChain * (kMaxChain + 1)) return false;
        }
    }
    return true;
}

}  // namespace postern::resolver

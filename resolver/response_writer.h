// SPDX-License-Identifier: Apache-2.0
// Writes replies into a caller's buffer: header, the client's question, prepared sections, OPT. Does not allocate.
#pragma once

#include <span>
#include <string_view>

#include "core/plan.h"
#include "resolver/query_view.h"

namespace postern::resolver {

/// The parts of a query that its reply needs.
struct Asked {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;  // the query's; RD and CD are copied into the reply
    ClientEdns edns;
    ByteView question;  // echoed byte for byte, case included

    static Asked from(const QueryView& q) { return {q.id, q.flags, q.edns, q.question}; }
};

/// The sections after the question, without OPT. Compression pointers in `wire` stay valid, because the question
/// always has the same length.
struct Sections {
    ByteView wire;
    std::uint16_t answers = 0;
    std::uint16_t authorities = 0;
    std::uint16_t additionals = 0;  // without OPT
    std::uint16_t rcode = kNoError;
    std::uint16_t flags = 0;  // AA and AD of the reply

    static Sections authoritative(const core::AnswerView& a) {
        return {a.wire, a.answers, a.authorities, 0, a.rcode, kAa};
    }
    static Sections error(std::uint16_t rcode) { return {{}, 0, 0, 0, rcode, 0}; }
};

/// The contents of our OPT, which is left out when the query had none (RFC 6891 7).
struct ReplyOptions {
    std::uint16_t udp_size = 1232;  // the size that we announce
    std::int32_t ede = kEdeNone;
    ByteView passed = {};               // complete options of the upstream to pass on (its EDE)
    std::string_view explain = {};      // for option 65001
    std::uint16_t keepalive_100ms = 0;  // idle timeout of TCP connections in 100 ms (RFC 7828); 0: no such option
};

struct Written {
    std::size_t size = 0;      // of the reply
    std::size_t sections = 0;  // the bytes of `wire` in it, which follow the question
};

/// Writes the reply. If it is larger than `limit` (512 to out.size()), this is left out, one after the other until it
/// fits: additional data, authority data, the explanation, the passed options, and last, with TC set, the records that
/// don't fit (RFC 2181 9).
/// To another opcode than QUERY the reply is the opcode, the RCODE and OPT alone: the other flags are defined for
/// QUERY, and so is the question.
Written write_reply(const Asked& asked, const Sections& sections, const ReplyOptions& options, std::size_t limit,
                    std::span<std::uint8_t> out);

/// Whether a written reply has TC set.
inline bool is_truncated(const std::uint8_t* reply) {
    return (reply[2] & 0x02) != 0;
}

}  // namespace postern::resolver

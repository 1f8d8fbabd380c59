// Builds replies into a caller's buffer: header, the client's own question bytes, prepared sections, OPT. No
// allocation.
#pragma once

#include <span>
#include <string_view>

#include "core/plan.h"
#include "resolver/query_view.h"

namespace postern::resolver {

/// What of a query its reply depends on; a waiter keeps it after the packet is gone.
struct Asked {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;  // the query's; RD and CD are copied into the reply
    ClientEdns edns;
    ByteView question;  // echoed byte for byte, case included

    static Asked from(const QueryView& q) { return {q.id, q.flags, q.edns, q.question}; }
};

/// Everything behind the question but OPT. Compression pointers in `wire` hold, because the question's length
/// does.
struct Sections {
    ByteView wire;
    std::uint16_t answers = 0;
    std::uint16_t authorities = 0;
    std::uint16_t additionals = 0;  // without OPT
    std::uint16_t rcode = kNoError;
    std::uint16_t flags = 0;  // AA and AD as they shall stand in the reply

    static Sections authoritative(const core::AnswerView& a) {
        return {a.wire, a.answers, a.authorities, 0, a.rcode, kAa};
    }
    static Sections error(std::uint16_t rcode) { return {{}, 0, 0, 0, rcode, 0}; }
};

/// What our OPT carries. All of it is left out when the query had no OPT (RFC 6891 7).
struct ReplyOptions {
    std::uint16_t udp_size = 1232;  // what we say we can receive
    std::int32_t ede = kEdeNone;
    ByteView passed = {};               // whole options of the upstream that are handed on (its EDE)
    std::string_view explain = {};      // for option 65001
    std::uint16_t keepalive_100ms = 0;  // how long an idle TCP connection lives (RFC 7828); 0: not said
};

/// Writes the reply and returns its size. One that would be larger than `limit` (≤ out.size(), ≥ 512) leaves
/// without its sections and with TC (RFC 2181 9); options that don't fit are dropped first.
std::size_t write_reply(const Asked& asked, const Sections& sections, const ReplyOptions& options, std::size_t limit,
                        std::span<std::uint8_t> out);

/// Whether a written reply has TC.
inline bool is_truncated(const std::uint8_t* reply) {
    return (reply[2] & 0x02) != 0;
}

}  // namespace postern::resolver

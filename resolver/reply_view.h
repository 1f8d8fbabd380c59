// SPDX-License-Identifier: Apache-2.0
// Parses an upstream's reply: whether it belongs to our query, whether it is well-formed, and its sections without
// OPT. A reply that fails here reaches neither a client nor the cache.
#pragma once

#include "resolver/response_writer.h"

namespace postern::resolver {

enum class Match {
    kOurs,
    kBareError,  // the ID matches; FORMERR or NOTIMP without a question, as old servers answer OPT (RFC 6891 7)
    kForeign,    // anything else: forged, late or malformed; ignored and counted
};

/// `question` is what we sent; the case of letters may differ. Bounds-checked; reads nothing after the question.
Match match_reply(ByteView reply, std::uint16_t id, ByteView question);

struct ReplyView {
    Sections sections;        // without OPT; AA is cleared, AD is that of the upstream
    std::uint16_t rcode = 0;  // with the upper bits from OPT
    bool truncated = false;
    bool has_opt = false;
    ByteView cookie;  // the data of the COOKIE option; empty if none
    ByteView ede;     // the first EDE option with its header; empty if none
    std::uint16_t question_size = 0;

    /// `reply` must have matched as kOurs. Checks every record, and in RDATA every name that may be
    /// compressed. `scratch` holds the sections when OPT has to be cut out of the middle. `question` is its
    /// size. False: malformed.
    bool parse(ByteView reply, std::size_t question, core::Bytes* scratch);
};

/// Whether every record of the answer section belongs to the question: its owner is the name asked for, or one that a
/// chain of CNAME or DNAME leads to. Only such replies are cached. `last` is set to the name at the end of the chain.
bool answers_belong(ByteView reply, const Name& asked, Name* last);

}  // namespace postern::resolver

// An upstream's reply: does it answer the question that we asked, is it well-formed, and its sections without
// OPT. Nothing of a reply that fails here reaches a client or the cache.
#pragma once

#include "resolver/response_writer.h"

namespace postern::resolver {

enum class Match {
    kOurs,
    kBareError,  // right ID, FORMERR or NOTIMP, and no question: old servers answer OPT so (RFC 6891 7). Only
                 // a signal
    kForeign,    // anything else: forged, late or broken. Ignored and counted
};

/// `question` is what we sent; letters may differ in case. Bounds-checked; does not look behind the question.
Match match_reply(ByteView reply, std::uint16_t id, ByteView question);

struct ReplyView {
    Sections sections;        // without OPT; AA never, AD as the upstream said
    std::uint16_t rcode = 0;  // with the bits of OPT
    bool truncated = false;
    bool has_opt = false;
    ByteView cookie;  // the data of its COOKIE option
    ByteView ede;     // the upstream's first EDE option, whole; empty if none
    std::uint16_t question_size = 0;

    /// `reply` must have matched as kOurs. Every record and every name that may be compressed is read to its
    /// end. `scratch` holds the sections when OPT has to be cut out of their middle. False: not well-formed.
    bool parse(ByteView reply, std::size_t question, core::Bytes* scratch);
};

/// Whether every record of the answer section belongs to the question: its name, or what a chain of CNAME or
/// DNAME leads to. Only such replies are cached. `last` gets the name at the end of the chain.
bool answers_belong(ByteView reply, const Name& asked, Name* last);

}  // namespace postern::resolver

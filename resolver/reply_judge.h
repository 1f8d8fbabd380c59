// SPDX-License-Identifier: Apache-2.0
// What an upstream's reply to an attempt means: an answer, an error, or a reason to repeat the question in another way.
// Every extra and transport has a way back here. Pure, but for learn_from(), which tells the server's state.
#pragma once

#include "resolver/flight.h"

namespace postern::resolver {

struct Judgement {
    enum class Means {
        kForeign,      // not the reply to this query: forged, late or malformed
        kWrongCookie,  // over UDP, and perhaps forged: to be confirmed over TCP
        kAnswer,       // NOERROR or NXDOMAIN
        kError,
        kRepeat,  // to the same server, as `tcp` and `extras` say
    };
    Means means = Means::kError;
    std::uint16_t rcode = 0;        // with the upper bits from OPT, if that could be read
    bool sound = false;             // `view` is filled
    bool rejects_extras = false;    // the server may have rejected OPT, not the question
    bool cookies_mistaken = false;  // over TCP, so not forged: the server does not handle cookies
    bool tcp = false;
    Extras extras = Extras::kCookie;
};

/// `f` is the flight of the attempt. `scratch` is that of ReplyView::parse().
Judgement judge_reply(ByteView message, const Flight& f, const Attempt& attempt, ReplyView* view, core::Bytes* scratch);

/// What the reply says of its server: its time, its cookie, and the extras that it copes with.
void learn_from(const Flight& f, const Attempt& attempt, const Judgement& j, const ReplyView& view, core::Micros now);

}  // namespace postern::resolver

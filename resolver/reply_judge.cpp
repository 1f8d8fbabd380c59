// SPDX-License-Identifier: Apache-2.0
#include "resolver/reply_judge.h"

#include <algorithm>

namespace postern::resolver {
namespace {

using Means = Judgement::Means;

/// RFC 7873 5.3: the client cookie must be ours, and a server that is known to send cookies must send one.
bool cookie_fits(const Attempt& a, const ReplyView& view) {
    if (!view.cookie.empty()) return a.upstream->is_own_cookie(view.cookie);
    return !a.upstream->speaks_cookies() || view.rcode == kFormErr;
}

/// Whether the server may have rejected OPT, not the question (RFC 6891 6.2.2 and 7; SERVFAIL and REFUSED as some old
/// servers and middleboxes do).
bool may_reject_extras(const Flight& f, const Attempt& a, std::uint16_t rcode, bool has_opt) {
    if (a.extras == Extras::kNone) return false;
    if (rcode == kFormErr || rcode == kBadVers) return true;
    if (rcode == kNotImp) return !has_opt;
    if (rcode != kServFail && rcode != kRefused) return false;
    if (has_opt && a.upstream->speaks_edns()) return false;
    return std::none_of(f.attempts.begin(), f.attempts.end(), [&](const Attempt& other) {
        return other.server == a.server && other.extras == Extras::kNone;
    });
}

}  // namespace

Judgement judge_reply(ByteView message, const Flight& f, const Attempt& a, ReplyView* view, core::Bytes* scratch) {
    Judgement j;
    const auto repeat = [&j](bool tcp, Extras extras) {
        j.means = Means::kRepeat;
        j.tcp = tcp;
        j.extras = extras;
        return j;
    };
    const Match match = match_reply(message, a.id, f.question);
    if (match == Match::kForeign) {
        j.means = Means::kForeign;
        return j;
    }
    j.sound = match == Match::kOurs && view->parse(message, f.question.size(), scratch);
    j.rcode = j.sound ? view->rcode : core::load_be16(message.data() + 2) & kRcodeMask;
    if (j.sound && a.extras == Extras::kCookie && !view->truncated && !cookie_fits(a, *view)) {
        if (!a.tcp) {
            j.means = Means::kWrongCookie;
            return j;
        }
        j.cookies_mistaken = !view->cookie.empty();
        if (j.cookies_mistaken) return repeat(false, Extras::kOpt);
    }
    if (may_reject_extras(f, a, j.rcode, j.sound && view->has_opt)) {
        j.rejects_extras = true;
        // SERVFAIL and REFUSED are more likely meant as such: another server is asked first.
        if (j.rcode != kServFail && j.rcode != kRefused) return repeat(a.tcp, Extras::kNone);
    }
    if (!j.sound) return j;
    if (view->truncated) return a.tcp ? j : repeat(true, a.extras);
    if (j.rcode == kBadCookie && a.extras == Extras::kCookie) {
        // The server cookie was out of date, and the reply has a new one (RFC 7873 5.3). After a second BADCOOKIE:
        // TCP, which needs no cookie; after a third without one.
        if (a.tcp) return repeat(false, Extras::kOpt);
        const auto to_this_server = [&](const Attempt& other) { return other.server == a.server; };
        return repeat(std::count_if(f.attempts.begin(), f.attempts.end(), to_this_server) > 1, a.extras);
    }
    if (j.rcode == kNoError || j.rcode == kNxDomain) j.means = Means::kAnswer;
    return j;
}

void learn_from(const Flight& f, const Attempt& a, const Judgement& j, const ReplyView& view, core::Micros now) {
    Upstream& upstream = *a.upstream;
    upstream.answered(now, now - a.sent_at, j.rcode);
    if (j.cookies_mistaken) return upstream.limit(Extras::kOpt, now);
    if (j.sound && a.extras == Extras::kCookie && !view.truncated) {
        if (!view.cookie.empty())
            upstream.take_cookie(view.cookie);
        else if (a.tcp && upstream.speaks_cookies())
            upstream.forget_server_cookie();
    }
    if (j.means != Means::kAnswer) return;
    if (a.plain_retry) upstream.limit(Extras::kNone, now);
    const bool fuller_was_silent = std::any_of(f.attempts.begin(), f.attempts.end(), [&](const Attempt& other) {
        return other.live && other.silent && other.server == a.server && other.extras < a.extras;
    });
    if (fuller_was_silent) upstream.answered_only(a.extras, now);
    upstream.coped_with(a.extras, view.has_opt);
}

}  // namespace postern::resolver

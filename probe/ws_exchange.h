// SPDX-License-Identifier: Apache-2.0
// The check of `ws = true` after a good SQL reply: an upgrade to WebSocket, then {"action":"version"}, as TDengine's
// connectors do; a proxy on the path may break that although it passes POST. The reply to the upgrade is checked by
// RFC 6455 4.1 before anything else is sent; redirects are not followed. Passive: bytes in, progress and bytes to
// send out; owned by ProbeRun.
#pragma once

#include <string>
#include <string_view>

#include "core/random.h"
#include "probe/http_exchange.h"
#include "probe/reply_judge.h"
#include "probe/ws_frames.h"

namespace postern::probe {

/// The expected Sec-WebSocket-Accept for this Sec-WebSocket-Key.
std::string ws_accept(std::string_view key);

class WsExchange {
  public:
    enum class Progress { kMore, kDone, kFailed };

    explicit WsExchange(core::Random& random);

    /// The upgrade request. It contains the token, once: wipe it after use.
    std::string request(const ProbeSpec& spec) const;
    /// The next bytes from the peer. After a result other than kMore further calls have no effect.
    Progress feed(std::string_view plain);
    /// The peer closed.
    Progress eof();
    /// The bytes to send now: the question, pongs, the close frame; "" for none.
    std::string take_outgoing() { return std::exchange(outgoing_, {}); }

    bool upgraded() const { return upgraded_; }
    /// The reason and the detail, after kFailed.
    const ReplyJudgement& judged() const { return judged_; }

  private:
    Progress on_reply(HttpReply::Progress progress);
    Progress judge_upgrade();
    Progress read_frames();
    Progress stop(Reason reason, core::Message detail);
    void say(WsOpcode opcode, std::string_view payload);

    core::Random& random_;
    std::string key_;
    HttpReply reply_;
    WsFrames frames_;
    std::string outgoing_;
    bool upgraded_ = false;
    Progress result_ = Progress::kMore;
    ReplyJudgement judged_;
};

}  // namespace postern::probe

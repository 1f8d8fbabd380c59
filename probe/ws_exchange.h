// What `ws = true` asks after a good SQL reply: upgrade to WebSocket, then {"action":"version"} - the way
// that TDengine's connectors go, which a proxy on the path may break while it lets POST through. Passive:
// bytes in, progress and bytes to send out; ProbeRun moves them. The upgrade's answer is verified as RFC
// 6455 4.1 wants it, no redirect is followed, and nothing is sent on before that.
#pragma once

#include <string>
#include <string_view>

#include "core/random.h"
#include "probe/http_exchange.h"
#include "probe/reply_judge.h"
#include "probe/ws_frames.h"

namespace postern::probe {

/// What Sec-WebSocket-Accept has to be for this Sec-WebSocket-Key.
std::string ws_accept(std::string_view key);

class WsExchange {
  public:
    enum class Progress { kMore, kDone, kFailed };

    explicit WsExchange(core::Random& random);

    /// The upgrade request. It holds the token: wipe it.
    std::string request(const ProbeSpec& spec) const;
    /// Bytes as they came. After anything but kMore further calls change nothing.
    Progress feed(std::string_view plain);
    /// The peer closed.
    Progress eof();
    /// What has to be sent now: the question, pongs, the farewell. "" when nothing.
    std::string take_outgoing() { return std::exchange(outgoing_, {}); }

    bool upgraded() const { return upgraded_; }
    /// After kFailed: reason and detail, expected and found.
    const ReplyJudgement& judged() const { return judged_; }

  private:
    Progress on_reply(HttpReply::Progress progress);
    Progress judge_upgrade();
    Progress read_frames();
    Progress stop(Reason reason, std::string detail);
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

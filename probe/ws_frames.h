// SPDX-License-Identifier: Apache-2.0
// WebSocket frames (RFC 6455 5) of a client, as far as one question and its answer need them. Passive:
// bytes in, progress out. Safe with hostile input: every length is checked before the data is stored
// (fuzzed by tests/fuzz/fuzz_ws_frames).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/message.h"

namespace postern::probe {

enum class WsOpcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

/// One client frame: final, masked with `mask`, with 65535 bytes of payload at most.
std::string ws_client_frame(WsOpcode opcode, std::string_view payload, std::uint32_t mask);

struct WsLimits {
    std::size_t message_bytes = 64u << 10;  // all fragments of one message
    int frames = 256;                       // of all kinds, so that a peer can't go on with pings for ever
};

class WsFrames {
  public:
    enum class Progress {
        kMore,
        kMessage,   // a complete text or binary message: see message()
        kPing,      // to be answered with a pong: see control()
        kClosed,    // a close frame: see close_code() and control()
        kProtocol,  // invalid framing: see problem()
        kTooLarge,
    };

    explicit WsFrames(WsLimits limits = {}) : limits_(limits) {}

    /// Adds bytes from the peer, which are kept until next() has used them.
    void feed(std::string_view bytes) { buffer_.append(bytes); }
    /// Parses the next message or control frame. kMessage, kClosed, kProtocol and kTooLarge are final: further calls
    /// return the same.
    Progress next();

    const std::string& message() const { return message_; }
    bool is_text() const { return opcode_ == WsOpcode::kText; }
    /// Payload of the last ping, or the reason of the close.
    const std::string& control() const { return control_; }
    int close_code() const { return close_code_; }  // 1005: the frame had none
    /// What was expected and what was found, after kProtocol or kTooLarge.
    const core::Message& problem() const { return problem_; }

  private:
    struct Head {
        WsOpcode opcode = WsOpcode::kText;
        bool final = false;
        std::size_t head_bytes = 0;  // 0: incomplete
        std::uint64_t length = 0;
    };

    Progress read_head(Head* head);
    Progress check_order(const Head& head);
    Progress take_control(const Head& head, std::string_view payload);
    Progress stop(Progress why, core::Message problem);

    WsLimits limits_;
    std::string buffer_;
    std::string message_, control_;
    core::Message problem_;
    WsOpcode opcode_ = WsOpcode::kContinuation;  // of the unfinished message; kContinuation: none
    int frames_ = 0;
    int close_code_ = 0;
    Progress result_ = Progress::kMore;
};

}  // namespace postern::probe

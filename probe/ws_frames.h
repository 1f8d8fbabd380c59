// WebSocket frames (RFC 6455 5), the client's half, as far as one question and its answer need them. Passive:
// bytes in, progress out. Hostile input is expected: every length is bounded before a byte of it is kept,
// nothing is trusted (fuzzed by tests/fuzz/fuzz_ws_frames).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace postern::probe {

enum class WsOpcode : std::uint8_t { kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10 };

/// One whole frame of a client: final, masked with `mask`. At most 65535 bytes of payload, which is far more
/// than a probe says.
std::string ws_client_frame(WsOpcode opcode, std::string_view payload, std::uint32_t mask);

struct WsLimits {
    std::size_t message_bytes = 64u << 10;  // all fragments of one message
    int frames = 256;                       // of all kinds: a peer that only pings is cut off, too
};

class WsFrames {
  public:
    enum class Progress {
        kMore,
        kMessage,   // a whole text or binary message: see message()
        kPing,      // one to be answered with a pong: see control()
        kClosed,    // a close frame: see close_code() and control()
        kProtocol,  // broken or hostile framing; see problem()
        kTooLarge,
    };

    explicit WsFrames(WsLimits limits = {}) : limits_(limits) {}

    /// Bytes as they came; they are kept until next() has used them.
    void feed(std::string_view bytes) { buffer_.append(bytes); }
    /// The next thing that the bytes so far have to say. After kMessage, kClosed, kProtocol and kTooLarge it
    /// repeats itself: there is one answer, and what comes behind it is of no interest.
    Progress next();

    const std::string& message() const { return message_; }
    bool is_text() const { return opcode_ == WsOpcode::kText; }
    /// Payload of the last ping, or the reason of the close.
    const std::string& control() const { return control_; }
    int close_code() const { return close_code_; }  // 1005: the frame named none
    /// Expected and found, after kProtocol or kTooLarge.
    const std::string& problem() const { return problem_; }

  private:
    struct Head {
        WsOpcode opcode = WsOpcode::kText;
        bool final = false;
        std::size_t head_bytes = 0;  // 0: not all there yet
        std::uint64_t length = 0;
    };

    Progress read_head(Head* head);
    Progress check_order(const Head& head);
    Progress take_control(const Head& head, std::string_view payload);
    Progress stop(Progress why, std::string problem);

    WsLimits limits_;
    std::string buffer_;
    std::string message_, control_, problem_;
    WsOpcode opcode_ = WsOpcode::kContinuation;  // of the message under way; kContinuation: none
    int frames_ = 0;
    int close_code_ = 0;
    Progress result_ = Progress::kMore;
};

}  // namespace postern::probe

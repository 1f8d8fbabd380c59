// SPDX-License-Identifier: Apache-2.0
#include "probe/ws_frames.h"

#include <fmt/format.h>

#include "probe/detail.h"
#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr std::size_t kMaxControl = 125;  // RFC 6455 5.5
constexpr int kNoCloseCode = 1005;

std::uint64_t big_endian(std::string_view bytes) {
    std::uint64_t value = 0;
    for (const char byte : bytes)
        value = value << 8 | static_cast<std::uint8_t>(byte);
    return value;
}

bool is_control(WsOpcode opcode) {
    return (static_cast<unsigned>(opcode) & 8) != 0;
}

bool is_known(unsigned opcode) {
    return opcode <= 2 || (opcode >= 8 && opcode <= 10);
}

}  // namespace

std::string ws_client_frame(WsOpcode opcode, std::string_view payload, std::uint32_t mask) {
    const char key[4] = {static_cast<char>(mask >> 24), static_cast<char>(mask >> 16), static_cast<char>(mask >> 8),
                         static_cast<char>(mask)};
    std::string out(1, static_cast<char>(0x80 | static_cast<unsigned>(opcode)));
    if (payload.size() <= kMaxControl) {
        out += static_cast<char>(0x80 | payload.size());
    } else {
        payload = payload.substr(0, 0xffff);
        out += static_cast<char>(0x80 | 126);
        out += static_cast<char>(payload.size() >> 8);
        out += static_cast<char>(payload.size());
    }
    out.append(key, sizeof key);
    for (std::size_t i = 0; i < payload.size(); ++i)
        out += static_cast<char>(payload[i] ^ key[i % 4]);
    return out;
}

WsFrames::Progress WsFrames::stop(Progress why, core::Message problem) {
    problem_ = std::move(problem);
    buffer_.clear();
    message_.clear();
    return result_ = why;
}

/// Parses the first 2 to 10 bytes. Refuses what no server may send before the frame is complete.
WsFrames::Progress WsFrames::read_head(Head* head) {
    if (buffer_.empty()) return Progress::kMore;
    const auto first = static_cast<std::uint8_t>(buffer_[0]);
    if ((first & 0x70) != 0) {
        return stop(Progress::kProtocol,
                    differs("a WebSocket frame", core::message("reserved bits set (0x{}): no extension was agreed",
                                                               fmt::format("{:02x}", first))));
    }
    if (!is_known(first & 0x0f)) {
        return stop(Progress::kProtocol,
                    differs("a WebSocket frame", core::message("the unknown opcode {}", first & 0x0f)));
    }
    head->opcode = static_cast<WsOpcode>(first & 0x0f);
    head->final = (first & 0x80) != 0;
    if (buffer_.size() < 2) return Progress::kMore;
    const auto second = static_cast<std::uint8_t>(buffer_[1]);
    if ((second & 0x80) != 0) {
        return stop(Progress::kProtocol, differs("an unmasked frame, as servers send", "a masked one"));
    }
    const unsigned short_length = second & 0x7f;
    if (is_control(head->opcode) && (!head->final || short_length > kMaxControl)) {
        return stop(
            Progress::kProtocol,
            differs(core::message("a whole control frame of at most {} bytes", kMaxControl), "a larger or a cut one"));
    }
    const std::size_t more = short_length == 126 ? 2 : short_length == 127 ? 8 : 0;
    if (buffer_.size() < 2 + more) return Progress::kMore;
    head->length = more == 0 ? short_length : big_endian(std::string_view(buffer_).substr(2, more));
    head->head_bytes = 2 + more;
    return Progress::kMore;
}

/// Checks the order of fragments and the size of the message.
WsFrames::Progress WsFrames::check_order(const Head& head) {
    if (is_control(head.opcode)) return Progress::kMore;
    const bool under_way = opcode_ != WsOpcode::kContinuation;
    if (under_way != (head.opcode == WsOpcode::kContinuation)) {
        return stop(Progress::kProtocol, under_way ? differs("the rest of a message", "the start of another")
                                                   : differs("the start of a message", "the rest of one"));
    }
    if (head.length > limits_.message_bytes || message_.size() + head.length > limits_.message_bytes) {
        return stop(Progress::kTooLarge, differs(core::message("a message of at most {} bytes", limits_.message_bytes),
                                                 core::message("one of {} or more", message_.size() + head.length)));
    }
    return Progress::kMore;
}

WsFrames::Progress WsFrames::take_control(const Head& head, std::string_view payload) {
    if (head.opcode == WsOpcode::kPong) return Progress::kMore;  // unsolicited pongs are allowed
    if (head.opcode == WsOpcode::kPing) {
        control_ = payload;
        return Progress::kPing;
    }
    if (payload.size() == 1) {
        return stop(Progress::kProtocol, differs("a close frame with a code or without", "half a code"));
    }
    close_code_ = payload.empty() ? kNoCloseCode : static_cast<int>(big_endian(payload.substr(0, 2)));
    control_ = payload.substr(payload.empty() ? 0 : 2);
    return result_ = Progress::kClosed;
}

WsFrames::Progress WsFrames::next() {
    while (result_ == Progress::kMore) {
        Head head;
        if (read_head(&head) != Progress::kMore) return result_;
        if (head.head_bytes == 0) return Progress::kMore;
        if (check_order(head) != Progress::kMore) return result_;
        if (buffer_.size() - head.head_bytes < head.length) return Progress::kMore;
        if (++frames_ > limits_.frames) {
            return stop(Progress::kProtocol, differs("an answer", core::message("{} frames without one", frames_ - 1)));
        }
        const auto length = static_cast<std::size_t>(head.length);
        const std::string payload = buffer_.substr(head.head_bytes, length);
        buffer_.erase(0, head.head_bytes + length);
        if (is_control(head.opcode)) {
            const Progress got = take_control(head, payload);
            if (got != Progress::kMore) return got;
            continue;
        }
        if (head.opcode != WsOpcode::kContinuation) opcode_ = head.opcode;
        message_ += payload;
        if (head.final) result_ = Progress::kMessage;
    }
    return result_;
}

}  // namespace postern::probe

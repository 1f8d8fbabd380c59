// SPDX-License-Identifier: Apache-2.0
#include "probe/ws_exchange.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>

#include "core/secret.h"
#include "core/text.h"
#include "probe/detail.h"
#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // RFC 6455 1.3
constexpr std::string_view kQuestion = R"({"action":"version"})";
constexpr std::size_t kQuote = 120;

/// Whether `word` (lower case) is one of the comma-separated words of a header.
bool has_word(std::string_view header, std::string_view word) {
    while (!header.empty()) {
        const std::string_view part = header.substr(0, header.find(','));
        header.remove_prefix(std::min(part.size() + 1, header.size()));
        if (core::same_word(core::trimmed(part, " \t"), word)) return true;
    }
    return false;
}

std::string base64(const unsigned char* bytes, int size) {
    unsigned char out[64];
    const int n = EVP_EncodeBlock(out, bytes, size);
    return {reinterpret_cast<const char*>(out), static_cast<std::size_t>(n)};
}

std::string make_key(core::Random& random) {
    unsigned char nonce[16];
    for (unsigned char& byte : nonce)
        byte = static_cast<unsigned char>(random.next64());
    return base64(nonce, sizeof nonce);
}

/// "server error, please retry" and the like: the gateway works, the database behind it does not.
bool says_unavailable(int close_code) {
    return close_code >= 1011 && close_code <= 1014;
}

}  // namespace

std::string ws_accept(std::string_view key) {
    const std::string text = std::string(key) + std::string(kGuid);
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr) != 1) return {};
    return base64(digest, static_cast<int>(size));
}

WsExchange::WsExchange(core::Random& random) : random_(random), key_(make_key(random)) {}

std::string WsExchange::request(const ProbeSpec& spec) const {
    const std::string rest = fmt::format(
        " HTTP/1.1\r\nHost: {}\r\nUser-Agent: postern/{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: {}\r\nSec-WebSocket-Version: 13\r\n\r\n",
        host_header(spec), POSTERN_VERSION, key_);
    return in_one_buffer({"GET /ws?token=", spec.token.expose_encoded(), rest});
}

WsExchange::Progress WsExchange::stop(Reason reason, core::Message detail) {
    judged_.phase = Phase::kWs;
    judged_.reason = reason;
    judged_.detail = std::move(detail);
    return result_ = Progress::kFailed;
}

void WsExchange::say(WsOpcode opcode, std::string_view payload) {
    outgoing_ += ws_client_frame(opcode, payload, static_cast<std::uint32_t>(random_.next64()));
}

WsExchange::Progress WsExchange::feed(std::string_view plain) {
    if (result_ != Progress::kMore) return result_;
    if (!upgraded_) return on_reply(reply_.feed(plain));
    frames_.feed(plain);
    return read_frames();
}

WsExchange::Progress WsExchange::eof() {
    if (result_ != Progress::kMore) return result_;
    if (!upgraded_) return on_reply(reply_.eof());
    return stop(Reason::kHttpTruncated,
                differs(core::message("an answer to {}", kQuestion), "the connection closed without one"));
}

WsExchange::Progress WsExchange::on_reply(HttpReply::Progress progress) {
    switch (progress) {
        case HttpReply::Progress::kMore:
            return Progress::kMore;
        case HttpReply::Progress::kDone:
            return judge_upgrade();
        case HttpReply::Progress::kProtocol:
            return stop(Reason::kHttpProtocol, reply_.problem());
        case HttpReply::Progress::kTooLarge:
            return stop(Reason::kBodyTooLarge, reply_.problem());
        case HttpReply::Progress::kTruncated:
            return stop(Reason::kHttpTruncated, reply_.problem());
    }
    return Progress::kMore;
}

WsExchange::Progress WsExchange::judge_upgrade() {
    if (reply_.status() != 101) {
        return stop(reason_for_status(reply_.status()),
                    differs("status 101", reply_.body().empty() ? core::Message(std::to_string(reply_.status()))
                                                                : core::message("{}: {}", reply_.status(),
                                                                                excerpt(reply_.body(), kQuote))));
    }
    const auto wrong = [this](std::string_view header, const core::Message& expected) {
        return stop(Reason::kHttpProtocol, differs(core::message("{}: {} with status 101", header, expected),
                                                   excerpt(reply_.header(header), kQuote)));
    };
    if (!has_word(reply_.header("upgrade"), "websocket")) return wrong("Upgrade", "websocket");
    if (!has_word(reply_.header("connection"), "upgrade")) return wrong("Connection", "Upgrade");
    // A cache or proxy that only sends the right status does not have this value.
    if (reply_.header("sec-websocket-accept") != ws_accept(key_)) return wrong("Sec-WebSocket-Accept", ws_accept(key_));
    for (const std::string_view unasked : {"sec-websocket-extensions", "sec-websocket-protocol"}) {
        if (!reply_.header(unasked).empty()) return wrong(unasked, "nothing");
    }
    upgraded_ = true;
    say(WsOpcode::kText, kQuestion);
    frames_.feed(reply_.rest());
    return read_frames();
}

WsExchange::Progress WsExchange::read_frames() {
    for (;;) {
        switch (frames_.next()) {
            case WsFrames::Progress::kMore:
                return Progress::kMore;
            case WsFrames::Progress::kPing:
                say(WsOpcode::kPong, frames_.control());
                continue;
            case WsFrames::Progress::kMessage:
                if (!frames_.is_text()) return stop(Reason::kBodyMismatch, differs("a text message", "a binary one"));
                judged_ = judge_version_answer(frames_.message());
                say(WsOpcode::kClose, std::string("\x03\xe8", 2));  // 1000; else the gateway logs a broken connection
                return result_ = judged_.reason == Reason::kNone ? Progress::kDone : Progress::kFailed;
            case WsFrames::Progress::kClosed:
                return stop(says_unavailable(frames_.close_code()) ? Reason::kSqlUnavailable : Reason::kBodyMismatch,
                            differs(core::message("an answer to {}", kQuestion),
                                    core::message("the connection closed by the gateway with code {}: {}",
                                                  frames_.close_code(), excerpt(frames_.control(), kQuote))));
            case WsFrames::Progress::kProtocol:
                return stop(Reason::kHttpProtocol, frames_.problem());
            case WsFrames::Progress::kTooLarge:
                return stop(Reason::kBodyTooLarge, frames_.problem());
        }
    }
}

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
#include "probe/http_exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "core/secret.h"
#include "core/text.h"
#include "probe/detail.h"
#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr std::string_view kBlanks = " \t";  // RFC 9110 5.6.3
constexpr std::size_t kMaxChunkLine = 1024;
constexpr std::size_t kMaxHeaders = 128;

/// A token character, RFC 9110 5.6.2.
bool is_token(std::string_view s) {
    return !s.empty() && std::all_of(s.begin(), s.end(), [](char c) {
        return (c >= '0' && c <= '9') || (core::lower(c) >= 'a' && core::lower(c) <= 'z') ||
               std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
    });
}

bool parse_decimal(std::string_view s, std::uint64_t* out) {
    if (s.empty() || s.size() > 18) return false;
    std::uint64_t v = 0;
    for (const char c : s) {
        if (c < '0' || c > '9') return false;
        v = v * 10 + static_cast<std::uint64_t>(c - '0');
    }
    *out = v;
    return true;
}

}  // namespace

std::string in_one_buffer(std::initializer_list<std::string_view> parts) {
    std::size_t size = 0;
    for (const std::string_view part : parts)
        size += part.size();
    std::string out;
    out.reserve(size);
    for (const std::string_view part : parts)
        out += part;
    return out;
}

std::string host_header(const ProbeSpec& spec) {
    const bool v6 = spec.host.find(':') != std::string::npos;
    const std::string host = v6 ? '[' + spec.host + ']' : spec.host;
    return spec.port == 443 ? host : fmt::format("{}:{}", host, spec.port);
}

std::string request_text(const ProbeSpec& spec, std::string_view path, bool path_is_whole) {
    const bool posts = spec.kind == Kind::kTdengine;
    const std::string_view target = path.empty() ? std::string_view("/") : path;
    std::string_view parameter, token;
    if (posts && !path_is_whole && !spec.token.empty()) {
        parameter = target.find('?') == std::string_view::npos ? "?token=" : "&token=";
        token = spec.token.expose_encoded();
    }
    // The reply is not compressed, so there is no decompressor to attack.
    std::string rest = fmt::format(
        " HTTP/1.1\r\nHost: {}\r\nUser-Agent: postern/{}\r\nAccept: {}\r\nAccept-Encoding: identity\r\n"
        "Connection: close\r\n",
        host_header(spec), POSTERN_VERSION, posts ? "application/json" : "*/*");
    if (posts) {
        rest += fmt::format("Content-Type: text/plain\r\nContent-Length: {}\r\n\r\n{}", spec.sql.size(), spec.sql);
    } else {
        rest += "\r\n";
    }
    return in_one_buffer({posts ? "POST " : "GET ", target, parameter, token, rest});
}

void HttpReply::forget() {
    core::wipe(buffer_);
    core::wipe(body_);
    for (auto& [name, value] : headers_)
        core::wipe(value);
}

HttpReply::Progress HttpReply::stop(Progress why, core::Message problem) {
    state_ = State::kOver;
    problem_ = std::move(problem);
    return result_ = why;
}

HttpReply::Progress HttpReply::feed(std::string_view bytes) {
    if (result_ != Progress::kMore) return result_;
    seen_ += bytes.size();
    buffer_.append(bytes);
    Progress progress = Progress::kMore;
    do {
        const std::size_t used_before = used_;
        const State state_before = state_;
        progress = step();
        if (progress == Progress::kMore && used_ == used_before && state_ == state_before) break;
    } while (progress == Progress::kMore);
    // The rest is a part of a line or of a chunk header at most: erasing the beginning is cheap.
    buffer_.erase(0, used_);
    used_ = 0;
    return progress;
}

HttpReply::Progress HttpReply::eof() {
    if (result_ != Progress::kMore) return result_;
    switch (state_) {
        case State::kUntilClose:
            state_ = State::kOver;
            return result_ = Progress::kDone;
        case State::kStatusLine:
        case State::kHeaders:
            return stop(
                Progress::kTruncated,
                differs("an HTTP reply",
                        seen_ == 0 ? core::Message("the connection closed before its first byte")
                                   : core::message("the connection closed in its head, after {} bytes", seen_)));
            ;
        case State::kLength:
            return stop(Progress::kTruncated, differs(core::message("a body of {} bytes", body_.size() + left_),
                                                      core::message("the connection closed after {}", body_.size())));
        default:
            return stop(Progress::kTruncated,
                        differs("a last chunk",
                                core::message("the connection closed after {} bytes of the body", body_.size())));
    }
}

std::string_view HttpReply::header(std::string_view name) const {
    for (const auto& [key, value] : headers_) {
        if (core::same_word(key, name)) return value;
    }
    return {};
}

/// One line without its CR LF (or LF). kMore: it is incomplete, and *line is unchanged.
HttpReply::Progress HttpReply::take_line(std::string_view* line, std::size_t limit) {
    const std::string_view rest = std::string_view(buffer_).substr(used_);
    const std::size_t end = rest.find('\n');
    if ((end == std::string_view::npos ? rest.size() : end) > limit) {
        return stop(Progress::kProtocol, differs(core::message("a line of at most {} bytes", limit),
                                                 core::message("a longer one: {}", excerpt(rest, 48))));
    }
    if (end == std::string_view::npos) return Progress::kMore;
    *line = rest.substr(0, end > 0 && rest[end - 1] == '\r' ? end - 1 : end);
    used_ += end + 1;
    if (line->find('\r') != std::string_view::npos) {  // RFC 9112 2.2: some take it for a line's end
        return stop(Progress::kProtocol, differs("no CR within a line", excerpt(*line, 64)));
    }
    return Progress::kDone;
}

HttpReply::Progress HttpReply::step() {
    std::string_view line;
    switch (state_) {
        case State::kStatusLine:
        case State::kHeaders: {
            // A server with another protocol may never send a line end: check the bytes received so far.
            const std::string_view rest = std::string_view(buffer_).substr(used_);
            if (state_ == State::kStatusLine && rest.substr(0, 5) != std::string_view("HTTP/").substr(0, rest.size())) {
                return stop(Progress::kProtocol, differs("\"HTTP/1.1 <status>\"", excerpt(rest, 64)));
            }
            const std::size_t before = used_;
            const Progress got = take_line(&line, limits_.head_bytes);
            if (got != Progress::kDone) return got;
            head_used_ += used_ - before;
            if (head_used_ > limits_.head_bytes) {
                return stop(Progress::kProtocol,
                            differs(core::message("a head of at most {} bytes", limits_.head_bytes), "more"));
            }
            if (state_ == State::kStatusLine) return on_status_line(line) ? Progress::kMore : result_;
            if (line.empty()) return on_head_complete();
            return on_header(line) ? Progress::kMore : result_;
        }
        case State::kLength:
        case State::kChunkData: {
            const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, buffer_.size() - used_));
            if (!append_body(n)) return result_;
            left_ -= n;
            if (left_ > 0) return Progress::kMore;
            if (state_ == State::kLength) {
                state_ = State::kOver;
                return result_ = Progress::kDone;
            }
            state_ = State::kChunkEnd;
            return Progress::kMore;
        }
        case State::kChunkSize: {
            const Progress got = take_line(&line, kMaxChunkLine);
            return got == Progress::kDone ? on_chunk_size(line) : got;
        }
        case State::kChunkEnd: {
            const Progress got = take_line(&line, 1);
            if (got != Progress::kDone) return got;
            if (!line.empty()) return stop(Progress::kProtocol, differs("the end of a chunk", "more data"));
            state_ = State::kChunkSize;
            return Progress::kMore;
        }
        case State::kTrailers: {
            const std::size_t before = used_;
            const Progress got = take_line(&line, limits_.head_bytes);
            if (got != Progress::kDone) return got;
            head_used_ += used_ - before;
            if (head_used_ > limits_.head_bytes) return stop(Progress::kProtocol, "trailers without end");
            if (!line.empty()) return Progress::kMore;
            state_ = State::kOver;
            return result_ = Progress::kDone;
        }
        case State::kUntilClose:
            return append_body(buffer_.size() - used_) ? Progress::kMore : result_;
        case State::kOver:
            return result_;
    }
    return result_;
}

/// "HTTP/1.1 200 OK"; the reason phrase may be missing.
bool HttpReply::on_status_line(std::string_view line) {
    const bool version =
        line.size() >= 12 && line.substr(0, 7) == "HTTP/1." && (line[7] == '0' || line[7] == '1') && line[8] == ' ';
    std::uint64_t status = 0;
    if (!version || !parse_decimal(line.substr(9, 3), &status) || status < 100 ||
        (line.size() > 12 && line[12] != ' ')) {
        stop(Progress::kProtocol, differs("\"HTTP/1.1 <status>\"", excerpt(line, 64)));
        return false;
    }
    http_1_0_ = line[7] == '0';
    status_ = static_cast<int>(status);
    headers_.clear();
    state_ = State::kHeaders;
    return true;
}

bool HttpReply::on_header(std::string_view line) {
    if ((line.front() == ' ' || line.front() == '\t') && !headers_.empty()) {  // RFC 9112 5.2: a user agent unfolds
        std::string& value = headers_.back().second;
        const std::string_view more = core::trimmed(line, kBlanks);
        if (!value.empty() && !more.empty()) value += ' ';
        value += more;
        return true;
    }
    const std::size_t colon = line.find(':');
    // RFC 9112 5.1: no space before the colon, which is used for request smuggling.
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
        stop(Progress::kProtocol, differs("a header", excerpt(line, 64)));
        return false;
    }
    if (headers_.size() >= kMaxHeaders) {
        stop(Progress::kProtocol, differs(core::message("at most {} headers", kMaxHeaders), "more"));
        return false;
    }
    headers_.emplace_back(line.substr(0, colon), core::trimmed(line.substr(colon + 1), kBlanks));
    return true;
}

HttpReply::Progress HttpReply::on_head_complete() {
    if (status_ < 200 && status_ != 101) {  // 100 Continue, 103 Early Hints: the final reply follows
        if (++interim_ > limits_.interim_replies) {
            return stop(Progress::kProtocol, differs("a reply", core::message("{} interim ones", interim_)));
        }
        state_ = State::kStatusLine;
        return Progress::kMore;
    }
    head_complete_ = true;
    if (status_ == 101 || status_ == 204 || status_ == 304) {  // these have no body
        state_ = State::kOver;
        return result_ = Progress::kDone;
    }
    std::string_view coding, length;
    for (const auto& [key, value] : headers_) {
        if (core::same_word(key, "transfer-encoding")) {
            if (!coding.empty()) return stop(Progress::kProtocol, differs("one Transfer-Encoding", "more"));
            if (value.empty()) return stop(Progress::kProtocol, differs("a Transfer-Encoding", "an empty one"));
            coding = value;
        } else if (core::same_word(key, "content-length")) {
            if (!length.empty() && length != value) {
                return stop(
                    Progress::kProtocol,
                    differs("one Content-Length", core::message("{} and {}", excerpt(length, 24), excerpt(value, 24))));
            }
            length = value;
            if (value.empty()) return stop(Progress::kProtocol, differs("a Content-Length", "an empty one"));
        }
    }
    if (!coding.empty()) {
        if (!core::same_word(coding, "chunked")) {
            return stop(Progress::kProtocol, differs("Transfer-Encoding chunked", excerpt(coding, 48)));
        }
        if (http_1_0_) {  // RFC 9112 6.1: its framing is faulty
            return stop(Progress::kProtocol, differs("no Transfer-Encoding in a reply of HTTP/1.0", "chunked"));
        }
        state_ = State::kChunkSize;  // RFC 9112 6.3: overrides Content-Length
        return Progress::kMore;
    }
    if (length.empty()) {
        state_ = State::kUntilClose;
        return Progress::kMore;
    }
    if (!parse_decimal(length, &left_)) {
        return stop(Progress::kProtocol, differs("a Content-Length", excerpt(length, 48)));
    }
    if (left_ > limits_.body_bytes) {
        return stop(Progress::kTooLarge, differs(core::message("a body of at most {} bytes", limits_.body_bytes),
                                                 core::message("Content-Length {}", left_)));
    }
    state_ = State::kLength;
    return Progress::kMore;
}

HttpReply::Progress HttpReply::on_chunk_size(std::string_view line) {
    const std::string_view digits = core::trimmed(line.substr(0, line.find(';')), kBlanks);
    std::uint64_t size = 0;
    bool good = !digits.empty() && digits.size() <= 15;
    for (const char c : digits) {
        const char l = core::lower(c);
        const int v = l >= '0' && l <= '9' ? l - '0' : l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
        good = good && v >= 0;
        size = size * 16 + static_cast<std::uint64_t>(v >= 0 ? v : 0);
    }
    if (!good) return stop(Progress::kProtocol, differs("a chunk size", excerpt(line, 48)));
    if (size > limits_.body_bytes || body_.size() + size > limits_.body_bytes) {
        return stop(Progress::kTooLarge, differs(core::message("a body of at most {} bytes", limits_.body_bytes),
                                                 core::message("a chunk that makes it {}", body_.size() + size)));
    }
    left_ = size;
    state_ = size == 0 ? State::kTrailers : State::kChunkData;
    return Progress::kMore;
}

bool HttpReply::append_body(std::size_t n) {
    if (body_.size() + n > limits_.body_bytes) {
        stop(Progress::kTooLarge, differs(core::message("a body of at most {} bytes", limits_.body_bytes), "more"));
        return false;
    }
    body_.append(buffer_, used_, n);
    used_ += n;
    return true;
}

}  // namespace postern::probe

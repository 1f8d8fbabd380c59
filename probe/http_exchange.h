// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 as far as a probe needs it: the text of the request, and a parser for the reply. Passive: bytes in,
// progress out. Safe with hostile input: every length is bounded (fuzzed by tests/fuzz/fuzz_http_reply).
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/message.h"
#include "probe/probe_types.h"

namespace postern::probe {

/// The request for the kind of `spec`: POST with the SQL, or GET. `path` is the request target; the token is appended
/// to it as ?token= (or &token=) unless `path_is_whole`. The result contains the token, once: wipe it after use.
std::string request_text(const ProbeSpec& spec, std::string_view path, bool path_is_whole);

/// The parts joined in one buffer: those of a text that grows would be freed with the secret in them.
std::string in_one_buffer(std::initializer_list<std::string_view> parts);

/// The value of the Host header: with the port unless it is 443.
std::string host_header(const ProbeSpec& spec);

struct HttpLimits {
    std::size_t head_bytes = 32u << 10;  // status lines, headers and trailers, with those of interim replies
    std::size_t body_bytes = 256u << 10;
    int interim_replies = 8;  // 1xx before the final one
};

class HttpReply {
  public:
    enum class Progress {
        kMore,
        kDone,
        kProtocol,   // not HTTP/1.x, or invalid framing; see problem()
        kTooLarge,   // the body; headers that are too large are kProtocol
        kTruncated,  // from eof() only: the peer closed before the end of the reply
    };

    explicit HttpReply(HttpLimits limits = {}) : limits_(limits) {}

    /// The next bytes from the peer. After a result other than kMore further calls have no effect.
    Progress feed(std::string_view bytes);
    /// The peer closed. kDone when the body ends at the end of the connection.
    Progress eof();

    /// Wipes what was received: a redirect may repeat the token. Afterwards it is destroyed or replaced.
    void forget();

    /// The status line and all headers of the final reply were received: status() and header() are valid.
    bool head_complete() const { return head_complete_; }
    int status() const { return status_; }
    bool http_1_0() const { return http_1_0_; }
    const std::string& body() const { return body_; }
    /// The first header with that name (without case), trimmed; "" for none.
    std::string_view header(std::string_view name) const;
    /// The bytes after a complete reply: after 101 the first frames.
    std::string_view rest() const { return buffer_; }
    /// What was expected and what was found, after kProtocol, kTooLarge or kTruncated.
    const core::Message& problem() const { return problem_; }

  private:
    enum class State {
        kStatusLine,
        kHeaders,
        kLength,
        kChunkSize,
        kChunkData,
        kChunkEnd,
        kTrailers,
        kUntilClose,
        kOver
    };

    Progress step();
    Progress take_line(std::string_view* line, std::size_t limit);
    bool on_status_line(std::string_view line);
    bool on_header(std::string_view line);
    Progress on_head_complete();
    Progress on_chunk_size(std::string_view line);
    bool append_body(std::size_t n);
    Progress stop(Progress why, core::Message problem);

    HttpLimits limits_;
    State state_ = State::kStatusLine;
    Progress result_ = Progress::kMore;
    std::string buffer_;    // not yet consumed
    std::size_t used_ = 0;  // of buffer_
    std::size_t seen_ = 0;  // bytes fed
    std::size_t head_used_ = 0;
    int interim_ = 0;
    int status_ = 0;
    bool head_complete_ = false;
    bool http_1_0_ = false;
    std::vector<std::pair<std::string, std::string>> headers_;
    std::uint64_t left_ = 0;  // bytes of the body (kLength) or the chunk
    std::string body_;
    core::Message problem_;
};

}  // namespace postern::probe

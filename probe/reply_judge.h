// SPDX-License-Identifier: Apache-2.0
// Judges a complete HTTP reply: status, headers and body (phase reply), then the SQL code and the first cell (phase
// sql). Pure functions over untrusted bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "probe/probe_types.h"

namespace postern::probe {

struct ReplyJudgement {
    Phase phase = Phase::kCount;  // that failed; kCount when good
    Reason reason = Reason::kNone;
    core::Message detail;  // may quote the reply: pass it through detail_message()
    std::optional<std::int64_t> sql_code;
};

struct ReplyView {
    int status = 0;
    std::string_view content_type;
    std::string_view location;
    std::string_view body;
    std::string_view content_coding;  // of Content-Encoding
};

/// The reason for an unexpected status.
Reason reason_for_status(int status);
/// By the kind of the spec. The caller has followed the redirects that are to be followed.
ReplyJudgement judge_reply(const ProbeSpec& spec, const ReplyView& reply);

/// The path and query of the next request after a 307 or 308 to the same host; nullopt for another host
/// or no location.
std::optional<std::string> same_host_target(const ProbeSpec& spec, std::string_view location);

/// TDengine's reply body: {"code":…}. Public for tests and fuzzing.
ReplyJudgement judge_sql_body(const ProbeSpec& spec, int status, std::string_view body);
/// The answer to {"action":"version"} over a WebSocket: {"code":0,"version":"3.…",…}. Fails in phase ws.
ReplyJudgement judge_version_answer(std::string_view message);
/// The JSON pointers of kind https.
ReplyJudgement judge_body_json(const ProbeSpec& spec, std::string_view body);

}  // namespace postern::probe

// What a whole HTTP reply means: status, headers and body (phase reply), then the SQL code and the first cell (phase
// sql). Pure functions over untrusted bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "probe/probe_types.h"

namespace postern::probe {

struct ReplyJudgement {
    Phase phase = Phase::kCount;  // kCount: good
    Reason reason = Reason::kNone;
    std::string detail;  // expected and found; may quote the reply: redact before it is shown
    std::optional<std::int64_t> sql_code;
};

struct ReplyView {
    int status = 0;
    std::string_view content_type;
    std::string_view location;
    std::string_view body;
};

/// Of a status that was not expected.
Reason reason_for_status(int status);
/// By the kind of the spec. Redirects that should be followed have been followed before.
ReplyJudgement judge_reply(const ProbeSpec& spec, const ReplyView& reply);

/// The path (with query) to ask next when a 307/308 leads to the same host; nullopt when it does not, or to none.
std::optional<std::string> same_host_target(const ProbeSpec& spec, std::string_view location);

/// TDengine's reply body: {"code":…}. Exposed for tests and fuzzing.
ReplyJudgement judge_sql_body(const ProbeSpec& spec, int status, std::string_view body);
/// The answer to {"action":"version"} over a WebSocket: {"code":0,"version":"3.…",…}. Fails in phase ws.
ReplyJudgement judge_version_answer(std::string_view message);
/// The JSON pointers of kind https.
ReplyJudgement judge_body_json(const ProbeSpec& spec, std::string_view body);

}  // namespace postern::probe

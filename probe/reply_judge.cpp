// SPDX-License-Identifier: Apache-2.0
#include "probe/reply_judge.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/ip_address.h"
#include "core/text.h"
#include "probe/detail.h"
#include "probe/excerpt.h"

namespace postern::probe {
namespace {

constexpr std::size_t kQuote = 120;  // bytes of the reply in a detail

bool looks_like_html(const ReplyView& reply) {
    if (core::lowered(reply.content_type).find("text/html") != std::string::npos) return true;
    const std::size_t start = reply.body.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    return start != std::string_view::npos && reply.body[start] == '<';
}

core::Message what_came(const ReplyView& reply) {
    if (reply.body.empty()) return core::message("status {} without a body", reply.status);
    return core::message("status {}: {}", reply.status, excerpt(reply.body, kQuote));
}

ReplyJudgement redirected(const core::Message& expected, const ReplyView& reply) {
    return {Phase::kReply, Reason::kHttpRedirect,
            differs(expected,
                    core::message("status {} to {}; redirects to another place are not followed, the token stays here",
                                  reply.status,
                                  reply.location.empty() ? core::Message("nowhere")
                                                         : core::Message(excerpt(reply.location, kQuote)))),
            std::nullopt};
}

ReplyJudgement judge_tdengine(const ProbeSpec& spec, const ReplyView& reply) {
    static const core::Message kExpected = "status 200 with {\"code\":0,…}";
    const auto failed = [&](Reason reason, core::Message found) {
        return ReplyJudgement{Phase::kReply, reason, differs(kExpected, std::move(found)), std::nullopt};
    };
    if (reply.status == 401 && spec.token.empty()) {
        return {
            Phase::kReply, Reason::kTokenMissing,
            "the gateway asks for a token (401) and none is configured: the path is good, the database was not asked",
            std::nullopt};
    }
    if (reply.status == 401 || reply.status == 403 || reply.status == 429) {
        ReplyJudgement sql = judge_sql_body(spec, reply.status, reply.body);
        if (sql.reason == Reason::kSqlUnavailable) return sql;  // 0x20 comes with 403
        ReplyJudgement judged = failed(reason_for_status(reply.status), what_came(reply));
        judged.sql_code = sql.sql_code;
        return judged;
    }
    if (reply.status >= 300 && reply.status < 400) return redirected(kExpected, reply);
    if (reply.status >= 500) {
        // A proxy in front of the gateway replies with HTML, taosAdapter with JSON: 502 with code 11 means that it
        // can't reach the database.
        ReplyJudgement sql = judge_sql_body(spec, reply.status, reply.body);
        if (sql.reason == Reason::kSqlUnavailable) return sql;
        ReplyJudgement judged = failed(reason_for_status(reply.status), what_came(reply));
        judged.sql_code = sql.sql_code;
        return judged;
    }
    if (looks_like_html(reply)) {
        return failed(Reason::kNotTdengine, core::message("an HTML page, {}", what_came(reply)));
    }
    if (reply.status == 404 && reply.body.find("page not found") != std::string_view::npos) {
        return failed(Reason::kNotTdengine, what_came(reply));
    }
    if (reply.status != 200) {
        ReplyJudgement judged = failed(reason_for_status(reply.status), what_came(reply));
        judged.sql_code = judge_sql_body(spec, reply.status, reply.body).sql_code;
        return judged;
    }
    ReplyJudgement sql = judge_sql_body(spec, reply.status, reply.body);
    if (sql.reason == Reason::kSqlAuth && spec.token.empty()) {
        sql.reason = Reason::kTokenMissing;
        sql.phase = Phase::kReply;
        sql.detail =
            "the gateway asks for a login and no token is configured: the path is good, the database was not asked";
    }
    return sql;
}

/// Whether a reply of that status goes on to the body.
bool is_accepted(const ProbeSpec& spec, int status) {
    if (spec.kind == Kind::kTdengine) return status == 200;
    const auto& accepted = spec.accepted_status;
    return std::find(accepted.begin(), accepted.end(), status) != accepted.end();
}

ReplyJudgement judge_https(const ProbeSpec& spec, const ReplyView& reply) {
    if (!is_accepted(spec, reply.status)) {
        core::Message expected;
        for (const int status : spec.accepted_status)
            expected =
                expected.empty() ? core::message("status {}", status) : core::message("{} or {}", expected, status);
        if (reply.status >= 300 && reply.status < 400) return redirected(expected, reply);
        return {Phase::kReply, reason_for_status(reply.status), differs(expected, what_came(reply)), std::nullopt};
    }
    if (!spec.body_contains.empty() && reply.body.find(spec.body_contains) == std::string_view::npos) {
        return {Phase::kReply, Reason::kBodyMismatch,
                differs(core::message("a body that contains \"{}\"", excerpt(spec.body_contains, kQuote)),
                        what_came(reply)),
                std::nullopt};
    }
    return judge_body_json(spec, reply.body);
}

}  // namespace

Reason reason_for_status(int status) {
    switch (status) {
        case 401:
            return Reason::kHttpStatus401;
        case 403:
            return Reason::kHttpStatus403;
        case 429:
            return Reason::kHttpStatus429;
        default:
            break;
    }
    if (status >= 300 && status < 400) return Reason::kHttpRedirect;
    if (status >= 400 && status < 500) return Reason::kHttpStatus4xx;
    if (status >= 500 && status < 600) return Reason::kHttpStatus5xx;
    return Reason::kHttpStatusUnexpected;
}

ReplyJudgement judge_reply(const ProbeSpec& spec, const ReplyView& reply) {
    const bool reads_body = spec.kind == Kind::kTdengine || !spec.body_contains.empty() || !spec.body_json.empty();
    if (reads_body && is_accepted(spec, reply.status) && !reply.content_coding.empty() &&
        !core::same_word(reply.content_coding, "identity")) {
        return {Phase::kReply, spec.kind == Kind::kTdengine ? Reason::kBodyInvalidJson : Reason::kBodyMismatch,
                differs("a body as it is (Accept-Encoding: identity)",
                        core::message("Content-Encoding {}", excerpt(reply.content_coding, kQuote))),
                std::nullopt};
    }
    return spec.kind == Kind::kTdengine ? judge_tdengine(spec, reply) : judge_https(spec, reply);
}

std::optional<std::string> same_host_target(const ProbeSpec& spec, std::string_view location) {
    // A control character or a space could end the request line early.
    if (location.empty() || location.size() > 4096 || std::any_of(location.begin(), location.end(), [](char c) {
            return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
        })) {
        return std::nullopt;
    }
    location = location.substr(0, location.find('#'));
    if (location.substr(0, 2) == "//") {
        location.remove_prefix(2);
    } else if (location.substr(0, 1) == "/") {
        return std::string(location);
    } else if (core::lowered(location.substr(0, 8)) == "https://") {
        location.remove_prefix(8);
    } else {
        return std::nullopt;  // another scheme, or a relative path, which no gateway sends
    }
    const std::size_t path_at = std::min(location.find('/'), location.find('?'));
    std::string authority = core::lowered(location.substr(0, path_at));
    std::string path(path_at == std::string_view::npos ? std::string_view{} : location.substr(path_at));
    if (path.empty() || path.front() != '/') path.insert(path.begin(), '/');
    std::string host = authority;
    std::string port = "443";
    if (!authority.empty() && authority.front() == '[') {
        const std::size_t end = authority.find(']');
        if (end == std::string::npos) return std::nullopt;
        host = authority.substr(1, end - 1);
        if (end + 1 < authority.size()) port = authority[end + 1] == ':' ? authority.substr(end + 2) : "";
    } else if (const std::size_t colon = authority.find(':'); colon != std::string::npos) {
        host = authority.substr(0, colon);
        port = authority.substr(colon + 1);
    }
    if (host != core::lowered(spec.host) || port != fmt::format("{}", spec.port)) return std::nullopt;
    return path;
}

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
// The JSON of a reply: TDengine's {"code":…,"data":…} and the JSON pointers of kind https. Size and depth are checked
// before parsing.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/printable.h"
#include "core/text.h"
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "probe/reply_judge.h"

namespace postern::probe {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxJson = 1u << 20;
constexpr int kDeepest = 32;
constexpr std::size_t kQuote = 120;

/// Whether brackets outside strings are nested deeper than kDeepest.
bool too_deep(std::string_view text) {
    int depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') {
                ++i;
            } else if (c == '"') {
                in_string = false;
            }
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > kDeepest) return true;
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
    return false;
}

/// With U+FFFD for bytes that are no UTF-8.
std::string with_valid_characters(std::string_view body) {
    std::string out;
    for (std::size_t i = 0; i < body.size();) {
        const core::Utf8Character c = core::first_character(body.substr(i));
        out += c.code == core::Utf8Character::kInvalid ? std::string_view("\xef\xbf\xbd") : body.substr(i, c.size);
        i += c.size;
    }
    return out;
}

Json parse(std::string_view body) {
    if (body.size() > kMaxJson || too_deep(body)) return Json(Json::value_t::discarded);
    return Json::parse(body.begin(), body.end(), nullptr, /*allow_exceptions=*/false);
}

/// An error's text may have any bytes: taosAdapter passes those of the database on as they are. Rows may not.
Json parse_answer(std::string_view body) {
    Json json = parse(body);
    if (!json.is_discarded()) return json;
    Json repaired = parse(with_valid_characters(body));
    const auto code = repaired.is_object() ? repaired.find("code") : repaired.end();
    return code != repaired.end() && code->is_number_integer() && *code != 0 ? repaired : json;
}

std::string print(const Json& value) {
    return excerpt(value.dump(-1, ' ', false, Json::error_handler_t::replace), kQuote);
}

/// Whether it is "select 1", in any case and with any spaces.
bool asks_for_one(std::string_view sql) {
    std::string compact;
    for (const char c : sql) {
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != ';') {
            compact += core::lower(c);
        }
    }
    return compact == "select1";
}

bool is_one(const Json& cell) {
    if (cell.is_number_integer()) return cell == 1;
    if (cell.is_number_float()) return cell.get<double>() == 1.0;
    return cell.is_string() && cell.get_ref<const std::string&>() == "1";
}

/// What a code means by which TDengine's own drivers know that a server can't serve; nullptr for other codes.
const char* unavailable(std::int64_t code, std::string_view text) {
    switch (code) {
        case 0x000b:
            return "the gateway can't connect to the database";
        case 0x0018:
            return "the gateway's connection to the database broke";
        case 0x0019:
            return "the database did not answer the gateway in time";
        case 0x0020:
            return "some nodes of the database are out of service";
        case 0x090c:
            return "the database is electing a leader";
        case 65535:  // of taosAdapter itself, for many things
            return text.find("get connection timeout") != std::string_view::npos ||
                           text.find("exceeded connection pool max wait") != std::string_view::npos
                       ? "all of the gateway's connections to the database are in use"
                       : nullptr;
        default:
            return nullptr;
    }
}

Reason reason_for_code(std::int64_t code) {
    switch (code) {
        case 3:  // also "auth failed" of the login
            return Reason::kSqlAuth;
        case 0x0134:  // the client's address is not in the white list
        case 0x0303:  // insufficient privilege
        case 0x2644:  // permission denied or object missing
            return Reason::kSqlPermission;
        default:
            return code >= 0x0350 && code <= 0x0357 ? Reason::kSqlAuth : Reason::kSqlError;
    }
}

ReplyJudgement mismatch(Phase phase, core::Message expected, core::Message found) {
    return {phase, Reason::kBodyMismatch, differs(std::move(expected), std::move(found)), std::nullopt};
}

/// The judgement of a code other than 0, with the text under `key`.
ReplyJudgement refused(Phase phase, std::int64_t code, const Json& json, const char* key) {
    const auto found = json.find(key);
    const std::string text =
        found != json.end() && found->is_string() ? found->get_ref<const std::string&>() : std::string();
    const char* const meaning = unavailable(code, text);
    const core::Message said = text.empty() ? core::Message("no description") : core::Message(excerpt(text, kQuote));
    const core::Message told = meaning != nullptr ? core::message("{}; {}", meaning, said) : said;
    return {phase, meaning != nullptr ? Reason::kSqlUnavailable : reason_for_code(code),
            differs("code 0", core::message("code {} (0x{}): {}", code,
                                            fmt::format("{:04x}", static_cast<std::uint64_t>(code) & 0xffff), told)),
            code};
}

}  // namespace

ReplyJudgement judge_sql_body(const ProbeSpec& spec, int status, std::string_view body) {
    const Json json = parse_answer(body);
    if (json.is_discarded()) {
        return {Phase::kReply, Reason::kBodyInvalidJson,
                differs(core::message("JSON with status {}", status),
                        core::message("{} bytes that are none: {}", body.size(), excerpt(body, kQuote))),
                std::nullopt};
    }
    if (!json.is_object()) return mismatch(Phase::kReply, "a JSON object with a code", print(json));
    const auto code = json.find("code");
    if (code == json.end() || !code->is_number_integer()) {
        return mismatch(Phase::kReply, "a JSON object with a numeric code", print(json));
    }
    ReplyJudgement judged;
    judged.sql_code = code->get<std::int64_t>();
    if (*judged.sql_code != 0) {
        return refused(Phase::kSql, *judged.sql_code, json, "desc");
    }
    const auto data = json.find("data");
    const std::int64_t sql_code = *judged.sql_code;
    const auto wrong = [&](core::Message expected, core::Message found) {
        ReplyJudgement bad = mismatch(Phase::kSql, std::move(expected), std::move(found));
        bad.sql_code = sql_code;
        return bad;
    };
    if (data == json.end() || !data->is_array()) return wrong("code 0 with rows", "code 0 without data");
    if (data->empty()) return wrong(core::message("a row from `{}`", excerpt(spec.sql, kQuote)), "none");
    if (const auto rows = json.find("rows"); rows != json.end() && (!rows->is_number_integer() || *rows < 1))
        return wrong("rows of at least 1", core::message("rows {}", print(*rows)));
    if (!asks_for_one(spec.sql)) return judged;
    if (!data->front().is_array() || data->front().empty())
        return wrong("one row from `select 1`", print(data->front()));
    if (!is_one(data->front().front())) return wrong("1 from `select 1`", print(data->front().front()));
    return judged;
}

ReplyJudgement judge_version_answer(std::string_view message) {
    const Json json = parse_answer(message);
    if (json.is_discarded()) {
        return {Phase::kWs, Reason::kBodyInvalidJson,
                differs("JSON", core::message("{} bytes that are none: {}", message.size(), excerpt(message, kQuote))),
                std::nullopt};
    }
    const auto code = json.is_object() ? json.find("code") : json.end();
    if (code == json.end() || !code->is_number_integer()) {
        return mismatch(Phase::kWs, "a JSON object with a numeric code", print(json));
    }
    if (*code != 0) return refused(Phase::kWs, code->get<std::int64_t>(), json, "message");
    const auto action = json.find("action"), version = json.find("version");
    const bool good = action != json.end() && *action == "version" && version != json.end() && version->is_string() &&
                      !version->get_ref<const std::string&>().empty();
    return good ? ReplyJudgement{} : mismatch(Phase::kWs, "code 0 with action and version", print(json));
}

ReplyJudgement judge_body_json(const ProbeSpec& spec, std::string_view body) {
    if (spec.body_json.empty()) return {};
    const Json json = parse(body);
    if (json.is_discarded()) {
        return {Phase::kReply, Reason::kBodyInvalidJson,
                differs("JSON", core::message("{} bytes that are none: {}", body.size(), excerpt(body, kQuote))),
                std::nullopt};
    }
    for (const auto& [pointer, expected] : spec.body_json) {
        // Not by nlohmann's json_pointer: it throws for an invalid pointer, and operator[] may for
        // an unknown document.
        const Json* at = &json;
        std::string_view rest(pointer);
        while (at != nullptr && !rest.empty()) {
            rest.remove_prefix(1);  // '/'
            const std::size_t end = std::min(rest.find('/'), rest.size());
            std::string key(rest.substr(0, end));
            rest.remove_prefix(end);
            for (std::size_t i = 0; (i = key.find('~', i)) != std::string::npos; ++i) {  // RFC 6901 3
                if (key.compare(i, 2, "~1") == 0)
                    key.replace(i, 2, "/");
                else if (key.compare(i, 2, "~0") == 0)
                    key.replace(i, 2, "~");
            }
            const Json* next = nullptr;
            if (at->is_object()) {
                if (const auto it = at->find(key); it != at->end()) next = &*it;
            } else if (at->is_array() && !key.empty() && key.size() < 6 &&
                       std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; })) {
                const auto index = static_cast<std::size_t>(std::stoul(key));
                if (index < at->size()) next = &(*at)[index];
            }
            at = next;
        }
        const std::string found = at == nullptr ? "" : at->is_string() ? at->get<std::string>() : print(*at);
        if (at == nullptr || found != expected) {
            return mismatch(Phase::kReply, fmt::format("{} = \"{}\"", pointer, expected),
                            at == nullptr ? core::Message("nothing") : core::Message(excerpt(found, kQuote)));
        }
    }
    return {};
}

}  // namespace postern::probe

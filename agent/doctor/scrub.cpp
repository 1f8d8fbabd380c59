// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/scrub.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <sstream>

#include "agent/config/config_keys.h"
#include "agent/config/token_store.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

constexpr std::string_view kGone = "***";
constexpr std::size_t kMinToken = 16, kMinBlob = 32;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_word(char c) {
    return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}

std::string bare(std::string_view word) {
    std::string out;
    for (const char c : word) {
        if (c == '_' || c == '-' || c == '.') continue;
        out += core::lower(c);
    }
    return out;
}

/// "SecurityToken", "x-api-key", "https_password": the value after such a name is a secret.
bool names_secret(std::string_view word) {
    constexpr std::array<std::string_view, 15> kEnds = {
        "token",     "secret", "password",  "passwd",      "pwd",        "passphrase", "authorization", "cookie",
        "signature", "apikey", "accesskey", "accesskeyid", "privatekey", "secretkey",  "passcode"};
    constexpr std::array<std::string_view, 10> kWhole = {"pass", "pw",      "psk",       "sk",     "ak",
                                                         "auth", "userpwd", "proxyuser", "dbpass", "mypass"};
    const std::string name = bare(word);
    return std::any_of(kEnds.begin(), kEnds.end(), [&name](auto end) { return name.ends_with(end); }) ||
           std::find(kWhole.begin(), kWhole.end(), name) != kWhole.end();
}

/// Names whose value may be a part of a sentence: "token: cannot open …".
bool is_spoken_of(std::string_view word) {
    const std::string name = bare(word);
    return name.ends_with("token") || name.ends_with("credentials") || name.ends_with("signature") || name == "auth";
}

std::size_t past_blanks(std::string_view text, std::size_t at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t'))
        ++at;
    return at;
}

/// A quote, or an escaped one inside a quoted text: \".
std::size_t past_quote(std::string_view text, std::size_t at) {
    const std::size_t quote = text.find_first_not_of('\\', at);
    return quote != std::string_view::npos && (text[quote] == '"' || text[quote] == '\'') ? quote + 1 : at;
}

struct Span {
    std::size_t begin = 0, end = 0;
};

/// The first of `signs` that `text` begins with at `at`; "" for none.
template <std::size_t N>
std::string_view sign_at(std::string_view text, std::size_t at, const std::array<std::string_view, N>& signs) {
    for (const auto sign : signs) {
        if (text.substr(at).starts_with(sign)) return sign;
    }
    return {};
}

/// A value that begins at `begin`, with or without quotes. `header`: to the end of its line.
Span value_at(std::string_view text, std::size_t begin, bool header) {
    const std::size_t inside = past_quote(text, begin);
    std::size_t end = inside;
    if (inside != begin) {
        const bool nested = text[begin] == '\\';
        for (; end < text.size() && text[end] != '\n' && text[end] != text[inside - 1]; ++end) {
            if (text[end] == '\\' && nested) break;
            if (text[end] == '\\' && end + 1 < text.size()) ++end;
        }
    } else {
        const std::string_view stop = header ? "\r\n\"'" : " \t\r\n\"'&,;)}]";
        end = std::min(text.find_first_of(stop, begin), text.size());
        if (end > begin && end < text.size() && text[end] == '"' && text[end - 1] == '\\')
            --end;  // \" ends a surrounding text
    }
    return {inside, std::min(end, text.size())};
}

/// The words that follow "token:" in our own sentences.
bool begins_a_sentence(std::string_view value) {
    constexpr std::array<std::string_view, 22> kWords = {
        "cannot",  "can't", "is",         "not",     "no",      "none", "the",         "a",
        "file",    "files", "missing",    "put",     "refused", "read", "environment", "made",
        "expired", "set",   "configured", "unknown", "ok",      "it"};
    return value.starts_with('/') || std::find(kWords.begin(), kWords.end(), value) != kWords.end();
}

/// The position of the value after a secret's name; empty if there is none, or none that could be a secret.
Span value_behind(std::string_view text, std::size_t at, std::string_view name, bool header) {
    const bool flag = name.starts_with("--");
    at = past_blanks(text, past_quote(text, at));
    const std::string_view wide = sign_at(text, std::min(at, text.size()),
                                          std::array<std::string_view, 2>{"\xef\xbc\x9a", "\xef\xbc\x9d"});  // ：＝
    if (at >= text.size()) return {};
    bool sure = text[at] == '=';  // a colon is also found in sentences
    std::size_t begin = at;
    if (!wide.empty()) {
        begin = past_blanks(text, at + wide.size());
        sure = true;
    } else if (text[at] == '=' || text[at] == ':') {
        begin = past_blanks(text, at + 1);
    } else if (!flag) {
        return {};
    }
    const Span value = value_at(text, begin, header);
    const std::string_view words = text.substr(value.begin, value.end - value.begin);
    if (words.starts_with('{') || words.starts_with('[')) return {};
    if (words == "true" || words == "false" || words == "null" || words == kGone) return {};
    const bool quoted = value.begin != begin;
    if (!sure && !header && !quoted && is_spoken_of(name) && begins_a_sentence(words)) return {};
    return value;
}

/// "密码：…", "令牌 = …", "口令是 …": the value after a Chinese name of a secret.
constexpr std::array<std::string_view, 6> kChinese = {"密码", "口令", "令牌", "密钥", "私钥", "秘钥"};
Span value_behind_chinese(std::string_view text, std::size_t at) {
    constexpr std::array<std::string_view, 6> kSigns = {"：", "＝", "为", "是", ":", "="};
    const std::size_t start = at;
    at = past_blanks(text, past_quote(text, at));
    bool sign = at > start;
    for (std::string_view s = sign_at(text, at, kSigns); !s.empty(); s = sign_at(text, at, kSigns)) {
        at = past_blanks(text, at + s.size());
        sign = true;
    }
    if (!sign || at >= text.size()) return {};
    Span value = value_at(text, at, false);
    for (const std::string_view stop : {"，", "。", "；", "、", "）"})
        value.end = std::min(value.end, std::min(text.find(stop, value.begin), text.size()));
    return value;
}

/// Between "://" and the last "@" before the URL ends.
Span user_of_url(std::string_view text, std::size_t at) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>,", at), text.size());
    const std::size_t path = std::min(text.find_first_of("/?#", at), end);
    const std::size_t last = text.substr(at, end - at).rfind('@');
    if (last == std::string_view::npos) return {};
    // A password may contain a slash; in a query, an @ is no user's.
    const bool in_query = text.substr(at, last).find('?') != std::string_view::npos && at + last > path;
    return in_query ? Span{} : Span{at, at + last};
}

/// A PEM block, to its end or as far as it goes.
Span pem_at(std::string_view text, std::size_t at) {
    constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----";
    if (!text.substr(at).starts_with(kBegin)) return {};
    std::size_t end = text.find(kEnd, at);
    if (end != std::string_view::npos) {
        end = text.find(kDashes, end + kEnd.size());
        return {at, end == std::string_view::npos ? text.size() : end + kDashes.size()};
    }
    return {at, text.size()};
}

/// "E8B1A2C4-0B3F-4C6A-9A3A-2B9C5D1E7F60": a RequestId, which support needs.
bool is_uuid(std::string_view word) {
    if (word.size() != 36) return false;
    for (std::size_t i = 0; i < word.size(); ++i) {
        const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        const char c = core::lower(word[i]);
        if (dash ? c != '-' : !(is_digit(c) || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

/// Long runs of letters and digits in no words: keys, tokens, JWTs, base64.
bool is_blob(std::string_view word) {
    if (word.starts_with("LTAI") && word.size() >= 12) return true;  // an AccessKey ID
    if (word.starts_with("eyJ") && word.size() >= kMinToken) return true;
    if (is_uuid(word)) return false;
    std::size_t run = 0;
    bool letter = false, digit = false;
    for (const char c : word) {
        if (is_letter(c) || is_digit(c)) {
            ++run;
            letter = letter || is_letter(c);
            digit = digit || is_digit(c);
        } else {
            run = 0, letter = digit = false;
        }
        if (run >= kMinBlob && letter && digit) return true;
    }
    return false;
}

/// "Bearer", "Basic" and the like before what they carry.
bool is_scheme(std::string_view word) {
    constexpr std::array<std::string_view, 6> kSchemes = {"bearer",    "basic", "digest",
                                                          "negotiate", "taosd", "acs3-hmac-sha256"};
    const std::string name = core::lowered(word);
    return std::find(kSchemes.begin(), kSchemes.end(), name) != kSchemes.end();
}

/// What follows "-u" or "--user" of curl: a user with a password.
Span user_of_curl(std::string_view text, std::size_t at, std::string_view word) {
    const auto both = [text](Span value) {  // a user alone is no secret
        return text.substr(value.begin, value.end - value.begin).find(':') != std::string_view::npos ? value : Span{};
    };
    if (word.starts_with("-u") && word.size() > 2) return both(value_at(text, at - word.size() + 2, false));
    if (word != "-u" && word != "-U" && word != "--user" && word != "--proxy-user") return {};
    std::size_t begin = past_blanks(text, at);
    if (begin < text.size() && text[begin] == '=') begin = past_blanks(text, begin + 1);
    if (begin == at) return {};
    return both(value_at(text, begin, false));
}

bool is_key(std::string_view name) {
    const auto keys = config_keys();
    return std::any_of(keys.begin(), keys.end(), [name](const KeyRow& row) { return row.name == name; });
}

/// A token in place of its file or variable.
bool is_misplaced_token(std::string_view key, std::string_view value) {
    if (value.size() < kMinToken) return false;
    if (key == "token_file") return value.find('/') == std::string_view::npos;
    return key == "token_env" &&
           value.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != std::string_view::npos;
}

void add(std::vector<core::Secret>& secrets, std::string_view value) {
    if (!value.empty()) secrets.emplace_back(std::string(value));
}

void add_from_text(std::vector<core::Secret>& secrets, std::string_view toml) {
    std::istringstream lines{std::string(toml)};
    for (std::string line; std::getline(lines, line);) {
        const auto equals = line.find('=');
        if (equals == std::string::npos) continue;
        std::string_view key = core::trimmed(std::string_view(line).substr(0, equals));
        while (!key.empty() && (key.front() == '#' || key.front() == ' '))
            key.remove_prefix(1);  // also commented-out keys
        std::string_view value = core::trimmed(std::string_view(line).substr(equals + 1));
        if (value.size() > 1 && (value[0] == '"' || value[0] == '\''))
            value = value.substr(1, value.find(value[0], 1) - 1);
        if (is_misplaced_token(key, value) || (!is_key(key) && names_secret(key))) add(secrets, value);
    }
}

void add_from_environment(std::vector<core::Secret>& secrets) {
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        const std::string_view entry = *variable;
        const auto equals = entry.find('=');
        if (equals == std::string_view::npos) continue;
        const std::string_view value = entry.substr(equals + 1);
        if (names_secret(entry.substr(0, equals)) && !value.starts_with('/')) add(secrets, value);
        const auto scheme = value.find("://");
        const Span user = scheme == std::string_view::npos ? Span{} : user_of_url(value, scheme + 3);
        const std::string_view both = value.substr(user.begin, user.end - user.begin);
        if (const auto colon = both.find(':'); colon != std::string_view::npos) add(secrets, both.substr(colon + 1));
    }
}

}  // namespace

std::vector<core::Secret> known_secrets(const Config& config, std::string_view text) {
    std::vector<core::Secret> out;
    for (const LinkConfig& link : config.links) {
        if (!link.token.configured()) continue;
        if (auto token = read_token(link.token)) out.push_back(std::move(*token));
    }
    add_from_text(out, text);
    add_from_environment(out);
    return out;
}

std::string scrub(std::string_view raw) {
    const std::string text = core::redact(raw);
    const std::string_view view = text;
    std::string out;
    std::size_t done = 0;
    bool in_url = false, in_query = false;
    const auto drop = [&](Span span) {
        if (span.end <= span.begin || span.begin < done) return false;
        out.append(text, done, span.begin - done);
        out += kGone;
        done = span.end;
        return true;
    };
    for (std::size_t at = 0; at < text.size();) {
        at = std::max(at, done);
        if (at >= text.size()) break;
        const char c = text[at];
        if (c == ' ' || c == '\n' || c == '\t' || c == '"' || c == '\'' || c == '<' || c == '>')
            in_url = in_query = false;
        if (view.substr(at).starts_with("://")) {
            in_url = true;
            drop(user_of_url(text, at + 3));
            at += 3;
        } else if (c == '/' &&
                   (at == 0 || std::string_view(" \t\n\"'=").find(text[at - 1]) != std::string_view::npos)) {
            in_url = true;  // a path, which may have a query, too
            ++at;
        } else if (in_url && c == '?') {
            in_query = true;
            ++at;
        } else if (in_query && c == '=') {
            const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>&#,;", at + 1), text.size());
            drop({at + 1, end});
            at = std::max(at + 1, done);
        } else if (view.substr(at).starts_with("-----BEGIN ")) {
            drop(pem_at(text, at));
        } else if (is_word(c)) {
            std::size_t end = at;
            while (end < text.size() && is_word(text[end]))
                ++end;
            const auto word = view.substr(at, end - at);
            const bool header = bare(word).ends_with("authorization") || bare(word).ends_with("cookie");
            bool dropped = names_secret(word) && drop(value_behind(text, end, word, header));
            if (!dropped && is_scheme(word) && end < text.size() && text[end] == ' ') {
                const Span value = value_at(text, past_blanks(text, end), false);
                dropped = value.end - value.begin >= 3 && drop(value);
            }
            if (!dropped && word.starts_with('-')) dropped = drop(user_of_curl(text, end, word));
            if (!dropped && is_blob(word)) dropped = drop({at, end});
            at = end;
        } else {
            const std::string_view name = sign_at(view, at, kChinese);
            if (!name.empty()) drop(value_behind_chinese(text, at + name.size()));
            at += std::max<std::size_t>(name.size(), 1);
        }
    }
    return out.append(text, std::min(done, text.size()));
}

}  // namespace postern::agent::doctor

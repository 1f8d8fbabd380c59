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
constexpr std::size_t kMinToken = 16;

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
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
    constexpr std::array<std::string_view, 11> kEnds = {"token",  "secret",        "password",  "passwd",
                                                        "pwd",    "authorization", "cookie",    "signature",
                                                        "apikey", "accesskey",     "privatekey"};
    const std::string name = bare(word);
    return std::any_of(kEnds.begin(), kEnds.end(), [&name](auto end) { return name.ends_with(end); });
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

/// The position of the value after a secret's name; empty if there is none, or none that could be a secret.
Span value_behind(std::string_view text, std::size_t at, bool header) {
    at = past_blanks(text, past_quote(text, at));
    if (at >= text.size() || (text[at] != '=' && text[at] != ':')) return {};
    const bool sure = text[at] == '=';  // a colon is also found in sentences: "token: cannot open …"
    const std::size_t begin = past_blanks(text, at + 1), inside = past_quote(text, begin);
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
        if (!sure && !header && end - begin < kMinToken) return {};
    }
    const std::string_view value = text.substr(inside, end - inside);
    if (value == "true" || value == "false" || value == "null") return {};
    return {inside, end};
}

/// Between "://" and the last "@" before the URL ends.
Span user_of_url(std::string_view text, std::size_t at) {
    const std::size_t end = std::min(text.find_first_of(" \t\r\n\"'<>,", at), text.size());
    const std::size_t sign = text.substr(at, end - at).rfind('@');
    return sign == std::string_view::npos ? Span{} : Span{at, at + sign};
}

/// "gateway # note" → "gateway": a comment outside quotes. `quote` is the string that is open before and after.
std::string_view without_comment(std::string_view line, std::string_view& quote, int& depth) {
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (!quote.empty()) {
            if (line[i] == '\\' && quote[0] == '"')
                ++i;
            else if (line.substr(i).starts_with(quote))
                i += quote.size() - 1, quote = {};
            continue;
        }
        for (const std::string_view q : {"\"\"\"", "'''", "\"", "'"}) {
            if (!line.substr(i).starts_with(q)) continue;
            quote = q;
            i += q.size() - 1;
            break;
        }
        if (!quote.empty()) continue;
        if (line[i] == '#') return line.substr(0, i);
        if (line[i] == '[' || line[i] == '{') ++depth;
        if (line[i] == ']' || line[i] == '}') --depth;
    }
    return line;
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
    std::string out;
    std::size_t done = 0;
    const auto drop = [&](Span span) {
        if (span.end <= span.begin || span.begin < done) return;
        out.append(text, done, span.begin - done);
        out += kGone;
        done = span.end;
    };
    for (std::size_t at = 0; at < text.size();) {
        at = std::max(at, done);
        if (std::string_view(text).substr(at).starts_with("://")) {
            drop(user_of_url(text, at + 3));
            at += 3;
        } else if (at < text.size() && is_word(text[at])) {
            std::size_t end = at;
            while (end < text.size() && is_word(text[end]))
                ++end;
            const auto word = std::string_view(text).substr(at, end - at);
            if (names_secret(word))
                drop(value_behind(text, end, bare(word).ends_with("authorization") || bare(word).ends_with("cookie")));
            at = end;
        } else {
            ++at;
        }
    }
    return out.append(text, done);
}

std::string scrub_config(std::string_view toml) {
    std::string out;
    std::string_view quote;  // of a string over several lines
    int depth = 0;           // of a list over several lines
    bool shown = false;      // the value that continues
    std::istringstream lines{std::string(toml)};
    for (std::string line; std::getline(lines, line); out += '\n') {
        const bool goes_on = !quote.empty() || depth > 0;
        const bool was_text = !quote.empty();
        const std::string_view kept = core::trimmed(without_comment(line, quote, depth));
        if (quote.size() == 1) quote = {};  // not closed on its line: a mistake
        const auto equals = kept.find('=');
        const std::string_view key = core::trimmed(kept.substr(0, std::min(equals, kept.size())));
        if (!goes_on && kept.starts_with('[')) depth = 0;
        depth = std::max(depth, 0);
        if (goes_on) {
            const bool item = shown && !was_text && quote.empty() && equals == std::string_view::npos;
            out += item ? kept : kGone;
        } else if (kept.empty()) {
            out += core::trimmed(line).empty() ? "" : "# ***";
        } else if (kept.starts_with('[') && kept.ends_with(']')) {
            out += kept;
        } else if (equals != std::string_view::npos && std::all_of(key.begin(), key.end(), is_word)) {
            shown = is_key(key) && quote.empty();
            out.append(key).append(" = ").append(shown ? core::trimmed(kept.substr(equals + 1)) : kGone);
        } else {
            out += kGone;
        }
    }
    return scrub(out);
}

}  // namespace postern::agent::doctor

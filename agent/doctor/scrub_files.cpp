// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/scrub_files.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <sstream>

#include "agent/config/config_keys.h"
#include "agent/doctor/scrub.h"
#include "agent/hostdns/host_facts.h"
#include "agent/hostdns/resolv_conf.h"
#include "core/secret.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kGone = "***";

bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
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

/// Keys whose values are anybody's words.
bool is_free_text(std::string_view name) {
    return name == "sql" || name == "body_contains" || name == "body_json";
}

/// Each line through `line`, which gets it without its end.
template <class Line>
std::string by_lines(std::string_view text, Line line) {
    std::string out;
    std::istringstream lines{std::string(text)};
    for (std::string one; std::getline(lines, one);)
        out += line(std::string_view(one)) + "\n";
    return out;
}

/// Members of our own state files. Below "sources", the names of sources are keys.
constexpr std::array<std::string_view, 76> kStateKeys = {"postern_snapshot",
                                                         "crc64",
                                                         "bytes",
                                                         "snapshot",
                                                         "region",
                                                         "zone",
                                                         "written",
                                                         "sources",
                                                         "confirmed",
                                                         "changed",
                                                         "addresses",
                                                         "ip",
                                                         "endpoint",
                                                         "report",
                                                         "status",
                                                         "business_status",
                                                         "connection_status",
                                                         "service",
                                                         "domain",
                                                         "request_id",
                                                         "zones",
                                                         "ipv4",
                                                         "ipv6",
                                                         "api_hosts",
                                                         "zone_affinity",
                                                         "parts",
                                                         "hostdns",
                                                         "schema_version",
                                                         "state",
                                                         "since",
                                                         "wanted",
                                                         "wanted_second",
                                                         "suspended_after",
                                                         "decision",
                                                         "line",
                                                         "owner",
                                                         "mode",
                                                         "link",
                                                         "file",
                                                         "dummy_link",
                                                         "tell_networkmanager",
                                                         "in_place",
                                                         "resolved_rereads",
                                                         "target",
                                                         "listen",
                                                         "names",
                                                         "second",
                                                         "kept",
                                                         "text",
                                                         "hex",
                                                         "changes",
                                                         "path",
                                                         "before",
                                                         "after",
                                                         "kind",
                                                         "uid",
                                                         "gid",
                                                         "selinux",
                                                         "asks_link",
                                                         "hooks",
                                                         "rewrites",
                                                         "suspensions",
                                                         "truce",
                                                         "truces",
                                                         "why",
                                                         "writer",
                                                         "name",
                                                         "suspended",
                                                         "enabling",
                                                         "disabling",
                                                         "earlier",
                                                         "none",
                                                         "off",
                                                         "on",
                                                         "delegate",
                                                         "networkd"};

bool is_state_key(std::string_view name) {
    return std::find(kStateKeys.begin(), kStateKeys.end(), name) != kStateKeys.end();
}

/// A file that a state file keeps: its comments are anybody's, but not ours.
std::string kept_file(const std::string& text) {
    if (text.find(kOwnHeader) != std::string::npos) return scrub(text);
    return by_lines(text, [](std::string_view line) {
        const auto start = line.find_first_not_of(" \t");
        const bool comment = start != line.npos && (line[start] == '#' || line[start] == ';');
        return comment ? "# " + std::string(kGone) : std::string(line.substr(0, line.find(" #")));
    });
}

Json masked(const Json& value, std::string_view key, bool known) {
    if (value.is_object()) {
        Json out = Json::object();
        for (const auto& [name, inner] : value.items())
            out[known ? scrub(name) : std::string(kGone)] =
                masked(inner, name, known && (key == "sources" || is_state_key(name)));
        return out;
    }
    if (value.is_array()) {
        Json out = Json::array();
        for (const auto& inner : value)
            out.push_back(masked(inner, key, known));
        return out;
    }
    if (value.is_null()) return value;
    if (!known || key == "hex") return kGone;
    if (!value.is_string()) return value;
    const std::string text = value.get<std::string>();
    return key == "text" ? scrub(kept_file(text)) : scrub(text);
}

}  // namespace

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
            shown = is_key(key) && quote.empty() && !is_free_text(key);
            out.append(key).append(" = ").append(shown ? core::trimmed(kept.substr(equals + 1)) : kGone);
        } else {
            out += kGone;
        }
    }
    return scrub(out);
}

std::string scrub_resolv_conf(std::string_view text) {
    constexpr std::array<std::string_view, 5> kKnown = {"nameserver", "search", "domain", "options", "sortlist"};
    constexpr std::string_view kDocker = "# ExtServers:";  // of docker's own resolver: addresses
    return scrub(by_lines(text, [&](std::string_view raw) -> std::string {
        const std::string_view line = core::trimmed(raw);
        if (line.empty()) return "";
        if (line.starts_with('#') || line.starts_with(';')) {
            const bool addresses =
                line.starts_with(kDocker) &&
                line.substr(kDocker.size()).find_first_not_of("[]() .:,0123456789abcdefhostABCDEF") == line.npos;
            if (addresses || std::string(kOwnHeader).starts_with(line)) return std::string(line);
            const std::string writer = writer_named_in(std::string(line) + "\n");
            return "# " + std::string(kGone) + (writer.empty() ? "" : " (" + writer + ")");
        }
        const auto end = std::min(line.find_first_of(" \t"), line.size());
        const bool known = std::find(kKnown.begin(), kKnown.end(), line.substr(0, end)) != kKnown.end();
        return std::string(known ? core::trimmed(line.substr(0, line.find_first_of("#;"))) : kGone);
    }));
}

std::string scrub_nsswitch(std::string_view text) {
    return core::redact(by_lines(text, [](std::string_view raw) -> std::string {
        const std::string_view line = core::trimmed(raw.substr(0, raw.find('#')));
        if (line.empty()) return core::trimmed(raw).empty() ? "" : "# " + std::string(kGone);
        const auto colon = line.find(':');
        const bool formed = colon != line.npos &&
                            std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon),
                                        [](char c) { return is_word(c) || c == ' '; }) &&
                            line.substr(colon + 1).find_first_not_of(
                                " \t[]!=_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == line.npos;
        return std::string(formed ? line : kGone);
    }));
}

std::string scrub_state(std::string_view json) {
    const Json document = Json::parse(json, nullptr, false);
    if (document.is_discarded()) return std::string(kGone) + "\n";  // damaged: its form says nothing
    return masked(document, "", true).dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string scrub_rules(std::string_view text) {
    constexpr std::string_view kComment = "comment \"";
    std::string out;
    for (;;) {
        const auto at = text.find(kComment);
        if (at == text.npos) return scrub(out.append(text));
        out.append(text.substr(0, at + kComment.size())).append(kGone);
        text.remove_prefix(at + kComment.size());
        std::size_t end = 0;
        while (end < text.size() && text[end] != '"' && text[end] != '\n')
            end += text[end] == '\\' ? 2 : 1;
        text.remove_prefix(std::min(end, text.size()));
    }
}

}  // namespace postern::agent::doctor

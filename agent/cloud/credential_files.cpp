// SPDX-License-Identifier: Apache-2.0
// Parsers for credential files and replies. Pure; accepts any bytes.
#include <utility>

#include "agent/cloud/credential_sources.h"
#include "agent/text/json_view.h"
#include "core/printable.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;

std::string ini_value(std::string_view text) {
    text = core::trimmed(text);
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'')) {
        const auto close = text.find(text.front(), 1);
        if (close != std::string_view::npos) return std::string(text.substr(1, close - 1));
    }
    // A comment needs a blank before it: secrets may contain '#'.
    for (const char* mark : {" #", "\t#", " ;", "\t;"})
        text = text.substr(0, text.find(mark));
    return std::string(core::trimmed(text));
}

}  // namespace

core::Result<CliConfig> parse_cli_config(std::string_view text) {
    const auto json = JsonView::parse(text, 1 << 20, 16);
    if (!json) return core::fail(Code::kFileCorrupt, core::message("it is {}", json.error().what));
    CliConfig out;
    out.current = json->at("current").text();
    for (const auto& item : json->at("profiles").items()) {
        ProfileFields fields;
        for (const auto& [name, value] : item.members())
            fields[name] = value.text();
        const std::string name = fields["name"];
        out.profiles.emplace(name, std::move(fields));
    }
    if (out.profiles.empty()) return core::fail(Code::kFileCorrupt, "it has no profiles");
    return out;
}

std::map<std::string, ProfileFields> parse_ini(std::string_view text) {
    std::map<std::string, ProfileFields> out;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
    std::string section;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const std::string_view line = core::trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            section = std::string(core::trimmed(line.substr(1, line.find(']') - 1)));
            out[section];
            continue;
        }
        const auto sign = line.find_first_of("=:");  // the official libraries accept both
        if (sign == std::string_view::npos) continue;
        std::string key = core::lowered(core::trimmed(line.substr(0, sign)));
        out[section][std::move(key)] = ini_value(line.substr(sign + 1));
    }
    return out;
}

core::Result<std::vector<std::string>> split_command(std::string_view command) {
    std::vector<std::string> out;
    bool in_word = false;
    char quote = 0;
    for (std::size_t i = 0; i < command.size(); ++i) {
        const char c = command[i];
        const bool blank = c == ' ' || c == '\t' || c == '\r' || c == '\n';
        if (quote == 0 && blank) {
            in_word = false;
            continue;
        }
        if (!std::exchange(in_word, true)) out.emplace_back();
        const char next = i + 1 < command.size() ? command[i + 1] : '\0';
        const bool escapes =
            quote == 0 || (quote == '"' && (next == '"' || next == '\\' || next == '$' || next == '`'));
        if (c == quote) {
            quote = 0;
        } else if (quote == 0 && (c == '\'' || c == '"')) {
            quote = c;
        } else if (c == '\\' && escapes) {
            if (next == '\0') return core::fail(Code::kCredentialsInvalid, "it ends with a backslash");
            out.back() += command[++i];
        } else {
            out.back() += c;
        }
    }
    if (quote != 0) return core::fail(Code::kCredentialsInvalid, "a quote is not closed");
    return out;
}

core::Result<Credentials> parse_external_output(std::string_view text) {
    const auto json = JsonView::parse(text, 64 << 10, 8);
    if (!json) return core::fail(Code::kCredentialsInvalid, core::message("its output is {}", json.error().what));
    Credentials out;
    out.access_key_id = json->at("access_key_id").text();
    out.access_key_secret = core::Secret(json->at("access_key_secret").text());
    out.security_token = core::Secret(json->at("sts_token").text());
    if (out.access_key_id.empty() || out.access_key_secret.empty()) {
        return core::fail(Code::kCredentialsInvalid, "its output lacks access_key_id or access_key_secret");
    }
    if (json->at("mode").text() == "StsToken" && out.security_token.empty()) {
        return core::fail(Code::kCredentialsInvalid, "its output lacks sts_token");
    }
    const std::string expiration = json->at("expiration").text();
    if (!expiration.empty()) {
        out.expires_wall_us = core::parse_utc(expiration);
        if (out.expires_wall_us < 0) return core::fail(Code::kCredentialsInvalid, "its expiration is no UTC time");
    }
    return out;
}

core::Result<Credentials> parse_role_credentials(std::string_view body, bool code_required) {
    const auto json = JsonView::parse(body, 64 << 10, 8);
    if (!json)
        return core::fail(Code::kCredentialsInvalid,
                          core::message("instead of credentials came {}", json.error().what));
    const std::string code = json->at("Code").text();
    if (code != "Success" && (code_required || !code.empty())) {
        return core::fail(
            Code::kCredentialsInvalid,
            core::message("credentials were refused with code \"{}\"", std::string(core::whole_characters(code, 60))),
            "check that the RAM role exists and trusts ECS");
    }
    Credentials out;
    out.access_key_id = json->at("AccessKeyId").text();
    out.access_key_secret = core::Secret(json->at("AccessKeySecret").text());
    out.security_token = core::Secret(json->at("SecurityToken").text());
    if (out.access_key_id.empty() || out.access_key_secret.empty() || out.security_token.empty()) {
        return core::fail(Code::kCredentialsInvalid,
                          "credentials without one of AccessKeyId, AccessKeySecret, SecurityToken");
    }
    out.expires_wall_us = core::parse_utc(json->at("Expiration").text());
    if (out.expires_wall_us < 0) {
        return core::fail(Code::kCredentialsInvalid, "credentials whose Expiration is no UTC time");
    }
    return out;
}

core::Result<Credentials> parse_sts_reply(std::string_view body) {
    const auto json = JsonView::parse(body, 64 << 10, 8);
    if (!json)
        return core::fail(Code::kCredentialsInvalid,
                          core::message("instead of credentials came {}", json.error().what));
    const JsonView keys = json->at("Credentials");
    Credentials out;
    out.access_key_id = keys.at("AccessKeyId").text();
    out.access_key_secret = core::Secret(keys.at("AccessKeySecret").text());
    out.security_token = core::Secret(keys.at("SecurityToken").text());
    out.expires_wall_us = core::parse_utc(keys.at("Expiration").text());
    if (out.access_key_id.empty() || out.access_key_secret.empty() || out.security_token.empty() ||
        out.expires_wall_us < 0) {
        return core::fail(Code::kCredentialsInvalid, "a reply of the token service without whole credentials");
    }
    return out;
}

}  // namespace postern::agent

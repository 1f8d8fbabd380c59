// SPDX-License-Identifier: Apache-2.0
// Removes secrets from files whose form is known: what their form has no place for is "***" - comments, unknown lines,
// values of unknown keys -, whatever it looks like. The rest goes through scrub(). Pure but for the secrets that
// core::redact() knows.
#pragma once

#include <string>
#include <string_view>

namespace postern::agent::doctor {

/// postern.toml for others: known keys with their values; unknown keys, comments, texts of anybody's (sql, body_contains,
/// body_json) and unparsable text as "***", so that line numbers stay the same.
std::string scrub_config(std::string_view toml);

/// resolv.conf: the lines that resolv.conf(5) knows; of comments only the names of programs that write the file.
std::string scrub_resolv_conf(std::string_view text);

/// nsswitch.conf: lines of the form "database: services", without comments.
std::string scrub_nsswitch(std::string_view text);

/// A state file of postern's, snapshot.json or hostdns.json: members with known keys; files kept in it without comments.
std::string scrub_state(std::string_view json);

/// `nft list ruleset` and the like: without the texts behind "comment".
std::string scrub_rules(std::string_view text);

}  // namespace postern::agent::doctor

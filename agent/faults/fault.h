// SPDX-License-Identifier: Apache-2.0
// What is wrong, as a code with values: what every producer gives and every output (status, /health, page, doctor, log,
// metrics) puts into words of its own language. Values only; any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/message.h"

namespace postern::agent::doctor {

/// kFail and kWarn are severities. kSkip: not known yet, no trouble. kPass only of a passed step of doctor.
enum class State { kPass, kWarn, kFail, kSkip };
std::string_view to_string(State state);    // "PASS"
std::string_view severity_of(State state);  // "fail", "warn"; "unknown" of kSkip, "pass" of kPass

using Values = std::map<std::string, std::string, std::less<>>;

/// A value that is a catalogue text: filled in in the reader's language.
inline std::string catalogued(std::string_view section, std::string_view key) {
    return "\x1f" + std::string(section) + "\x1f" + std::string(key);
}

/// Section and key of such a value; nullopt: it is none.
std::optional<std::pair<std::string, std::string>> catalogue_text(std::string_view value);

/// A value that is a message: told in the reader's language. Plain text if it is verbatim, or nested too deeply.
std::string told_value(const core::Message& message);
/// The message of such a value; nullopt: it is none.
std::optional<core::Message> message_value(std::string_view value);
/// The value without known secrets (core/secret.h), in the parts of a message, too.
std::string redacted_value(const std::string& value);

/// Messages are nested no deeper.
inline constexpr int kMaxMessageDepth = 16;

/// Whether the value is plain text, the same in every language.
inline bool is_plain(std::string_view value) {
    return !value.starts_with('\x1f') && !value.starts_with('\x1e');
}

struct Fault {
    State state = State::kPass;
    std::string code;                // "PN-TLS-NAME"
    std::string link, ip;            // the subject; "": all of them
    Values values;                   // for the texts' {placeholders}
    std::int64_t since_wall_us = 0;  // when it became visible; 0: not known, as of what doctor finds

    /// Whether both are the same condition, whatever the values are now.
    bool same_as(const Fault& other) const { return code == other.code && link == other.link && ip == other.ip; }
};

/// A fault with the severity of its code, which must be one of codes.h. The link and ip become values, too.
Fault make_fault(std::string_view code, std::string link = {}, std::string ip = {}, Values values = {});
/// The value, or "".
std::string value_of(const Fault& fault, std::string_view name);

}  // namespace postern::agent::doctor

namespace postern::agent {

using doctor::Fault;
using doctor::make_fault;

}  // namespace postern::agent

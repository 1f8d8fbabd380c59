// SPDX-License-Identifier: Apache-2.0
// The log: one line per event on stderr, as text or JSON. An event has a level, a stable name, a message for people
// and fields for programs. Every line passes redact() and is printable (core/printable.h). Nothing waits for the reader
// of stderr: a line without room is dropped, and a later one, log_lines_lost, says how many were. postern-messages(7)
// lists the names, and tests/messages_test.py checks that it lists all of them. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::core {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class LogFormat { kText, kJson };

std::string_view to_string(Level level);

struct Field {
    std::string key;
    std::string value;
};
using Fields = std::vector<Field>;

/// Events below `min` are dropped. Without this call: info and above, as text.
void configure_log(Level min, LogFormat format);

/// `event` is a snake_case literal such as "endpoint_changed".
void log(Level level, std::string_view event, std::string_view message, const Fields& fields = {});

inline void log_debug(std::string_view event, std::string_view message, const Fields& fields = {}) {
    log(Level::kDebug, event, message, fields);
}
inline void log_info(std::string_view event, std::string_view message, const Fields& fields = {}) {
    log(Level::kInfo, event, message, fields);
}
inline void log_warning(std::string_view event, std::string_view message, const Fields& fields = {}) {
    log(Level::kWarning, event, message, fields);
}
inline void log_error(std::string_view event, std::string_view message, const Fields& fields = {}) {
    log(Level::kError, event, message, fields);
}

/// For tests: lines go to `sink` instead of stderr; an empty function restores stderr.
void capture_log(std::function<void(Level, std::string_view event, const std::string& line)> sink);

/// Lines of this process that were dropped.
std::uint64_t lost_log_lines();

/// JSON string literal with quotes; invalid UTF-8 becomes U+FFFD, control characters (core/printable.h) are escaped.
std::string json_quote(std::string_view text);

}  // namespace postern::core

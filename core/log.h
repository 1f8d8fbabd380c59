// The program's log: one line an event on stderr, text or JSON. An event has a stable name, a level, a sentence for
// people and fields for machines. Every text passes redact(). Names are listed in the manual; a test compares.
#pragma once

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

/// Until this is called: info, text.
void configure_log(Level least, LogFormat format);

/// The one function behind all logging. `event` is a snake_case constant such as "endpoint_changed".
void log(Level level, std::string_view event, std::string_view message, Fields fields = {});

inline void log_debug(std::string_view event, std::string_view message, Fields fields = {}) {
    log(Level::kDebug, event, message, std::move(fields));
}
inline void log_info(std::string_view event, std::string_view message, Fields fields = {}) {
    log(Level::kInfo, event, message, std::move(fields));
}
inline void log_warning(std::string_view event, std::string_view message, Fields fields = {}) {
    log(Level::kWarning, event, message, std::move(fields));
}
inline void log_error(std::string_view event, std::string_view message, Fields fields = {}) {
    log(Level::kError, event, message, std::move(fields));
}

/// A test captures lines instead of stderr; an empty function restores stderr.
void capture_log(std::function<void(Level, std::string_view event, const std::string& line)> sink);

/// JSON string literal with quotes; invalid UTF-8 becomes U+FFFD.
std::string json_quote(std::string_view text);

}  // namespace postern::core

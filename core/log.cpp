// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

#include "core/clock.h"
#include "core/journal_priority.h"
#include "core/line_output.h"
#include "core/printable.h"
#include "core/secret.h"

namespace postern::core {
namespace {

constexpr std::size_t kMaxLine = 8192;
constexpr std::size_t kMaxText = 4096;  // of the message and of each value

struct State {
    std::atomic<Level> min = Level::kInfo;
    std::atomic<LogFormat> format = LogFormat::kText;
    std::atomic<std::uint64_t> lost = 0;    // lines
    std::atomic<std::uint64_t> unsaid = 0;  // of them, those that no line has told yet
    LineOutput output{STDERR_FILENO};
    // For tests.
    std::atomic<bool> captured = false;
    std::mutex mutex;  // of `sink`
    std::function<void(Level, std::string_view, const std::string&)> sink;
};

State& state() {
    static auto* s = new State;
    return *s;
}

/// A value as key=value text: quoted when it has spaces, quotes or what must not be shown.
std::string text_value(std::string_view value) {
    const bool plain =
        !value.empty() && value.find_first_of(" \"\\=") == std::string_view::npos && printable(value) == value;
    return plain ? std::string(value) : json_quote(value);
}

std::string line_of(LogFormat format, Level level, std::string_view event, std::string_view message,
                    const Fields& fields) {
    const std::string ts = format_utc(now_wall_us());
    std::string line;
    if (format == LogFormat::kJson) {
        line = fmt::format(R"({{"ts":"{}","level":"{}","event":{},"msg":{})", ts, to_string(level), json_quote(event),
                           json_quote(redact(message, kMaxText)));
        for (const Field& f : fields)
            line += ',' + json_quote(f.key) + ':' + json_quote(redact(f.value, kMaxText));
        line += '}';
    } else {
        line = fmt::format("{} {:<7} {}: {}", ts, to_string(level), event, printable(redact(message, kMaxText), ' '));
        for (const Field& f : fields)
            line += ' ' + f.key + '=' + text_value(redact(f.value, kMaxText));
        if (line.size() > kMaxLine) line.resize(kMaxLine);
    }
    return line;
}

/// For the descriptor that everything goes to.
std::string whole(Level level, const std::string& line) {
    return std::string(journal_priority(STDERR_FILENO, level)) + line + '\n';
}

void write_line(State& s, Level level, const std::string& line) {
    if (s.output.write(whole(level, line))) return;
    ++s.lost;
    ++s.unsaid;
}

/// Before the first line after lost ones.
void tell_lost(State& s) {
    const std::uint64_t count = s.unsaid.exchange(0);
    if (count == 0) return;
    const std::string line =
        line_of(s.format, Level::kWarning, "log_lines_lost",
                "lines of this log were dropped, because nobody read it or it could not be written",
                {{"lines", std::to_string(count)}});
    if (!s.output.write(whole(Level::kWarning, line))) s.unsaid += count;
}

}  // namespace

std::string_view to_string(Level level) {
    switch (level) {
        case Level::kDebug:
            return "debug";
        case Level::kInfo:
            return "info";
        case Level::kWarning:
            return "warning";
        case Level::kError:
            return "error";
    }
    return "error";
}

void configure_log(Level min, LogFormat format) {
    State& s = state();
    s.min = min;
    s.format = format;
}

void capture_log(std::function<void(Level, std::string_view, const std::string&)> sink) {
    State& s = state();
    const std::lock_guard lock(s.mutex);
    s.captured = static_cast<bool>(sink);
    s.sink = std::move(sink);
}

void log(Level level, std::string_view event, std::string_view message, const Fields& fields) {
    State& s = state();
    if (s.captured) {
        const std::string line = line_of(s.format, level, event, message, fields);
        const std::lock_guard lock(s.mutex);
        if (s.sink) s.sink(level, event, line);
        return;
    }
    if (level < s.min) return;
    tell_lost(s);
    write_line(s, level, line_of(s.format, level, event, message, fields));
}

std::uint64_t lost_log_lines() {
    return state().lost;
}

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        const Utf8Character c = first_character(text);
        if (c.code == Utf8Character::kInvalid) {
            out += "\xEF\xBF\xBD";
        } else if (c.code == '"' || c.code == '\\') {
            out += '\\';
            out += text[0];
        } else if (c.code == '\n') {
            out += "\\n";
        } else if (c.code == '\t') {
            out += "\\t";
        } else if (c.code == '\r') {
            out += "\\r";
        } else if (is_control(c.code)) {
            out += json_escape(c.code);
        } else {
            out += text.substr(0, c.size);
        }
        text.remove_prefix(c.size);
    }
    return out += '"';
}

}  // namespace postern::core

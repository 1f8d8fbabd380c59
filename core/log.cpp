// SPDX-License-Identifier: Apache-2.0
#include "core/log.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include <mutex>

#include "core/loop.h"
#include "core/secret.h"

namespace postern::core {
namespace {

constexpr std::size_t kMaxLine = 8192;

struct State {
    std::mutex mutex;
    Level min = Level::kInfo;
    LogFormat format = LogFormat::kText;
    std::function<void(Level, std::string_view, const std::string&)> sink;
};

State& state() {
    static auto* s = new State;
    return *s;
}

/// Length of the valid UTF-8 sequence at text[i], 0 if there is none.
std::size_t utf8_length(std::string_view text, std::size_t i) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned lead = byte(i);
    const std::size_t n = lead < 0x80                   ? 1
                          : lead >= 0xc2 && lead < 0xe0 ? 2
                          : lead >= 0xe0 && lead < 0xf0 ? 3
                          : lead >= 0xf0 && lead < 0xf5 ? 4
                                                        : 0;
    if (n == 0 || i + n > text.size()) return 0;
    for (std::size_t k = 1; k < n; ++k) {
        if ((byte(i + k) & 0xc0) != 0x80) return 0;
    }
    if ((lead == 0xe0 && byte(i + 1) < 0xa0) || (lead == 0xed && byte(i + 1) >= 0xa0) ||
        (lead == 0xf0 && byte(i + 1) < 0x90) || (lead == 0xf4 && byte(i + 1) >= 0x90)) {
        return 0;
    }
    return n;
}

/// A value as key=value text: quoted when it has spaces, quotes or control characters.
std::string text_value(std::string_view value) {
    const bool plain = !value.empty() && value.find_first_of(" \"\\=") == std::string_view::npos &&
                       std::all_of(value.begin(), value.end(), [](unsigned char c) { return c >= 0x20 && c != 0x7f; });
    return plain ? std::string(value) : json_quote(value);
}

std::string one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            out += ' ';
        } else {
            out += c;
        }
    }
    return out;
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
    const std::lock_guard lock(s.mutex);
    s.min = min;
    s.format = format;
}

void capture_log(std::function<void(Level, std::string_view, const std::string&)> sink) {
    State& s = state();
    const std::lock_guard lock(s.mutex);
    s.sink = std::move(sink);
}

void log(Level level, std::string_view event, std::string_view message, const Fields& fields) {
    State& s = state();
    const std::lock_guard lock(s.mutex);
    if (level < s.min && !s.sink) return;
    const std::string ts = format_utc(now_wall_us());
    std::string line;
    if (s.format == LogFormat::kJson) {
        line = fmt::format(R"({{"ts":"{}","level":"{}","event":{},"msg":{})", ts, to_string(level), json_quote(event),
                           json_quote(redact(message)));
        for (const Field& f : fields)
            line += ',' + json_quote(f.key) + ':' + json_quote(redact(f.value));
        line += '}';
    } else {
        line = fmt::format("{} {:<7} {}: {}", ts, to_string(level), event, one_line(redact(message)));
        for (const Field& f : fields)
            line += ' ' + f.key + '=' + text_value(redact(f.value));
        if (line.size() > kMaxLine) line.resize(kMaxLine);
    }
    if (s.sink) {
        s.sink(level, event, line);
        return;
    }
    line += '\n';
    // A failed write is ignored (closed pipe, full disk): logging never stops the program.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c < 0x20 || c == 0x7f) {
            switch (c) {
                case '\n':
                    out += "\\n";
                    break;
                case '\t':
                    out += "\\t";
                    break;
                case '\r':
                    out += "\\r";
                    break;
                default:
                    out += fmt::format("\\u{:04x}", c);
            }
            ++i;
        } else if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
            ++i;
        } else if (const std::size_t n = utf8_length(text, i); n > 0) {
            out += text.substr(i, n);
            i += n;
        } else {
            out += "\xEF\xBF\xBD";
            ++i;
        }
    }
    return out += '"';
}

}  // namespace postern::core

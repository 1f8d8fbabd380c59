// SPDX-License-Identifier: Apache-2.0
#include "core/clock.h"

#include <fmt/format.h>

#include <ctime>
#include <utility>

namespace postern::core {
namespace {

Micros read_clock(clockid_t id) {
    timespec ts{};
    clock_gettime(id, &ts);
    return Micros{ts.tv_sec} * kSecond + ts.tv_nsec / 1000;
}

}  // namespace

Micros now_mono_us() {
    return read_clock(CLOCK_BOOTTIME);
}

Micros now_wall_us() {
    return read_clock(CLOCK_REALTIME);
}

void Timer::start_in(Micros delay_us, std::function<void()> fn) {
    start_at(clock_.mono_us() + (delay_us > 0 ? delay_us : 0), std::move(fn));
}

void Timer::start_at(Micros when_mono_us, std::function<void()> fn) {
    stop();
    id_ = clock_.set_alarm(when_mono_us, [this, f = std::move(fn)]() {
        id_ = 0;
        // The callback may restart or destroy this timer, so call a copy.
        auto run = f;
        run();
    });
}

void Timer::stop() {
    if (id_ != 0) clock_.cancel_alarm(std::exchange(id_, 0));
}

std::string format_utc(Micros wall_us) {
    return format_time(wall_us, 6);
}

std::string format_time(Micros wall_us, int digits) {
    Micros seconds = wall_us / kSecond;
    Micros micros = wall_us % kSecond;
    if (micros < 0) {
        micros += kSecond;
        --seconds;
    }
    const std::time_t t = static_cast<std::time_t>(seconds);
    std::tm tm{};
    gmtime_r(&t, &tm);
    const std::string fraction = fmt::format(".{:06}", micros);
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                       tm.tm_hour, tm.tm_min, tm.tm_sec,
                       digits == 0 ? "" : fraction.substr(0, static_cast<std::size_t>(digits) + 1));
}

Micros parse_utc(const std::string& text) {
    std::tm tm{};
    const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &tm);
    if (rest == nullptr) return -1;
    Micros micros = 0;
    if (*rest == '.') {
        Micros scale = 100000;
        for (++rest; *rest >= '0' && *rest <= '9'; ++rest, scale /= 10)
            micros += (*rest - '0') * scale;
    }
    if (*rest != 'Z' || rest[1] != '\0') return -1;
    return static_cast<Micros>(timegm(&tm)) * kSecond + micros;
}

}  // namespace postern::core

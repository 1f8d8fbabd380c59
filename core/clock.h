// SPDX-License-Identifier: Apache-2.0
// Time and alarms. Clock is an interface because the tests have a second implementation whose time they set
// (tests/sim/fake_clock.h); the real one is SystemClock in core/loop.h. Loop thread.
//
// Monotonic time is CLOCK_BOOTTIME in microseconds. It includes suspend and is the same in both programs, so the plan
// carries it (together with the boot id).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace postern::core {

using Micros = std::int64_t;
inline constexpr Micros kMillisecond = 1000;
inline constexpr Micros kSecond = 1000 * kMillisecond;
inline constexpr Micros kMinute = 60 * kSecond;
inline constexpr Micros kHour = 60 * kMinute;
inline constexpr Micros kDay = 24 * kHour;
inline constexpr Micros kNever = INT64_MAX;

class Clock {
  public:
    using AlarmId = std::uint64_t;  // 0: none

    virtual ~Clock() = default;
    /// Microseconds since boot, suspend included.
    virtual Micros mono_us() const = 0;
    /// Microseconds since 1970-01-01 UTC.
    virtual Micros wall_us() const = 0;
    /// Calls `fn` once from the loop, at `when_mono_us` or later; never from inside this call.
    virtual AlarmId set_alarm(Micros when_mono_us, std::function<void()> fn) = 0;
    /// No effect for 0 or an alarm that has fired.
    virtual void cancel_alarm(AlarmId id) = 0;
};

/// At most one pending alarm, cancelled by the destructor. Not movable, because the callback usually
/// captures the owner.
class Timer {
  public:
    explicit Timer(Clock& clock) : clock_(clock) {}
    ~Timer() { stop(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;

    /// Replaces a pending alarm. A negative delay counts as 0.
    void start_in(Micros delay_us, std::function<void()> fn);
    void start_at(Micros when_mono_us, std::function<void()> fn);
    void stop();
    bool pending() const { return id_ != 0; }

  private:
    Clock& clock_;
    Clock::AlarmId id_ = 0;
};

/// The time where there is no Clock (start-up, command line).
Micros now_mono_us();
Micros now_wall_us();

/// "2026-01-02T03:04:05.678901Z", for programs.
std::string format_utc(Micros wall_us);
/// "2026-01-02T03:04:05Z", the form of every time that people read; with 3 digits "2026-01-02T03:04:05.678Z".
std::string format_time(Micros wall_us, int digits = 0);
/// Parses "2026-01-02T03:04:05[.fraction]Z"; -1 for any other text.
Micros parse_utc(const std::string& text);

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
#include "core/service_notify.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>

using namespace postern;

namespace {

core::Micros period(const char* usec, const std::string& pid = {}) {
    ::unsetenv("WATCHDOG_PID");
    ::setenv("WATCHDOG_USEC", usec, 1);
    if (!pid.empty()) ::setenv("WATCHDOG_PID", pid.c_str(), 1);
    const core::Micros out = core::watchdog_period_us();
    ::unsetenv("WATCHDOG_PID");
    ::unsetenv("WATCHDOG_USEC");
    return out;
}

}  // namespace

TEST_CASE("service_notify: the watchdog period is 0 unless this process is watched", "[service_notify]") {
    const std::string own = std::to_string(::getpid()), other = std::to_string(::getppid());
    CHECK(core::watchdog_period_us() == 0);
    CHECK(period("30000000") == 30 * core::kSecond);
    CHECK(period("30000000", own) == 30 * core::kSecond);
    CHECK(period("30000000", other) == 0);
    CHECK(period("30000000", "1x") == 0);
    for (const char* bad : {"", "0", "-5", "30s", " 30", "99999999999999999999"})
        CHECK(period(bad) == 0);
}

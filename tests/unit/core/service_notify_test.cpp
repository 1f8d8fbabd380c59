// SPDX-License-Identifier: Apache-2.0
#include "core/service_notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <string>

#include "core/fd.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

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

TEST_CASE("service_notify: a manager that does not read its socket stops nothing", "[service_notify]") {
    test::TempFolder folder;
    const std::string path = folder / "notify";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    const auto* to = reinterpret_cast<const sockaddr*>(&address);
    const core::UniqueFd manager(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const core::UniqueFd filler(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(manager.get(), to, sizeof address) == 0);
    while (::sendto(filler.get(), "x", 1, MSG_DONTWAIT, to, sizeof address) == 1) {
    }
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    core::notify_service("WATCHDOG=1");
    core::notify_service("STOPPING=1");
    char byte = 0;
    while (::recv(manager.get(), &byte, 1, MSG_DONTWAIT) == 1)
        CHECK(byte == 'x');
    core::notify_service("WATCHDOG=1");
    char text[64] = {};
    CHECK(::recv(manager.get(), text, sizeof text - 1, MSG_DONTWAIT) == 10);
    CHECK(std::string(text) == "WATCHDOG=1");
    ::unsetenv("NOTIFY_SOCKET");
}

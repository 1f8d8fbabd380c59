// SPDX-License-Identifier: Apache-2.0
#include "core/service_notify.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/fd.h"

namespace postern::core {
namespace {

/// A positive decimal number, else 0.
std::int64_t number(const char* text) {
    std::int64_t value = 0;
    if (text == nullptr) return 0;
    const char* const end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, value);
    return error == std::errc{} && stop == end && value > 0 ? value : 0;
}

}  // namespace

void notify_service(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    sockaddr_un address{};
    if (path == nullptr || std::strlen(path) >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) return;
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path, std::strlen(path));
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
    if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract address
    const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!fd) return;
    // A manager that does not read fills the queue of its socket. The watchdog's message comes again soon, so it is sent
    // from the loop without waiting; those of the start and the end are sent once, outside of the loop.
    const int flags = MSG_NOSIGNAL | (state == "WATCHDOG=1" ? MSG_DONTWAIT : 0);
    const timeval most{1, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    ::sendto(fd.get(), state.data(), state.size(), flags, reinterpret_cast<sockaddr*>(&address), length);
}

Micros watchdog_period_us() {
    // WATCHDOG_PID is the watched process. It may be a parent that passed its environment on.
    const char* pid = std::getenv("WATCHDOG_PID");
    if (pid != nullptr && number(pid) != ::getpid()) return 0;
    return number(std::getenv("WATCHDOG_USEC"));
}

}  // namespace postern::core

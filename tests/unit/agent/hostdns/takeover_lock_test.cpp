// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hostdns/takeover_lock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("hostdns: who changes the host waits for the one that does", "[hostdns]") {
    const test::TempFolder folder;
    const std::string path = folder / "run/hostdns.lock";
    int held[2];
    REQUIRE(::pipe(held) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto lock = lock_takeover(path);  // makes the folder, too
        const int opened = ::inotify_init1(IN_CLOEXEC);
        if (!lock || ::inotify_add_watch(opened, path.c_str(), IN_OPEN) < 0) ::_exit(1);
        if (::write(held[1], "x", 1) != 1) ::_exit(1);
        // The second opening: the first attempt was refused, and another one follows.
        for (std::size_t seen = 0; seen < 2;) {
            alignas(inotify_event) char events[8 * sizeof(inotify_event)];
            const auto size = ::read(opened, events, sizeof events);
            if (size <= 0) ::_exit(2);
            seen += static_cast<std::size_t>(size) / sizeof(inotify_event);
        }
        ::_exit(0);
    }
    char byte;
    REQUIRE(::read(held[0], &byte, 1) == 1);
    const auto lock = lock_takeover(path);
    CHECK(lock);
    if (!lock) ::kill(child, SIGKILL);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    ::close(held[0]);
    ::close(held[1]);
}

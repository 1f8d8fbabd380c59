// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include "agent/hostdns/takeover_lock.h"
#include "core/sleep.h"
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
        (void)!::write(held[1], "x", 1);
        core::sleep_for(100 * core::kMillisecond);
        ::_exit(lock ? 0 : 1);
    }
    char byte;
    REQUIRE(::read(held[0], &byte, 1) == 1);
    const auto lock = lock_takeover(path);
    CHECK(lock);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    ::close(held[0]);
    ::close(held[1]);
}

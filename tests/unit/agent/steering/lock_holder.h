// SPDX-License-Identifier: Apache-2.0
// Another process that holds a lock, as a running resolver does; ended with its object, and with us.
#pragma once

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "core/file_system.h"
#include "tests/unit/catch.h"

namespace postern::test {

class LockHolder {
  public:
    explicit LockHolder(const std::string& path, bool ignores_sigterm = false) {
        int ready[2];
        REQUIRE(::pipe(ready) == 0);
        pid_ = ::fork();
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) hold(path, ignores_sigterm, ready[1]);
        ::close(ready[1]);
        char byte = 0;
        const ssize_t n = ::read(ready[0], &byte, 1);
        ::close(ready[0]);
        REQUIRE(n == 1);
    }
    ~LockHolder() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    LockHolder(const LockHolder&) = delete;
    LockHolder& operator=(const LockHolder&) = delete;

    pid_t pid() const { return pid_; }

  private:
    [[noreturn]] static void hold(const std::string& path, bool ignores_sigterm, int ready) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        std::signal(SIGTERM, ignores_sigterm ? SIG_IGN : SIG_DFL);
        const auto lock = core::LockFile::acquire(path);
        if (!lock || ::write(ready, "x", 1) != 1) ::_exit(1);
        for (;;)
            ::pause();
    }

    pid_t pid_ = 0;
};

}  // namespace postern::test

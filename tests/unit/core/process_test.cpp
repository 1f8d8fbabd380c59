// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

#include "core/file_system.h"
#include "core/process.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern::core;

namespace {

/// Runs a shell script as a child and returns what it wrote to the file named in it.
std::string run(const std::string& script, const std::string& out, std::vector<int> fds) {
    Loop loop;
    std::string text;
    {
        ChildSpec spec;
        spec.argv = {"/bin/sh", "-c", script};
        spec.fds = std::move(fds);
        const auto pid = start_child(spec);
        REQUIRE(pid);
        ProcessWatch watch;
        bool ended = false;
        REQUIRE(watch.start(loop, *pid, [&] { ended = true; }));
        while (!ended)
            loop.run_once();
        text = read_file(out, 65536).value_or("");
    }
    CHECK(loop.close());
    return text;
}

}  // namespace

TEST_CASE("process: a child has its descriptors, and no environment, privilege or descriptor of ours", "[process]") {
    postern::test::TempFolder folder;
    const auto out = folder / "out";
    ::setenv("POSTERN_TEST_SECRET", "do-not-inherit", 1);
    const UniqueFd leaked(::fcntl(2, F_DUPFD, 77));  // without O_CLOEXEC
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto text =
        run("{ wc -c </proc/$$/environ; ls /proc/$$/fd; grep -E 'NoNewPrivs|CapEff|CapBnd' /proc/$$/status; } >" + out,
            out, {socket.get()});
    ::unsetenv("POSTERN_TEST_SECRET");
    INFO(text);
    CHECK(text.rfind("0\n", 0) == 0);
    CHECK(text.find("\n3\n") != std::string::npos);
    CHECK(text.find("\n" + std::to_string(leaked.get()) + "\n") == std::string::npos);
    CHECK(text.find("NoNewPrivs:\t1") != std::string::npos);
    if (::geteuid() == 0) CHECK(text.find("CapEff:\t0000000000000000") != std::string::npos);
}

TEST_CASE("process: a missing program is an error of start_child()", "[process]") {
    const auto pid = start_child({.argv = {"/nonexistent/program"}});
    REQUIRE_FALSE(pid);
    CHECK(pid.error().code == Code::kFileMissing);
}

TEST_CASE("process: the end of a killed process is noticed", "[process]") {
    Loop loop;
    {
        const auto pid = start_child({.argv = {"/bin/sleep", "1000"}});
        REQUIRE(pid);
        ProcessWatch watch;
        bool ended = false;
        REQUIRE(watch.start(loop, *pid, [&] { ended = true; }));
        CHECK(watch.signal(SIGKILL));
        while (!ended)
            loop.run_once();
        CHECK_FALSE(watch.active());
        CHECK_FALSE(watch.signal(0));
    }
    CHECK(loop.close());
}

TEST_CASE("process: an ambient capability is not inherited by a child", "[process]") {
    postern::test::TempFolder folder;
    const auto out = folder / "out";
    const pid_t parent = ::fork();
    if (parent == 0) {
        // As root, or as root of a user namespace of its own.
        if (::geteuid() != 0 && ::unshare(CLONE_NEWUSER) != 0) ::_exit(77);
        struct {
            std::uint32_t version = 0x20080522;  // _LINUX_CAPABILITY_VERSION_3
            int pid = 0;
        } head;
        struct {
            std::uint32_t effective, permitted, inheritable;
        } sets[2] = {};
        if (::syscall(SYS_capget, &head, sets) != 0) ::_exit(1);
        sets[0].inheritable |= 1u << 10;  // CAP_NET_BIND_SERVICE
        if (::syscall(SYS_capset, &head, sets) != 0 || ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 10, 0, 0) != 0)
            ::_exit(2);
        const auto child = start_child({.argv = {"/bin/sh", "-c", "grep Cap /proc/$$/status >" + out}});
        int status = -1;
        ::_exit(child && ::waitpid(*child, &status, 0) == *child && status == 0 ? 0 : 3);
    }
    int status = -1;
    REQUIRE(::waitpid(parent, &status, 0) == parent);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77) return;  // no user namespaces here
    REQUIRE(status == 0);
    const std::string text = read_file(out, 65536).value_or("");
    INFO(text);
    for (const char* set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        CHECK(text.find(std::string(set) + ":\t0000000000000000") != std::string::npos);
}

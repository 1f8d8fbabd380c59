// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "core/file_system.h"
#include "core/process.h"
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

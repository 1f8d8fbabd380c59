// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "agent/net/process_runner.h"
#include "core/bytes.h"
#include "core/fd.h"
#include "core/file_system.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

struct World {
    core::Loop loop;
    core::SystemClock clock{loop};
    TempFolder folder;
    std::map<std::string, std::string> variables{
        {"PATH", "/usr/bin:/bin"}, {"HOME", "/home/x"}, {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s3cret"}};
    ProcessRunner runner{loop, clock, [this](const std::string& name) { return variables[name]; }, 30 * core::kSecond};

    std::string script(const std::string& text) {
        const std::string path = folder.path() + "/tool";
        REQUIRE(core::write_file(path, core::as_bytes("#!/bin/sh\n" + text + "\n"), 0755, false));
        return path;
    }
    core::Result<std::string> run(std::vector<std::string> argv) { return run(runner, std::move(argv)); }
    core::Result<std::string> run(ProcessRunner& with, std::vector<std::string> argv) {
        std::optional<core::Result<std::string>> out;
        with.run(std::move(argv), [&](auto r) { out = std::move(r); });
        run_until(loop, [&] { return out.has_value(); });
        return *out;
    }
};

}  // namespace

TEST_CASE("process runner: arguments go through no shell, and of our environment only what is needed",
          "[credentials]") {
    World w;
    CHECK(w.run({w.script("printf '%s|' \"$@\""), "a;b", "$HOME", "`id`", ""}).value() == "a;b|$HOME|`id`||");
    const std::string environment = w.run({"env"}).value();
    CHECK(environment.find("HOME=/home/x") != std::string::npos);
    CHECK(environment.find("s3cret") == std::string::npos);
    CHECK(w.run({w.script("read line; echo \"[$line]\"; echo noise >&2")}).value() == "[]\n");
}

TEST_CASE("process runner: what fails, does not exist or says too much is an error without its output",
          "[credentials]") {
    World w;
    const auto failed = w.run({w.script("echo top-secret; exit 3")});
    REQUIRE_FALSE(failed);
    CHECK(failed.error().what == "ended with exit code 3");
    CHECK(w.run({w.script("kill -9 $$")}).error().what == "was killed by signal 9");
    CHECK(w.run({"no-such-program-here"}).error().code == core::Code::kFileMissing);
    CHECK(w.run({"/no/such/program"}).error().code == core::Code::kFileMissing);
    CHECK(w.run({w.folder.path()}).error().what == "cannot run " + w.folder.path());
    CHECK(w.run({w.script("while :; do echo 0123456789012345678901234567890123456789; done")}).error().what ==
          "printed more than 64 KiB");
}

TEST_CASE("process runner: who closes its output is waited for all the same", "[credentials]") {
    World w;
    const std::string mark = w.folder / "mark", fifo = w.folder / "fifo";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::optional<core::Result<std::string>> out;
    w.runner.run({w.script("echo said; exec >&-; : > " + mark + "; read line < " + fifo + "; exit 3")},
                 [&](auto r) { out = std::move(r); });
    run_until(w.loop, [&] { return ::access(mark.c_str(), F_OK) == 0; });
    for (int turns = 0; turns < 10; ++turns)
        w.loop.poll();
    CHECK_FALSE(out);
    core::UniqueFd writer;
    run_until(w.loop, [&] {  // as soon as it reads
        writer.reset(::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        return static_cast<bool>(writer);
    });
    writer.reset();
    run_until(w.loop, [&] { return out.has_value(); });
    REQUIRE_FALSE(*out);
    CHECK(out->error().what == "ended with exit code 3");
}

TEST_CASE("process runner: a program that does not end is killed with its children, and blocks no loop",
          "[credentials]") {
    World w;
    FakeClock clock;
    ProcessRunner hasty(
        w.loop, clock, [&](const std::string& name) { return w.variables[name]; }, core::kSecond);
    const std::string mark = w.folder.path() + "/pid";
    std::optional<core::Result<std::string>> late;
    hasty.run({w.script("sleep 1000 & echo $! > " + mark + ".new; mv " + mark + ".new " + mark + "; wait")},
              [&](auto r) { late = std::move(r); });
    run_until(w.loop, [&] { return core::read_file(mark, 100).has_value(); });
    CHECK_FALSE(late);
    clock.advance(core::kSecond);
    run_until(w.loop, [&] { return late.has_value(); });
    REQUIRE_FALSE(*late);
    CHECK(late->error().what.find("did not end within") == 0);
    const long child = std::stol(core::read_file(mark, 100).value());
    run_until(w.loop, [&] {  // gone, or a zombie of another parent
        const auto stat = core::read_file("/proc/" + std::to_string(child) + "/stat", 1000);
        return !stat || stat->find(") Z ") != std::string::npos;
    });
    // Its end does not wait for what it left behind with our pipe in hand.
    CHECK(w.run({w.script("sleep 30 & echo ready")}).value() == "ready\n");
    bool called = false;
    {
        ProcessRunner gone(w.loop, w.clock, [&](const std::string& name) { return w.variables[name]; });
        gone.run({w.script("sleep 1000")}, [&](auto) { called = true; });
    }
    w.loop.poll();
    CHECK_FALSE(called);
}

// SPDX-License-Identifier: Apache-2.0
// The resolver's place is taken by shell scripts, time by a clock that is moved by hand.
#include "agent/steering/resolver_child.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdlib>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/agent/steering/lock_holder.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using core::Code;
using core::kMillisecond;
using core::kSecond;
using core::Micros;

namespace {

const core::SocketAddress kAnyPort{core::IpAddress::v4(0x7f000001), 0};
const core::SocketAddress kOther{core::IpAddress::v4(0x7f000002), 0};

/// Hides how its clock moves: each look at it takes 50 ms. For what waits by looking.
class HurriedClock final : public core::Clock {
  public:
    explicit HurriedClock(test::FakeClock& clock) : clock_(clock) {}
    Micros mono_us() const override { return clock_.mono_us() + 50 * kMillisecond * ++looks_; }
    Micros wall_us() const override { return clock_.wall_us(); }
    AlarmId set_alarm(Micros when, std::function<void()> fn) override { return clock_.set_alarm(when, std::move(fn)); }
    void cancel_alarm(AlarmId id) override { clock_.cancel_alarm(id); }

  private:
    test::FakeClock& clock_;
    mutable std::int64_t looks_ = 0;
};

struct Bench {
    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    core::SeededRandom random{3};
    ResolverChild::Options options{folder / "resolver", {}, {kAnyPort}};
    std::unique_ptr<ResolverChild> child;
    std::vector<std::string> log;

    Bench() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            log.push_back(std::string(event) + " " + line);
        });
        options.paths.current_plan = folder / "current";
        options.paths.durable_plan = folder / "durable";
        options.paths.stats = folder / "stats";
        options.paths.fallback = folder / "fallback";
        options.paths.resolver_lock = folder / "lock";
        REQUIRE(::mkfifo((folder / "never").c_str(), 0600) == 0);
    }
    ~Bench() {
        if (child) child->shut_down();
        child.reset();
        CHECK(loop.close());
        core::capture_log({});
    }
    void program(const std::string& script) const {
        REQUIRE(core::write_file(options.program, core::as_bytes("#!/bin/sh\n" + script), 0700, false));
    }
    /// One that says what it was given, then serves until it is ended.
    void serving_program() const {
        program(
            "fds=''\n"
            "for n in 3 4 5 6 7 8; do [ -S /proc/self/fd/$n ] && fds=\"$fds $n\"; done\n"
            "echo \"$*;$fds;$(/usr/bin/wc -c < /proc/$$/environ)\" > " +
            folder / "said.new" +
            "\n"
            "/bin/mv " +
            folder / "said.new" + " " + folder / "said" +
            "\n"
            "exec /bin/cat " +
            folder / "never" + "\n");
    }
    core::Result<void> start() {
        child = std::make_unique<ResolverChild>(loop, clock, random, options);
        return child->start();
    }
    /// What the program said; waits for it.
    std::string said() {
        std::string text;
        test::run_until(loop, [&] {
            text = core::read_file(folder / "said", 4096).value_or("");
            return !text.empty();
        });
        ::unlink((folder / "said").c_str());
        return text;
    }
    /// Waits until it is known that the program ended; how long until the next try.
    Micros ended() {
        test::run_until(loop, [&] { return !clock.idle(); });
        return clock.next_alarm() - clock.mono_us();
    }
    void end() {
        REQUIRE(child->pid() > 0);
        REQUIRE(::kill(child->pid(), SIGKILL) == 0);
    }
    /// To the next try, and through it.
    void try_again() { clock.advance(clock.next_alarm() - clock.mono_us()); }
};

}  // namespace

TEST_CASE("resolver child: gets its files and the sockets of each address, and nothing else", "[resolver_child]") {
    Bench b;
    b.serving_program();
    b.options.listen = {kAnyPort, kOther};
    REQUIRE(b.start());
    CHECK(b.child->pid() > 0);
    CHECK(b.child->problem().empty());
    CHECK(b.child->restarts() == 0);
    const std::string at = b.folder.path();
    CHECK(b.said() == "--plan " + at + "/current --plan " + at + "/durable --stats " + at + "/stats --fallback " + at +
                          "/fallback --sockets 4; 3 4 5 6;" + "0\n");
    CHECK(b.clock.idle());
}

TEST_CASE("resolver child: one that had served is back at once", "[resolver_child]") {
    Bench b;
    b.serving_program();
    REQUIRE(b.start());
    b.said();
    for (std::uint64_t n = 1; n <= 3; ++n) {
        b.clock.advance(kSecond);
        b.end();
        CHECK(b.ended() == 0);
        CHECK_FALSE(b.child->problem().empty());
        CHECK(b.child->pid() == 0);
        b.try_again();
        CHECK(b.child->restarts() == n);
        CHECK(b.child->problem().empty());
        CHECK(b.said().find("--sockets 2;") != std::string::npos);
    }
}

TEST_CASE("resolver child: one that dies on start is tried with growing pauses, and never given up",
          "[resolver_child]") {
    Bench b;
    b.program("exit 1\n");
    REQUIRE(b.start());
    std::vector<Micros> pauses;
    for (int i = 0; i < 12; ++i) {
        pauses.push_back(b.ended());
        b.try_again();
    }
    CHECK(pauses[0] == 0);
    for (std::size_t i = 1; i < pauses.size(); ++i) {
        const Micros whole = std::min<Micros>(kSecond, 20 * kMillisecond << i);
        INFO(i);
        CHECK(pauses[i] >= whole / 2);
        CHECK(pauses[i] <= whole);
    }
    CHECK(b.child->restarts() == 12);
    b.ended();
    b.serving_program();
    b.try_again();
    b.said();
    b.clock.advance(kSecond);
    b.end();
    CHECK(b.ended() == 0);  // it lived: the pauses begin anew
}

TEST_CASE("resolver child: what the user has to fix is an error of the start, and nothing is retried",
          "[resolver_child]") {
    Bench b;
    const auto missing = b.start();
    REQUIRE_FALSE(missing);
    CHECK(missing.error().hint.find("install postern-resolver") != std::string::npos);
    CHECK(b.child->pid() == 0);
    CHECK(b.clock.idle());
    b.serving_program();
    std::uint16_t port = 0;
    const auto taken = test::bound_socket(SOCK_DGRAM, &port);
    b.options.listen = {kOther, {core::IpAddress::v4(0x7f000001), port}};
    const auto in_use = b.start();
    REQUIRE_FALSE(in_use);
    CHECK(in_use.error().code == Code::kAddressInUse);
    CHECK(in_use.error().what.find(std::to_string(port) + " (UDP)") != std::string::npos);
    CHECK_FALSE(in_use.error().hint.empty());
    CHECK(b.clock.idle());
    b.options.listen = {{core::IpAddress::v4(0xc0000201), 0}};  // no address of any host
    const auto foreign = b.start();
    REQUIRE_FALSE(foreign);
    CHECK(foreign.error().code == Code::kSocket);
    CHECK(foreign.error().hint.find("[dns] listen") != std::string::npos);
}

TEST_CASE("resolver child: one that is running is adopted, and replaced when it ends", "[resolver_child]") {
    Bench b;
    b.serving_program();
    auto running = std::make_unique<test::LockHolder>(b.options.paths.resolver_lock);
    REQUIRE(b.start());
    CHECK(b.child->pid() == running->pid());
    CHECK(b.log.at(0).starts_with("resolver_adopted "));
    CHECK(b.child->problem().empty());
    const pid_t before = running->pid();
    running.reset();
    CHECK(b.ended() == 0);
    b.try_again();
    CHECK(b.child->pid() > 0);
    CHECK(b.child->pid() != before);
    CHECK(b.said().find("--sockets 2; 3 4;") != std::string::npos);
}

TEST_CASE("resolver child: while its address is taken the pauses grow and the reason stays", "[resolver_child]") {
    Bench b;
    b.serving_program();
    std::uint16_t port = 0;
    auto taken = test::bound_socket(SOCK_DGRAM, &port);
    b.options.listen = {{core::IpAddress::v4(0x7f000001), port}};
    auto running = std::make_unique<test::LockHolder>(b.options.paths.resolver_lock);
    REQUIRE(b.start());
    running.reset();
    b.ended();
    const Micros begin = b.clock.mono_us();
    b.log.clear();
    int tries = 0;
    for (; b.clock.mono_us() - begin < 60 * kSecond; ++tries) {
        REQUIRE_FALSE(b.clock.idle());
        b.try_again();
        CHECK(b.child->problem().find("another DNS server has it") != std::string::npos);
    }
    CHECK(tries >= 60);
    CHECK(tries <= 130);
    CHECK(b.log.size() <= static_cast<std::size_t>(tries));
    taken.reset();
    b.try_again();
    CHECK(b.child->problem().empty());
    CHECK(b.said().find("--sockets 2;") != std::string::npos);
}

TEST_CASE("resolver child: while its program is missing the pauses grow", "[resolver_child]") {
    Bench b;
    b.serving_program();
    REQUIRE(b.start());
    b.said();
    REQUIRE(::unlink(b.options.program.c_str()) == 0);  // between two packages
    b.clock.advance(kSecond);
    b.end();
    b.ended();
    const Micros begin = b.clock.mono_us();
    int tries = 0;
    for (; b.clock.mono_us() - begin < 60 * kSecond; ++tries) {
        REQUIRE_FALSE(b.clock.idle());
        b.try_again();
        CHECK(b.child->problem().find("install postern-resolver") != std::string::npos);
    }
    CHECK(tries >= 60);
    CHECK(tries <= 130);
    b.serving_program();
    b.try_again();
    CHECK(b.child->problem().empty());
    b.said();
}

TEST_CASE("resolver child: other addresses are taken by a restart, or not at all", "[resolver_child]") {
    Bench b;
    b.serving_program();
    REQUIRE(b.start());
    b.said();
    const pid_t first = b.child->pid();
    CHECK(b.child->listen_on({kAnyPort}));
    std::uint16_t port = 0;
    const auto taken = test::bound_socket(SOCK_DGRAM, &port);
    const auto refused = b.child->listen_on({kOther, {core::IpAddress::v4(0x7f000001), port}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kAddressInUse);
    b.loop.poll();
    CHECK(b.child->pid() == first);
    CHECK(b.clock.idle());

    b.clock.advance(kSecond);
    REQUIRE(b.child->listen_on({kAnyPort, kOther}));
    CHECK(b.ended() == 0);
    b.try_again();
    CHECK(b.said().find("--sockets 4; 3 4 5 6;") != std::string::npos);
    b.clock.advance(kSecond);
    REQUIRE(b.child->listen_on({kOther}));
    b.ended();
    b.try_again();
    CHECK(b.said().find("--sockets 2; 3 4;") != std::string::npos);
}

TEST_CASE("resolver child: the end is the end, also of one that ignores SIGTERM", "[resolver_child]") {
    Bench b;
    b.serving_program();
    REQUIRE(b.start());
    b.said();
    const pid_t pid = b.child->pid();
    b.child->shut_down();
    CHECK(b.child->pid() == 0);
    test::run_until(b.loop, [&] { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
    CHECK(b.clock.idle());
    b.child->shut_down();

    const test::LockHolder stubborn(b.options.paths.resolver_lock, true);
    HurriedClock hurried(b.clock);
    ResolverChild adopted(b.loop, hurried, b.random, b.options);
    REQUIRE(adopted.start());
    adopted.shut_down();
    test::run_until(b.loop, [&] { return core::LockFile::holder(b.options.paths.resolver_lock) == 0; });
    CHECK(b.clock.idle());
}

TEST_CASE("resolver child: the program's path, given or beside our own", "[resolver_child]") {
    ::setenv("POSTERN_RESOLVER", "/somewhere/resolver", 1);
    CHECK(find_resolver_program() == "/somewhere/resolver");
    ::setenv("POSTERN_RESOLVER", "", 1);
    CHECK(find_resolver_program() == core::program_folder() + "/postern-resolver");
    ::unsetenv("POSTERN_RESOLVER");
    CHECK(find_resolver_program() == core::program_folder() + "/postern-resolver");
}

// SPDX-License-Identifier: Apache-2.0
// The cache of TLS contexts: loaded in the pool, once, and again when the file changes; a failure is
// a local_* reason.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>

#include "core/file_system.h"
#include "core/log.h"
#include "probe/probe_run.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/probe/fake_gateway.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::probe;
using namespace postern::test;

namespace {

struct TempFile {
    std::string path = "/tmp/postern-test-store-" + std::to_string(::getpid()) + ".pem";
    ~TempFile() { std::remove(path.c_str()); }
    void copy_from(const std::string& source) const {
        std::filesystem::copy_file(source, path + ".new", std::filesystem::copy_options::overwrite_existing);
        std::filesystem::rename(path + ".new", path);
    }
};

struct Launch {
    core::Loop loop;
    std::optional<core::SystemClock> clock{loop};
    std::optional<TlsContexts> contexts{loop};

    ProbeResult run(const ProbeSpec& spec) {
        NetworkLauncher launcher(loop, *clock, *contexts);
        std::optional<ProbeResult> result;
        const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                 std::make_shared<const ProbeSpec>(spec)};
        const auto running = launcher.launch(target, [&](ProbeResult r) { result = std::move(r); });
        CHECK_FALSE(result);
        while (!result)
            loop.run_once();
        return *result;
    }
    /// Runs the loop until no job is in the pool.
    void settle() {
        while (loop.raw()->active_reqs.count > 0)
            loop.run_once();
    }
    ~Launch() {
        contexts.reset();
        clock.reset();
        CHECK(loop.close());
    }
};

}  // namespace

TEST_CASE(
    "contexts: a CA file that is missing, empty or not PEM gives a local reason, and is loaded again after a change",
    "[tls]") {
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    FakeGateway gateway(test_ca().issue(), answer(chunked_reply(kSelectOne)));
    const TempFile file;
    Launch launch;
    ProbeSpec spec = good_spec(gateway.port());
    spec.ca_file = file.path;
    for (int i = 0; i < 2; ++i) {
        const ProbeResult missing = launch.run(spec);
        CHECK(missing.reason == Reason::kLocalCancelled);
        CHECK(missing.detail.find(file.path) != std::string::npos);
    }
    std::ofstream(file.path) << "not a certificate\n";
    CHECK(launch.run(spec).detail.find("no CA certificate") != std::string::npos);
    CHECK(gateway.connections() == 0);
    file.copy_from(test_ca().file());
    CHECK(launch.run(spec).ok);
    core::capture_log({});
}

TEST_CASE("contexts: a changed CA file is loaded again; a broken one keeps the old context", "[tls]") {
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    static TestCa other("another CA");
    FakeGateway gateway(test_ca().issue(), answer(chunked_reply(kSelectOne)));
    const TempFile file;
    file.copy_from(other.file());
    Launch launch;
    ProbeSpec spec = good_spec(gateway.port());
    spec.ca_file = file.path;
    CHECK(launch.run(spec).reason == Reason::kCertUntrusted);
    const auto first = launch.contexts->loaded(file.path);
    launch.contexts->reload_changed();
    launch.settle();
    CHECK(launch.contexts->loaded(file.path) == first);  // nothing changed: nothing loaded
    file.copy_from(test_ca().file());
    launch.contexts->reload_changed();
    while (launch.contexts->loaded(file.path) == first)
        launch.loop.run_once();
    CHECK(launch.run(spec).ok);
    CHECK(launch.contexts->troubles().empty());
    std::ofstream(file.path) << "broken\n";
    launch.contexts->reload_changed();
    launch.settle();
    CHECK(launch.run(spec).ok);
    REQUIRE(launch.contexts->troubles().size() == 1);
    CHECK(launch.contexts->troubles()[0].ca_file == file.path);
    CHECK(launch.contexts->troubles()[0].kept);
    file.copy_from(test_ca().file());
    launch.contexts->reload_changed();
    launch.settle();
    CHECK(launch.contexts->troubles().empty());
    core::capture_log({});
}

TEST_CASE("contexts: with a clock a CA file behind an exchanged link, or the system's store, is loaded again by itself",
          "[tls]") {
    const bool system = GENERATE(false, true);
    const test::TempFolder folder;
    static TestCa other("another CA");
    const std::string file = folder / "ca.pem";
    std::filesystem::create_symlink(other.file(), file);
    if (system) ::setenv("SSL_CERT_FILE", file.c_str(), 1);
    const std::string ca_file = system ? "" : file;
    core::Loop loop;
    {
        core::SystemClock clock(loop);
        TlsContexts contexts(loop, &clock);
        std::shared_ptr<const TlsContext> first;
        contexts.get(ca_file, [&](const auto& context) { first = context.value(); });
        while (!first)
            loop.run_once();
        std::filesystem::create_symlink(test_ca().file(), folder / "next");
        std::filesystem::rename(folder / "next", file);
        while (contexts.loaded(ca_file) == first)
            loop.run_once();
    }
    if (system) ::unsetenv("SSL_CERT_FILE");
    CHECK(loop.close());
}

TEST_CASE("contexts: may be destroyed, with their clock, while a file is being loaded", "[tls]") {
    core::Loop loop;
    {
        FakeClock clock;
        TlsContexts contexts(loop, &clock);
        contexts.get(test_ca().file(), [](const auto&) { FAIL("nobody waits any more"); });
    }
    CHECK(loop.close());
}

TEST_CASE("contexts: the system's store loads", "[tls]") {
    const auto context = TlsContext::load("");
    CHECK(context);
}

TEST_CASE("contexts: an attempt without a context has reason local_oom", "[tls]") {
    core::Loop loop;
    std::optional<ProbeResult> result;
    {
        core::SystemClock clock(loop);
        const ProbeTarget target{"l", *core::IpAddress::parse("127.0.0.1"), "", "",
                                 std::make_shared<const ProbeSpec>()};
        ProbeRun run(loop, clock, nullptr, target, [&](ProbeResult r) { result = std::move(r); });
        while (!result)
            loop.run_once();
    }
    CHECK(loop.close());
    CHECK(result->reason == Reason::kLocalOom);
}

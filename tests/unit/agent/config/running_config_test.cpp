// SPDX-License-Identifier: Apache-2.0
#include "agent/config/running_config.h"
#include "core/file_system.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

using Kind = ConfigTrouble::Kind;

struct Running {
    Running() {
        put("");
        REQUIRE(core::make_folders(folder / "state", 0700));
    }
    ~Running() { CHECK(loop.close()); }
    void put(const std::string& more, const std::string& run = "run") const {
        const std::string text =
            "[agent]\nstate_dir = \"" + (folder / "state") + "\"\nruntime_dir = \"" + (folder / run) + "\"\n" + more;
        REQUIRE(core::write_file(file, core::as_bytes(text), 0600, false));
    }
    /// As the app does when nothing else refuses.
    bool reload() {
        auto fresh = config->read_again();
        if (fresh) config->use(std::move(*fresh));
        while (loop.run_once()) {
        }
        return fresh.has_value();
    }
    void start() {
        config.emplace(loop, clock, file, load_usable_config(file).value());
        config->keep();
        while (loop.run_once()) {
        }
    }
    bool has_copy() const { return core::read_file(folder / "state/last-good.toml", 1u << 20).has_value(); }

    test::TempFolder folder;
    std::string file = folder / "postern.toml";
    core::Loop loop;
    test::FakeClock clock;
    std::optional<RunningConfig> config;
};

}  // namespace

TEST_CASE("running config: a file with mistakes is refused whole, and the present one goes on", "[config]") {
    Running r;
    r.start();
    const Micros first = r.config->loaded_wall_us();
    CHECK(r.config->trouble().kind == Kind::kNone);
    CHECK(r.has_copy());
    r.clock.advance(core::kMinute);
    r.put("[dns]\nttl = \"soon\"\nlisten = 1\n");
    CHECK_FALSE(r.reload());
    CHECK(r.config->trouble().kind == Kind::kNotReloaded);
    CHECK(r.config->trouble().mistake.starts_with(r.file + ":"));
    CHECK(r.config->trouble().more == 1);
    CHECK(r.config->loaded_wall_us() == first);
    r.put("[dns]\nttl = \"20s\"\n");
    CHECK(r.reload());
    CHECK(r.config->trouble().kind == Kind::kNone);
    CHECK(r.config->now().dns.ttl_us == 20 * core::kSecond);
    CHECK(r.config->loaded_wall_us() == first + core::kMinute);
}

TEST_CASE("running config: a start from the last good copy says so, and does not save it again", "[config]") {
    Running r;
    r.start();
    r.put("[dns]\nttl = \"soon\"\n");
    r.start();
    CHECK(r.config->trouble().kind == Kind::kLastGood);
    REQUIRE(core::read_file(r.folder / "state/last-good.toml", 1u << 20)->find("soon") == std::string::npos);
    r.put("");
    CHECK(r.reload());
    CHECK(r.config->trouble().kind == Kind::kNone);
}

TEST_CASE("running config: what needs a start is said until there is one", "[config]") {
    Running r;
    r.start();
    r.put("", "elsewhere");
    CHECK(r.reload());
    CHECK(r.config->trouble().kind == Kind::kRestart);
    CHECK(r.config->paths().current_plan == r.folder / "run/plan");
    CHECK(r.reload());  // nothing has changed since, and the folder is still another one than the agent's
    CHECK(r.config->trouble().kind == Kind::kRestart);
    r.put("");
    CHECK(r.reload());
    CHECK(r.config->trouble().kind == Kind::kNone);
}

TEST_CASE("running config: a file that was changed and not read is noticed, one that was refused is told already",
          "[config]") {
    Running r;
    r.start();
    CHECK_FALSE(r.config->changed_since_read());
    r.put("[dns]\nttl = \"20s\"\n");
    CHECK(r.config->changed_since_read());
    CHECK(r.config->changed_since_read());
    CHECK(r.reload());
    CHECK_FALSE(r.config->changed_since_read());
    r.put("[dns]\nttl = \"soon\"\n");
    CHECK(r.config->changed_since_read());
    CHECK_FALSE(r.reload());
    CHECK_FALSE(r.config->changed_since_read());
    r.put("[dns]\nttl = \"20s\"\n");  // as it was
    CHECK_FALSE(r.config->changed_since_read());
}

TEST_CASE("running config: what something else refuses is not used", "[config]") {
    Running r;
    r.start();
    r.put("[dns]\nttl = \"20s\"\n");
    REQUIRE(r.config->read_again());
    r.config->refuse({core::Code::kSocket, "cannot listen", "", 0});
    CHECK(r.config->trouble().kind == Kind::kNotReloaded);
    CHECK(r.config->trouble().mistake == "cannot listen");
    CHECK(r.config->now().dns.ttl_us == 10 * core::kSecond);
}

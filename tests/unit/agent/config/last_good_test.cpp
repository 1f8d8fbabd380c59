// SPDX-License-Identifier: Apache-2.0
#include "agent/config/last_good.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using agent::load_usable_config;

namespace {

struct Files {
    test::TempFolder folder;
    std::string state = folder / "state", copy = state + "/last-good.toml", file = folder / "postern.toml";

    Files() { REQUIRE(core::make_folders(state, 0700)); }
    std::string good(const std::string& level = "debug") const {
        return "[agent]\nstate_dir = \"" + state + "\"\nlog_level = \"" + level + "\"\n";
    }
    void put(const std::string& path, const std::string& text, mode_t mode = 0600) const {
        REQUIRE(core::write_file(path, core::as_bytes(text), mode, false));
    }
    /// As a start with this text would.
    std::string save(const std::string& text) const {
        core::Loop loop;
        agent::LastGoodCopy copies(loop);
        copies.save(copy, file, text);
        CHECK(loop.close());
        return copies.problem();
    }
};

}  // namespace

TEST_CASE("last_good: a good file is used as it is", "[last_good]") {
    Files f;
    f.put(f.file, f.good());
    const auto usable = load_usable_config(f.file);
    REQUIRE(usable);
    CHECK(usable->mistakes.empty());
    CHECK(usable->text == f.good());
    CHECK(usable->config.agent.log_level == core::Level::kDebug);
}

TEST_CASE("last_good: the copy stands in for a file with mistakes, whatever their kind", "[last_good]") {
    Files f;
    CHECK(f.save(f.good()).empty());
    for (const std::string more :
         {"colour = 1\n", "[dns]\nttl = \"soon\"\n", "[dns\n", "listen = \"a\n b\n", "\1\2\xff"}) {
        f.put(f.file, f.good("info") + more);
        const auto usable = load_usable_config(f.file);
        INFO(more);
        REQUIRE(usable);
        REQUIRE_FALSE(usable->mistakes.empty());
        CHECK(usable->mistakes.front().line >= 4);
        CHECK(usable->config.agent.log_level == core::Level::kDebug);
        CHECK(usable->config.path == f.file);
        CHECK(usable->text == f.good());
    }
}

TEST_CASE("last_good: without a copy that is whole and of this very file the mistakes are all there is",
          "[last_good]") {
    Files f;
    const std::string broken = f.good() + "colour = 1\n";
    f.put(f.file, broken);
    const auto refused = [&] {
        const auto usable = load_usable_config(f.file);
        return !usable && usable.error().size() == 1 && usable.error()[0].line == 4;
    };
    CHECK(refused());  // none
    CHECK(f.save(f.good()).empty());
    const std::string copy = *core::read_file(f.copy, 1 << 20);
    REQUIRE(load_usable_config(f.file));
    for (const std::size_t size : {std::size_t{0}, copy.size() / 2, copy.size() - 1}) {
        f.put(f.copy, copy.substr(0, size));
        CHECK(refused());
    }
    f.put(f.copy, "colour = 1\n" + copy);  // broken itself: an older version's, say
    CHECK(refused());
    f.put(f.copy, copy);
    const std::string other = f.folder / "other.toml";
    f.put(other, broken);
    CHECK_FALSE(load_usable_config(other));  // another agent's file with the same folder
    ::unlink(f.copy.c_str());
    REQUIRE(core::make_folders(f.copy, 0700));
    CHECK(refused());  // no file at all
    ::rmdir(f.copy.c_str());
}

TEST_CASE("last_good: a file that is gone, or that does not name the place of its copy, has none here", "[last_good]") {
    Files f;
    CHECK(f.save(f.good()).empty());
    CHECK_FALSE(load_usable_config(f.file));
    f.put(f.file, "state_dir = \"" + f.state + "\"\n");  // outside [agent] it means nothing
    CHECK_FALSE(load_usable_config(f.file));
}

TEST_CASE("last_good: the copy is for its owner alone, follows every save, and keeps the line numbers", "[last_good]") {
    Files f;
    CHECK(f.save(f.good("debug")).empty());
    struct stat before {
    }, after{};
    REQUIRE(::stat(f.copy.c_str(), &before) == 0);
    CHECK((before.st_mode & 07777) == 0600);
    CHECK(f.save(f.good("debug")).empty());
    REQUIRE(::stat(f.copy.c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);  // not written again: it is there
    CHECK(core::read_file(f.copy, 1 << 20)->starts_with(f.good("debug")));
    core::Loop loop;
    agent::LastGoodCopy copies(loop);
    for (const char* level : {"info", "warning", "error"})
        copies.save(f.copy, f.file, f.good(level));  // the pool may run them in any order
    CHECK(loop.close());
    CHECK(core::read_file(f.copy, 1 << 20)->starts_with(f.good("error")));
}

TEST_CASE("last_good: a folder that can't be written is said and harms nothing", "[last_good]") {
    Files f;
    REQUIRE(::rmdir(f.state.c_str()) == 0);
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    CHECK_THAT(f.save(f.good()), Catch::Matchers::ContainsSubstring(f.copy));
    core::capture_log({});
    REQUIRE(core::make_folders(f.state, 0700));
}

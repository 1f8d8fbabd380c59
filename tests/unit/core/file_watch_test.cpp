// SPDX-License-Identifier: Apache-2.0
#include "core/file_watch.h"

#include <filesystem>
#include <fstream>

#include "core/file_system.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::core;
namespace fs = std::filesystem;

namespace {

struct Bench {
    test::TempFolder folder;
    Loop loop;
    test::FakeClock clock;
    std::unique_ptr<FileWatch> watch;
    int changed = 0;
    FileWatch::Looks looks =
        GENERATE(FileWatch::Looks::kAlways, FileWatch::Looks::kInPool, FileWatch::Looks::kIfLinked);

    ~Bench() {
        watch.reset();
        CHECK(loop.close());
        CHECK(clock.idle());
    }
    std::string path(const std::string& name) const { return folder / name; }
    void put(const std::string& name, const std::string& text) {
        fs::create_directories(fs::path(path(name)).parent_path());
        REQUIRE(write_file(path(name), as_bytes(text), 0600, false));
    }
    /// As kubelet does: a new link is renamed over the old one.
    void link(const std::string& target, const std::string& name) {
        fs::create_symlink(target, path(name + ".new"));
        fs::rename(path(name + ".new"), path(name));
    }
    void start(const std::string& name) {
        watch = std::make_unique<FileWatch>(loop, clock, path(name), looks);
        watch->start([this] { ++changed; });
    }
    /// Within a second.
    int seen() {
        changed = 0;
        for (int i = 0; i < 10; ++i) {
            clock.advance(kSecond / 10);
            while (loop.raw()->active_reqs.count > 0)
                loop.run_once();
            loop.poll();
        }
        return changed;
    }
};

}  // namespace

TEST_CASE("file watch: a change through any link in the path is noticed within a second", "[file_watch]") {
    Bench b;
    b.put("..1/file", "one");
    b.put("..2/file", "two");
    b.put("elsewhere/real", "real");
    b.link("..1", "..data");
    b.link("..data/file", "file");
    b.link(".", "way");
    const std::string place = GENERATE("file", "way/file", "..data/file");
    b.start(place);
    CHECK(b.seen() == 0);
    b.link("..2", "..data");
    CHECK(b.seen() == 1);
    CHECK(b.seen() == 0);
    if (place == "..data/file") return;
    b.link("elsewhere/real", "file");
    CHECK(b.seen() == 1);
    b.put("elsewhere/real", "other");
    CHECK(b.seen() == 1);
}

TEST_CASE("file watch: replaced, rewritten, removed, made, and its folder replaced", "[file_watch]") {
    Bench b;
    b.put("folder/file", "one");
    b.start("folder/file");
    b.put("folder/file", "two");
    CHECK(b.seen() == 1);
    std::ofstream(b.path("folder/file"), std::ios::app) << "more";
    CHECK(b.seen() == 1);
    fs::remove(b.path("folder/file"));
    CHECK(b.seen() == 1);
    b.put("folder/file", "three");
    CHECK(b.seen() == 1);
    b.put("other/file", "four");
    fs::rename(b.path("folder"), b.path("old"));
    fs::rename(b.path("other"), b.path("folder"));
    CHECK(b.seen() == 1);
    b.watch->stop();
    b.put("folder/file", "five");
    CHECK(b.seen() == 0);
}

TEST_CASE("file watch: a rename in the folder is noticed at once", "[file_watch]") {
    Bench b;
    b.put("file", "one");
    b.start("file");
    b.put("file", "two");
    for (int i = 0; i < 1000 && b.changed == 0; ++i)
        b.loop.poll();  // the clock stands still
    CHECK(b.changed == 1);
}

TEST_CASE("file watch: where no link is in the path an idle program does not wake up", "[file_watch]") {
    test::TempFolder folder;
    test::FakeClock clock;
    Loop loop;
    const std::string real = fs::canonical(folder.path()).string();
    REQUIRE(write_file(real + "/plan", as_bytes("1"), 0600, false));
    {
        FileWatch watch(loop, clock, real + "/plan", FileWatch::Looks::kIfLinked);
        int changed = 0;
        watch.start([&] { ++changed; });
        CHECK(clock.idle());
        // A link takes the file's place: from then on its target is looked at.
        REQUIRE(write_file(real + "/other", as_bytes("2"), 0600, false));
        fs::create_symlink("other", real + "/new");
        fs::rename(real + "/new", real + "/plan");
        for (int i = 0; i < 100 && changed == 0; ++i)
            loop.poll();
        CHECK(changed == 1);
        CHECK_FALSE(clock.idle());
    }
    CHECK(loop.close());
}

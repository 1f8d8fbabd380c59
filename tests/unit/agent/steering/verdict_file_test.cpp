// SPDX-License-Identifier: Apache-2.0
// The file of the verdicts: when it is written, and that it is never half of one.
#include "agent/steering/verdict_file.h"

#include <sys/stat.h>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using agent::VerdictFile;
using core::kSecond;

namespace {

struct Saved {
    test::TempFolder folder;
    core::Loop loop;
    test::FakeClock clock;
    std::string path = folder / "verdicts.json";
    std::string content = "one";
    int asked = 0;
    std::vector<std::string> events;
    std::unique_ptr<VerdictFile> file;

    Saved() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { events.emplace_back(event); });
        file = std::make_unique<VerdictFile>(loop, clock, path, [this] {
            ++asked;
            return content;
        });
    }
    ~Saved() {
        file.reset();
        CHECK(loop.close());
        core::capture_log({});
    }
    /// Whatever is in the pool ends.
    void settle() { loop.run(); }
    std::string on_disk() const { return core::read_file(path, 1 << 20).value_or("none"); }
};

}  // namespace

TEST_CASE("verdict file: a change is written at once, more of them every two seconds at most", "[verdict_file]") {
    Saved s;
    s.file->changed();
    s.settle();
    CHECK(s.on_disk() == "none");  // before the start is done nothing is overwritten
    s.file->keep(100 * kSecond);
    s.file->changed();
    s.settle();
    CHECK(s.on_disk() == "one");
    for (int i = 0; i < 19; ++i) {
        s.content = "change " + std::to_string(i);
        s.file->changed();
        s.clock.advance(kSecond / 10);
        s.settle();
    }
    CHECK(s.on_disk() == "one");
    s.clock.advance(kSecond / 10);
    s.settle();
    CHECK(s.on_disk() == "change 18");
    CHECK(s.asked == 2);
    s.clock.advance(10 * kSecond);
    s.settle();
    CHECK(s.asked == 2);
    struct stat st {};
    REQUIRE(::stat(s.path.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
}

TEST_CASE("verdict file: an unchanged verdict is rewritten so that it stays recent", "[verdict_file]") {
    Saved s;
    s.file->keep(100 * kSecond);
    s.clock.advance(99 * kSecond);
    CHECK(s.asked == 0);
    for (int i = 1; i <= 3; ++i) {
        s.clock.advance(100 * kSecond);
        s.settle();
        CHECK(s.asked == i);
    }
}

TEST_CASE("verdict file: at the end the newest is on disk, whatever is under way", "[verdict_file]") {
    Saved s;
    s.file->keep(100 * kSecond);
    s.file->changed();  // in the pool
    s.content = "two";
    s.file->changed();
    s.content = "three";
    s.file->flush();
    CHECK(s.on_disk() == "three");
    s.settle();
    CHECK(s.on_disk() == "three");
}

TEST_CASE("verdict file: a folder that can't be written is said once, and when it works again", "[verdict_file]") {
    Saved s;
    s.path = s.folder / "missing/verdicts.json";
    s.file = std::make_unique<VerdictFile>(s.loop, s.clock, s.path, [&] { return s.content; });
    s.file->keep(100 * kSecond);
    for (int i = 0; i < 3; ++i) {
        s.file->changed();
        s.settle();
        s.clock.advance(3 * kSecond);
        s.settle();
    }
    REQUIRE(core::make_folders(s.folder / "missing", 0700));
    s.file->changed();
    s.settle();
    CHECK(s.events == std::vector<std::string>{"verdicts_write_failed", "verdicts_write_recovered"});
    s.file->restore([](const std::string& saved) -> core::Result<int> {
        CHECK(saved == "one");
        return 2;
    });
    s.file->restore([](const std::string&) -> core::Result<int> { return 0; });
    s.file->restore([](const std::string&) -> core::Result<int> { return core::fail(core::Code::kFileCorrupt, "no"); });
    CHECK(s.events == std::vector<std::string>{"verdicts_write_failed", "verdicts_write_recovered", "verdicts_restored",
                                               "verdicts_unusable"});
}

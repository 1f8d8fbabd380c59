// SPDX-License-Identifier: Apache-2.0
// The drains on disk: what is written is read again, and what is not of that form is set aside and reported.
#include "agent/steering/drain_file.h"

#include <sys/stat.h>

#include "core/file_system.h"
#include "core/log.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using core::kHour;

namespace {

constexpr core::Micros kNow = 1767323045LL * core::kSecond;

const std::vector<Drain> kTwo{{*DrainTarget::parse("cn-hangzhou-h"), kNow, kNow + kHour, "works \"here\" \xe4\xb8\xad"},
                              {*DrainTarget::parse("fd00::1"), kNow, kNow + 72 * kHour, "", true}};

struct Kept {
    test::TempFolder folder;
    core::Loop loop;
    std::string path = folder / "drains.json";
    std::vector<std::string> events;
    std::unique_ptr<DrainFile> file;

    Kept() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { events.emplace_back(event); });
        again();
    }
    ~Kept() {
        file.reset();
        CHECK(loop.close());
        core::capture_log({});
    }
    void again() { file = std::make_unique<DrainFile>(loop, path); }
    void put(const std::string& text) const { REQUIRE(core::write_file(path, core::as_bytes(text), 0600, false)); }
    std::string content(const char* suffix = "") const {
        return core::read_file(path + suffix, 1 << 20).value_or("none");
    }
};

}  // namespace

TEST_CASE("drain file: what is written is read again", "[drain_file]") {
    Kept k;
    CHECK(k.file->load().empty());
    CHECK(k.events.empty());
    k.file->save(kTwo);
    k.loop.run();
    CHECK(k.file->load() == kTwo);
    struct stat st {};
    REQUIRE(::stat(k.path.c_str(), &st) == 0);
    CHECK((st.st_mode & 0777) == 0600);
    k.file->save({});
    k.loop.run();
    CHECK(k.file->load().empty());
    CHECK(k.file->problem().empty());
    CHECK(k.events.empty());
}

TEST_CASE("drain file: at the end what waits is on disk", "[drain_file]") {
    Kept k;
    k.file->save(kTwo);
    k.file->save({kTwo[0]});
    k.file->save({kTwo[1]});
    k.file->flush();
    CHECK(k.file->load() == std::vector{kTwo[1]});
    k.loop.run();
    CHECK(k.file->load() == std::vector{kTwo[1]});
}

TEST_CASE("drain file: damage, another program's file and a newer version drain nothing, and are kept",
          "[drain_file]") {
    const std::string good = format_drains(kTwo);
    auto newer = good;
    newer.replace(newer.find(":1,"), 3, ":2,");
    for (const std::string& bad :
         {std::string(), std::string("{}"), std::string("\0\0", 2), good.substr(0, good.size() / 2), good + "x", newer,
          std::string(100000, '['), std::string("{\"postern_drains\":1,\n}\n")}) {
        Kept k;
        k.put(bad);
        CHECK(k.file->load().empty());
        CHECK(k.events == std::vector<std::string>{"drains_unusable"});
        CHECK(k.file->problem().find("kept as " + k.path + ".unusable") != std::string::npos);
        CHECK(k.content(".unusable") == bad);
        CHECK(k.content() == "none");
        k.file->save(kTwo);
        k.loop.run();
        CHECK(k.file->problem().empty());
        CHECK(k.events.size() == 1);
    }
}

TEST_CASE("drain file: one byte changed anywhere is noticed, and a right checksum is not enough", "[drain_file]") {
    const std::string good = format_drains(kTwo);
    REQUIRE(parse_drains(good));
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] ^= 1;
        CHECK_FALSE(parse_drains(bad));
    }
    const auto refused = [](std::vector<Drain> drains) { return !parse_drains(format_drains(drains)); };
    Drain one = kTwo[0];
    one.until_wall_us = kNow + 73 * kHour;  // longer than anyone may ask for
    CHECK(refused({one}));
    one.until_wall_us = kNow;
    CHECK(refused({one}));
    one = kTwo[0];
    one.reason = std::string(kMaxDrainReason + 1, 'x');
    CHECK(refused({one}));
    one.reason = "two\nlines";
    CHECK(refused({one}));
    one = kTwo[0];
    one.target.zone = "somewhere else";
    CHECK(refused({one}));
    CHECK(refused(std::vector(kMaxDrains + 1, kTwo[0])));
    CHECK_FALSE(refused(std::vector(kMaxDrains, kTwo[0])));
}

TEST_CASE("drain file: a folder that can't be written is said once, and when it works again", "[drain_file]") {
    Kept k;
    k.path = k.folder / "missing/drains.json";
    k.again();
    for (int i = 0; i < 3; ++i) {
        k.file->save(kTwo);
        k.loop.run();
    }
    CHECK(k.file->problem().find("drains do not outlive the agent") == 0);
    CHECK(k.events == std::vector<std::string>{"drains_write_failed"});
    REQUIRE(core::make_folders(k.folder / "missing", 0700));
    k.file->save(kTwo);
    k.loop.run();
    CHECK(k.file->problem().empty());
    CHECK(k.events == std::vector<std::string>{"drains_write_failed", "drains_write_recovered"});
}

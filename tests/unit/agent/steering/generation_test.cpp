// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/generation.h"

#include <sys/stat.h>

#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

namespace {

constexpr std::uint64_t start(std::uint64_t n) {
    return n << 32;
}

void put(const std::string& path, std::string_view text) {
    REQUIRE(core::write_file(path, core::as_bytes(text), 0600, false));
}

}  // namespace

TEST_CASE("generation: each start is above all that was, and the counter is on disk", "[generation]") {
    const test::TempFolder folder;
    const std::string path = folder / "generation";
    core::Message problem;
    Generation first(path, 0, &problem);
    CHECK(first.current() == start(1));
    CHECK(first.next() == start(1) + 1);
    CHECK(first.next() == start(1) + 2);
    CHECK(Generation(path, 0, &problem).current() == start(2));
    CHECK(Generation(path, start(7) + 12, &problem).current() == start(8));  // a plan from before the counter was lost
    CHECK(Generation(path, 0, &problem).current() == start(9));
    CHECK(core::read_file(path, 64) == "9\n");
    CHECK(problem.empty());
}

TEST_CASE("generation: whatever the file says, a plan of this start is newer than the ones that were seen",
          "[generation]") {
    using namespace std::string_view_literals;
    const test::TempFolder folder;
    const std::string path = folder / "generation";
    for (const auto text : {""sv, "x"sv, "-1"sv, "\0\0"sv, " 9"sv, "0x9"sv, "4294967294"sv, "4294967295"sv,
                            "4294967296"sv, "5000000000"sv, "18446744073709551615"sv, "99999999999999999999"sv}) {
        INFO(text);
        put(path, text);
        core::Message problem;
        Generation generation(path, start(3) + 5, &problem);
        CHECK(generation.current() > start(3) + 5);
        CHECK(generation.next() > start(4));
        CHECK(problem.empty());
        CHECK(Generation(path, 0, &problem).current() > 0);
    }
    put(path, std::string(1000, '9'));
    core::Message problem;
    CHECK(Generation(path, start(3), &problem).current() == start(4));
}

TEST_CASE("generation: a counter that can't be written is a problem, and the numbers go on from what was seen",
          "[generation]") {
    const test::TempFolder folder;
    core::Message problem;
    CHECK(Generation(folder / "none/generation", start(3) + 5, &problem).current() == start(4));
    CHECK_FALSE(problem.empty());
    problem.clear();
    REQUIRE(::mkdir((folder / "folder").c_str(), 0700) == 0);
    CHECK(Generation(folder / "folder", start(3), &problem).current() == start(4));
    CHECK_FALSE(problem.empty());
}

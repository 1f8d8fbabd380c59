// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/path_look.h"

#include <fstream>

#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("path look: other programs read the last look, if it is not old", "[hostdns]") {
    const test::TempFolder folder;
    const std::string path = folder / "host-path.json";
    const core::Micros now = 1'800'000'000 * core::kSecond;
    CHECK(load_path_look(path, now).state == PathState::kUnknown);
    for (const auto& look : {PathLook{PathState::kWorks, "", now}, PathLook{PathState::kFails, "a\"b.example", now}}) {
        REQUIRE(save_path_look(path, look));
        const PathLook read = load_path_look(path, now + kPathLookLasts);
        CHECK(read.state == look.state);
        CHECK(read.name == look.name);
        CHECK(read.wall_us == now);
        CHECK(load_path_look(path, now + kPathLookLasts + core::kSecond).state == PathState::kUnknown);
        CHECK(load_path_look(path, now - 2 * kPathLookLasts).state == PathState::kUnknown);
    }
    for (const char* text : {"", "{", "[]", "null", R"({"state":7,"at":"x"})", R"({"state":"works"})"}) {
        std::ofstream(path) << text;
        CHECK(load_path_look(path, now).state == PathState::kUnknown);
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/steering/state_file.h"

#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using agent::StateFile;

TEST_CASE("state file: of the writes that wait the last is made, and the newest is on disk at the end",
          "[state_file]") {
    const test::TempFolder folder;
    core::Loop loop;
    int written = 0;
    const std::string path = folder / "state";
    const auto on_disk = [&] { return core::read_file(path, 1000).value_or("none"); };
    {
        StateFile file(loop, path, StateFile::Durable::kYes, [&](const core::Result<void>& result) {
            CHECK(result);
            ++written;
        });
        for (int i = 1; i <= 9; ++i)
            file.write(std::to_string(i));
        loop.run();
        CHECK(on_disk() == "9");
        CHECK(written == 2);  // the first at once, then the last
        file.write("in the pool");
        file.write("waits");
        file.write_now("at exit");
        CHECK(on_disk() == "at exit");
        loop.run();
        CHECK(on_disk() == "at exit");
        file.flush();  // nothing waits
        CHECK(on_disk() == "at exit");
        file.write("in the pool");
        file.write("waits");
        file.flush();
        CHECK(on_disk() == "waits");
        file.write("unfinished");
    }
    loop.run();  // the owner has gone
    CHECK(loop.close());
}

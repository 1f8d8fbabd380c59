// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/served.h"

#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("hostdns: names from a file that an ordinary user may write are host names, each once", "[hostdns]") {
    const test::TempFolder folder;
    const std::string path = folder / "fallback-upstreams";
    CHECK(read_served(path).names.empty());
    REQUIRE(core::write_file(
        path, core::as_bytes("upstream 10.0.0.1:53\nname b.lab\nname a.lab\nname b.lab\nname $(reboot)\n"), 0644,
        false));
    const auto served = read_served(path);
    CHECK(served.names == std::vector<std::string>{"a.lab", "b.lab"});
    CHECK(served.upstreams.size() == 1);
    CHECK(safe_names({"x/../y", "db.lab"}) == std::vector<std::string>{"db.lab"});
}

// SPDX-License-Identifier: Apache-2.0
#include "core/resident.h"

#include <fstream>
#include <string>

#include "tests/unit/catch.h"

using namespace postern::core;

namespace {

long resident_code_kib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
    }
    return -1;
}

}  // namespace

TEST_CASE("resident: unused code is dropped from memory, and works when it is called again", "[resident]") {
    const long before = resident_code_kib();
    REQUIRE(before > 0);
    shed_start_up_memory();
    CHECK(resident_code_kib() < before);
    shed_start_up_memory();  // drops the pages of this code as well
}

// SPDX-License-Identifier: Apache-2.0
#include <fstream>

#include "agent/doctor/archive.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: tar reads the archive", "[doctor]") {
    const test::TempFolder folder;
    const std::vector<ArchiveFile> files = {{"a/one.txt", "1\n"},
                                            {"a/block", std::string(512, 'x')},
                                            {"a/empty", ""},
                                            {"a/" + std::string(98, 'n'), "long\n"}};
    const std::string path = folder.path() + "/a.tar.gz";
    std::ofstream(path, std::ios::binary) << tar_gz(files, 1767323045000000);
    REQUIRE(std::system(("tar -C " + folder.path() + " -xzf " + path).c_str()) == 0);
    for (const auto& file : files) {
        std::ifstream in(folder.path() + "/" + file.name, std::ios::binary);
        REQUIRE(in);
        CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == file.content);
    }
    CHECK(tar_gz(files, 0) == tar_gz(files, 0));
}

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <filesystem>

#include "core/file_system.h"
#include "core/folder.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern::core;
using postern::test::TempFolder;
namespace fs = std::filesystem;

namespace {

void put(const std::string& path) {
    REQUIRE(make_folders(folder_of(path), 0700));
    REQUIRE(write_file(path, as_bytes("x"), 0600, false));
}

}  // namespace

TEST_CASE("folder: files, links and whole folders are removed by name", "[folder]") {
    TempFolder temp;
    put(temp / "file");
    put(temp / "tree/a/b/file");
    put(temp / "tree/c");
    put(temp / "stays");
    const auto folder = Folder::open(temp.path());
    REQUIRE(folder);
    CHECK(folder->names() == std::vector<std::string>{"file", "stays", "tree"});
    for (const char* name : {"file", "tree", "nothing"})
        CHECK(folder->remove(name));
    CHECK(folder->names() == std::vector<std::string>{"stays"});
    for (const char* name : {"", ".", "..", "a/b", "../stays"})
        CHECK_FALSE(folder->remove(name));
    CHECK(Folder::open(temp / "nothing").error().code == Code::kFileMissing);
    CHECK_FALSE(Folder::open(temp / "stays"));
}

TEST_CASE("folder: what a link leads to stays, wherever the link is", "[folder]") {
    TempFolder temp, outside;
    put(outside / "folder/kept");
    put(outside / "kept");
    REQUIRE(make_folders(temp / "tree/deep", 0700));
    fs::create_symlink(outside / "kept", temp / "link");
    fs::create_symlink(outside / "folder", temp / "to-folder");
    fs::create_symlink(outside / "folder", temp / "tree/deep/to-folder");
    fs::create_symlink(outside / "nowhere", temp / "dangling");
    const auto folder = Folder::open(temp.path());
    REQUIRE(folder);
    for (const auto& name : folder->names())
        CHECK(folder->remove(name));
    CHECK(folder->names().empty());
    CHECK(fs::exists(outside / "kept"));
    CHECK(fs::exists(outside / "folder/kept"));
}

TEST_CASE("folder: a link in its place is followed for root's and our own alone", "[folder]") {
    TempFolder temp;
    put(temp / "real/file");
    fs::create_symlink(temp / "real", temp / "absolute");
    fs::create_symlink("real", temp / "relative");
    for (const char* name : {"absolute", "relative"}) {
        const auto folder = Folder::open(temp / name);
        REQUIRE(folder);
        CHECK(folder->names() == std::vector<std::string>{"file"});
    }
    if (::geteuid() != 0 || ::lchown((temp / "relative").c_str(), 61234, 61234) != 0) return;
    CHECK(Folder::open(temp / "relative").error().code == Code::kPermission);
}

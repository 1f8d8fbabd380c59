// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>
#include <unistd.h>

#include "agent/fleet/key_file.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

TEST_CASE("key file: written for its owner alone, never over another, read back", "[key_file]") {
    const TempFolder folder;
    const std::string path = folder / "list.key";
    const auto key = SigningKey::make();
    REQUIRE(write_key_file(path, *key));
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 07777) == 0600);
    const auto read = read_key_file(path);
    REQUIRE(read);
    CHECK(read->public_key() == key->public_key());
    const auto again = write_key_file(path, *SigningKey::make());
    REQUIRE_FALSE(again);
    CHECK(again.error().code == Code::kLocked);
    CHECK(read_key_file(path)->public_key() == key->public_key());
    CHECK_FALSE(write_key_file(folder / "none/list.key", *key));
}

TEST_CASE("key file: one that others can read, or that holds no key, is refused", "[key_file]") {
    const TempFolder folder;
    const std::string path = folder / "list.key";
    REQUIRE(write_key_file(path, *SigningKey::make()));
    for (const mode_t mode : {0644, 0604, 0660, 0602, 0620}) {
        ::chmod(path.c_str(), mode);
        const auto read = read_key_file(path);
        REQUIRE_FALSE(read);
        CHECK(read.error().code == Code::kPermission);
    }
    for (const mode_t mode : {0600, 0400, 0640}) {
        ::chmod(path.c_str(), mode);
        CHECK(read_key_file(path));
    }
    ::symlink(path.c_str(), (folder / "link").c_str());
    CHECK_FALSE(read_key_file(folder / "link"));
    CHECK(read_key_file(folder / "none").error().code == Code::kFileMissing);
    CHECK_FALSE(read_key_file(folder.path()));
    for (const std::string& text : {std::string(), std::string("ed25519:AAAA\n"), std::string(5000, 'x')}) {
        REQUIRE(core::write_file(path, core::as_bytes(text), 0600, false));
        CHECK(read_key_file(path).error().code == Code::kConfigBadValue);
    }
}

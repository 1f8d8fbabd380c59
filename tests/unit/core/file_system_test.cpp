// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern::core;
using postern::test::TempFolder;

TEST_CASE("files: a write is atomic, has its mode, and leaves no temporary file", "[files]") {
    TempFolder folder;
    const auto path = folder / "plan";
    REQUIRE(write_file(path, as_bytes("one"), 0640, true));
    REQUIRE(write_file(path, as_bytes("two"), 0640, false));
    CHECK(*read_file(path, 10) == "two");
    struct stat info {};
    REQUIRE(::stat(path.c_str(), &info) == 0);
    CHECK((info.st_mode & 0777) == 0640);
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("files: a file that the group can read has the group of its folder", "[files]") {
    if (::geteuid() != 0) return;  // only root may change the group
    TempFolder folder;
    constexpr gid_t kGroup = 61234;
    if (::chown(folder.path().c_str(), static_cast<uid_t>(-1), kGroup) != 0)
        return;  // not mapped in this user namespace
    const auto group_of = [&](const char* name, mode_t mode) {
        struct stat info {};
        REQUIRE(write_file(folder / name, as_bytes("x"), mode, false));
        REQUIRE(::stat((folder / name).c_str(), &info) == 0);
        CHECK((info.st_mode & 07777) == mode);
        return info.st_gid;
    };
    CHECK(group_of("plan", 0640) == kGroup);
    CHECK(group_of("secret", 0600) == ::getegid());
}

TEST_CASE("files: a write that fails keeps the old file", "[files]") {
    TempFolder folder;
    const auto path = folder / "plan";
    REQUIRE(write_file(path, as_bytes("old"), 0640, false));
    // A file size limit makes the write fail as on a full disk; in a child, because the limit is per process.
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{4096, 4096};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        const auto written = write_file(path, Bytes(100000, 'x'), 0640, false);
        _exit(!written && written.error().code == Code::kFileWrite ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(*read_file(path, 10) == "old");
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("files: reads are bounded, and errors have their code", "[files]") {
    TempFolder folder;
    CHECK(read_file(folder / "none", 10).error().code == Code::kFileMissing);
    REQUIRE(write_file(folder / "big", as_bytes("12345678901"), 0600, false));
    CHECK(read_file(folder / "big", 10).error().code == Code::kTooLarge);
    CHECK_FALSE(read_file(folder.path(), 10));
}

TEST_CASE("files: folders are created once, and a file with that name is an error", "[files]") {
    TempFolder folder;
    CHECK(make_folders(folder / "a/b/c", 0750));
    CHECK(make_folders(folder / "a/b/c", 0750));
    REQUIRE(write_file(folder / "file", as_bytes("x"), 0600, false));
    CHECK_FALSE(make_folders(folder / "file", 0750));
    CHECK(folder_of("/a/b/c") == "/a/b");
    CHECK(folder_of("/a") == "/");
    CHECK(folder_of("a") == ".");
}

TEST_CASE("files: a lock is held by one process, which is named, and ends with it", "[files]") {
    TempFolder folder;
    const auto path = folder / "agent.lock";
    CHECK(LockFile::holder(path) == 0);
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const auto lock = LockFile::acquire(path);
        [[maybe_unused]] const auto n = ::write(ready[1], lock ? "y" : "n", 1);
        ::pause();
        _exit(0);
    }
    char answer = 0;
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    CHECK(answer == 'y');
    CHECK(LockFile::holder(path) == child);
    const auto second = LockFile::acquire(path);
    REQUIRE_FALSE(second);
    CHECK(second.error().code == Code::kLocked);
    CHECK(second.error().what.find(std::to_string(child)) != std::string::npos);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    CHECK(LockFile::holder(path) == 0);
    CHECK(LockFile::acquire(path));
    ::close(ready[0]);
    ::close(ready[1]);
}

// SPDX-License-Identifier: Apache-2.0
#include <sys/xattr.h>

#include <algorithm>

#include "agent/hostdns/host_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("hostdns: a path of the real host becomes exactly the given state", "[hostdns]") {
    test::TempFolder folder;
    const auto host = HostSystem::real();
    const std::string path = folder / "resolv.conf";
    CHECK(host->look(path)->kind == FileState::Kind::kAbsent);

    FileState file = FileState::file(std::string("a\0b\n\xff", 5));
    file.mode = 0640;
    file.uid = ::geteuid();
    file.gid = ::getegid();
    REQUIRE(host->put(path, file));
    CHECK(host->look(path)->content == file.content);
    CHECK(host->look(path)->mode == 0640);
    CHECK(host->list(folder.path()) == std::vector<std::string>{"resolv.conf"});  // no temporary file

    FileState link = file;
    link.kind = FileState::Kind::kLink;
    link.content = "../run/nowhere";
    REQUIRE(host->put(path, link));
    CHECK(host->look(path)->kind == FileState::Kind::kLink);
    CHECK(host->look(path)->content == "../run/nowhere");
    CHECK_FALSE(host->read(path));
    REQUIRE(host->put(path, file));
    CHECK(host->look(path)->kind == FileState::Kind::kFile);
    REQUIRE(host->put(path, FileState{}));
    REQUIRE(host->put(path, FileState{}));
    CHECK(host->look(path)->kind == FileState::Kind::kAbsent);
    CHECK(host->list(folder.path()).empty());
    CHECK_FALSE(host->put("/proc/self/nowhere/file", file));
}

TEST_CASE("hostdns: a file or link that is replaced keeps its SELinux label, or gets the one of the state",
          "[hostdns]") {
    test::TempFolder folder;
    const auto host = HostSystem::real();
    const std::string path = folder / "resolv.conf";
    const std::string net_conf = "system_u:object_r:net_conf_t:s0", other = "system_u:object_r:etc_t:s0";
    FileState file = FileState::file("nameserver 10.0.0.1\n");
    file.uid = ::geteuid();
    file.gid = ::getegid();
    FileState link = file;
    link.kind = FileState::Kind::kLink;
    link.content = "../run/resolv.conf";
    for (const FileState& first : {file, link}) {
        for (FileState then : {file, link}) {
            REQUIRE(host->put(path, FileState{}));
            REQUIRE(host->put(path, first));
            if (::lsetxattr(path.c_str(), "security.selinux", net_conf.data(), net_conf.size(), 0) != 0)
                return;  // root's
            REQUIRE(host->put(path, then));
            CHECK(host->look(path)->selinux == net_conf);
            then.selinux = other;
            REQUIRE(host->put(path, then));
            CHECK(host->look(path)->selinux == other);
        }
    }
}

TEST_CASE("hostdns: commands are run without our environment, and their own end counts", "[hostdns]") {
    const auto host = HostSystem::real();
    ::setenv("POSTERN_TEST_SECRET", "x", 1);
    CHECK(host->ask({"sh", "-c", "echo \"[$POSTERN_TEST_SECRET]\"; echo err >&2; exit 3"}).output == "[]\nerr\n");
    CHECK(host->ask({"sh", "-c", "exit 3"}).exit == 3);
    CHECK(host->ask({"no-such-program-of-postern"}).exit == 127);
    CHECK(host->act({"cat"}, "input\n").output == "input\n");
    CHECK(host->ask({"sh", "-c", "kill -9 $$"}).exit == 128 + 9);
    // What a daemon does with our pipe is its affair: waiting for it would end after 20 s, as late.
    CHECK(host->ask({"sh", "-c", "sleep 25 & echo done"}).exit == 0);
    ::unsetenv("POSTERN_TEST_SECRET");
}

TEST_CASE("hostdns: the addresses of the real host", "[hostdns]") {
    const auto addresses = HostSystem::real()->addresses();
    CHECK(std::find(addresses.begin(), addresses.end(), *core::IpAddress::parse("127.0.0.1")) != addresses.end());
}

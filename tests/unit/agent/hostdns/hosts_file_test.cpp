// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/hosts_file.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern::agent;

TEST_CASE("hostdns: /etc/hosts lines that shadow or reverse a private name", "[hostdns]") {
    const auto found = hosts_findings(
        "127.0.0.1 localhost\n# 10.0.0.9 db.private.lab\n10.0.0.5\tother DB.Private.Lab. # since 2024\n"
        "db.private.lab 10.0.0.5\n::1 localhost\nxdb.private.lab 10.0.0.5\n10.0.0.7 db.private.lab.example\n",
        {"db.private.lab"});
    REQUIRE(found.size() == 2);
    CHECK(found[0].line == 3);
    CHECK_FALSE(found[0].reversed);
    CHECK(found[0].what().find("takes precedence over DNS") != std::string::npos);
    CHECK(found[0].text == "10.0.0.5\tother DB.Private.Lab.");  // without the comment
    CHECK(found[1].line == 4);
    CHECK(found[1].reversed);
    CHECK(hosts_findings("10.0.0.5 db.private.lab\n", {}).empty());
}

TEST_CASE("hostdns: the printed repairs of hosts lines work in any order, twice, and leave other names", "[hostdns]") {
    const std::string before =
        "127.0.0.1 localhost\n10.9.9.9 db.private.lab web # kept: 密码\n  10.9.9.9\tDB.private.lab.\n"
        "10.9.9.9 a db.private.lab db.private.lab b\n10.9.9.9 xdb.private.lab\n10.9.9.99 db2.private.lab db.private.lab\n"
        "10.9.9.9 x#db.private.lab\ndb.private.lab 10.9.9.9\nfd00::9 db2.private.lab\n";
    const std::vector<std::string> names = {"db.private.lab", "db2.private.lab"};
    std::vector<std::string> commands;
    for (const auto& line : hosts_findings(before, names))
        commands.push_back(line.fix());
    REQUIRE(commands.size() == 6);
    const auto repaired = [&](const std::vector<std::string>& some) {
        const postern::test::TempFolder folder;
        const std::string path = folder / "hosts";
        std::ofstream(path) << before;
        for (std::string command : some) {
            const auto at = command.rfind("/etc/hosts");
            REQUIRE(at != std::string::npos);
            command.replace(at, 10, path);
            REQUIRE(std::system(command.c_str()) == 0);
        }
        std::ifstream file(path);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const std::string after = repaired(commands);
    CHECK(
        after ==
        "127.0.0.1 localhost\n# postern: 10.9.9.9 db.private.lab web # kept: 密码\n10.9.9.9 web\n"
        "# postern:   10.9.9.9\tDB.private.lab.\n# postern: 10.9.9.9 a db.private.lab db.private.lab b\n10.9.9.9 a b\n"
        "10.9.9.9 xdb.private.lab\n# postern: 10.9.9.99 db2.private.lab db.private.lab\n10.9.9.99 db.private.lab\n"
        "10.9.9.9 x#db.private.lab\n# postern: db.private.lab 10.9.9.9\n# postern: fd00::9 db2.private.lab\n");
    std::vector<std::string> reversed(commands.rbegin(), commands.rend());
    CHECK(repaired(reversed) == after);
    std::vector<std::string> twice = commands;
    twice.insert(twice.end(), commands.begin(), commands.end());
    CHECK(repaired(twice) == after);
}

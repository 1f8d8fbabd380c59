// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/hosts_file.h"

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("hostdns: /etc/hosts lines that shadow or reverse a private name", "[hostdns]") {
    const auto found = hosts_findings(
        "127.0.0.1 localhost\n# 10.0.0.9 db.private.lab\n10.0.0.5\tother DB.Private.Lab. # since 2024\n"
        "db.private.lab 10.0.0.5\n::1 localhost\nxdb.private.lab 10.0.0.5\n10.0.0.7 db.private.lab.example\n",
        {"db.private.lab"});
    REQUIRE(found.size() == 2);
    CHECK(found[0].line == 3);
    CHECK_FALSE(found[0].reversed);
    CHECK(found[0].what().find("wins over every resolver") != std::string::npos);
    CHECK(found[0].fix() == "sed -i '3d' /etc/hosts");
    CHECK(found[1].line == 4);
    CHECK(found[1].reversed);
    CHECK(hosts_findings("10.0.0.5 db.private.lab\n", {}).empty());
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/java_cache.h"

#include "tests/unit/catch.h"

namespace postern::agent::doctor {

TEST_CASE("doctor: JVMs that keep addresses for ever", "[doctor]") {
    struct Row {
        std::vector<std::string> command;
        const char *security, *own, *keeps;
    };
    const Row kRows[] = {
        {{"java"}, "", "", ""},
        {{"java"}, "networkaddress.cache.ttl=-1\n", "", "networkaddress.cache.ttl=-1"},
        {{"java"}, "networkaddress.cache.ttl = -1\n", "", "networkaddress.cache.ttl=-1"},
        {{"java"}, "  networkaddress.cache.ttl: -1  \r\n", "", "networkaddress.cache.ttl=-1"},
        {{"java"}, "networkaddress.cache.ttl\t-2\n", "", "networkaddress.cache.ttl=-2"},
        {{"java"}, "networkaddress.cache.ttl=\\\n  -1\n", "", "networkaddress.cache.ttl=-1"},
        {{"java"}, "#networkaddress.cache.ttl=-1\n", "", ""},
        {{"java"}, "! networkaddress.cache.ttl=-1\n", "", ""},
        {{"java"}, "networkaddress.cache.ttl.x=-1\n", "", ""},
        {{"java"}, "networkaddress.cache.negative.ttl=-1\n", "", ""},
        {{"java"}, "networkaddress.cache.ttl=-1\nnetworkaddress.cache.ttl=30\n", "", ""},
        {{"java"}, "networkaddress.cache.ttl=-1\n", "networkaddress.cache.ttl=5\n", ""},
        {{"java"}, "networkaddress.cache.ttl=-1", "", "networkaddress.cache.ttl=-1"},
        {{"java", "-Dsun.net.inetaddr.ttl=-1"}, "", "", "-Dsun.net.inetaddr.ttl=-1"},
        {{"java", "-Dsun.net.inetaddr.ttl=10"}, "", "", ""},
        {{"java", "-Dsun.net.inetaddr.ttl=-1"}, "networkaddress.cache.ttl=30\n", "", ""},
        {{"java", "-Dsun.net.inetaddr.ttl=10"}, "networkaddress.cache.ttl=-1\n", "", "networkaddress.cache.ttl=-1"},
        {{"java", "-Dnetworkaddress.cache.ttl=-1"}, "", "", ""},  // it is no system property
        {{"java", "-Djava.security.manager"}, "", "", "-Djava.security.manager"},
        {{"java", "-Djava.security.manager=disallow"}, "", "", ""},
        {{"java", "-Djava.security.manager"}, "networkaddress.cache.ttl=30\n", "", ""},
        {{"java"}, "networkaddress.cache.ttl=forever\n", "", ""},
    };
    for (const Row& row : kRows) {
        INFO(row.security << row.own);
        CHECK(keeps_for_ever(row.command, row.security, row.own) == row.keeps);
    }
    CHECK(own_security_file({"java", "-Djava.security.properties=/x"}) == "/x");
    CHECK(own_security_file({"java", "-Djava.security.properties==file:/x"}) == "/x");
    CHECK(own_security_file({"java"}).empty());
    CHECK(security_files("/j") == std::vector<std::string>{"/j/conf/security/java.security",
                                                           "/j/lib/security/java.security",
                                                           "/j/jre/lib/security/java.security"});
}

}  // namespace postern::agent::doctor

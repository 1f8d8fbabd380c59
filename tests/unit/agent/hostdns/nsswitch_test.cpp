// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/nsswitch.h"

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("hostdns: which hosts lines of nsswitch.conf lead to DNS", "[hostdns]") {
    struct Row {
        const char* text;
        bool with_resolved, without;
        const char* name = "gw-private.cloud.example.com";
    };
    const Row kRows[] = {
        {"hosts: files dns\n", true, true},
        {"hosts:files dns\n", true, true},
        {"  Hosts :\tfiles dns # resolve\n", true, true},
        {"", true, true},
        {"passwd: files\n", true, true},
        {"# hosts: files\n", true, true},
        {"hosts:\n", true, true},
        {"hosts: files\n", false, false},
        {"hosts: files # dns\n", false, false},
        {"hosts: files myhostname\n", false, false},
        {"hosts: files [NOTFOUND=return] dns\n", false, false},
        {"hosts: files[notfound=RETURN]dns\n", false, false},
        {"hosts: files [ !SUCCESS=return ] dns\n", false, false},
        {"hosts: files [SUCCESS=return] dns\n", true, true},
        {"hosts: files [NOTFOUND=return NOTFOUND=continue] dns\n", true, true},
        {"hosts: files [UNAVAIL=return] dns\n", true, true},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns\n", true, true},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns\n", false, false, "gw.corp.local"},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns\n", false, false, "gw.corp.local."},
        {"hosts: files resolve\n", true, false},
        {"hosts: files resolve [!UNAVAIL=return] dns\n", true, true},
        {"hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns\n", true, true},
        {"hosts: files resolve [UNAVAIL=return] dns\n", true, false},
        {"hosts: files myhostname [NOTFOUND=return] dns\n", false, false},
        {"hosts: files sss [NOTFOUND=return] dns\n", true, true},  // what sss says is not known
        {"hosts: dns files\n", true, true},
        {"hosts: files\nhosts: files dns\n", false, false},
    };
    for (const Row& row : kRows) {
        INFO(row.text);
        CHECK(NssHosts::parse(row.text).asks_dns(row.name, true) == row.with_resolved);
        CHECK(NssHosts::parse(row.text).asks_dns(row.name, false) == row.without);
    }
}

TEST_CASE("hostdns: the repaired hosts line asks DNS, and keeps what else is in it", "[hostdns]") {
    const std::pair<const char*, const char*> kRows[] = {
        {"hosts: files\n", "files dns"},
        {"hosts: files [NOTFOUND=return] dns # x\n", "files dns"},
        {"hosts: files mdns4_minimal [NOTFOUND=return] dns\n", "files mdns4_minimal dns"},
        {"hosts: mymachines resolve [!UNAVAIL=return] files\n", "mymachines resolve [!UNAVAIL=return] files dns"},
        {"hosts: files resolve [UNAVAIL=return] dns [!UNAVAIL=return] nis\n",
         "files resolve dns [!UNAVAIL=return] nis"},
    };
    for (const auto& [text, wanted] : kRows) {
        INFO(text);
        const NssHosts hosts = NssHosts::parse(text);
        CHECK(hosts.with_dns() == wanted);
        CHECK(NssHosts::parse("hosts: " + hosts.with_dns()).asks_dns("gw.corp.local", false));
        CHECK(hosts.repair() ==
              std::string("sed -i -E 's/^\\s*hosts\\s*:.*/# postern: &\\nhosts: ") + wanted + "/I' /etc/nsswitch.conf");
    }
    CHECK(NssHosts::parse("hosts: fi;les\n").repair().empty());
}

TEST_CASE("hostdns: whether a line of /etc/hosts wins over DNS", "[hostdns]") {
    const auto wins = [](const char* text, bool resolved) { return NssHosts::parse(text).hosts_file_wins(resolved); };
    CHECK(wins("", false));
    CHECK(wins("hosts: files dns\n", false));
    CHECK_FALSE(wins("hosts: dns files\n", false));
    CHECK_FALSE(wins("hosts: dns\n", true));
    CHECK(wins("hosts: resolve [!UNAVAIL=return] dns files\n", true));
    CHECK_FALSE(wins("hosts: resolve [!UNAVAIL=return] dns files\n", false));
}

TEST_CASE("hostdns: whether resolved is asked before the servers of resolv.conf", "[hostdns]") {
    CHECK(NssHosts::parse("hosts: files resolve dns\n").asks_resolved_first());
    CHECK_FALSE(NssHosts::parse("hosts: files dns resolve\n").asks_resolved_first());
    CHECK_FALSE(NssHosts::parse("hosts: files\n").asks_resolved_first());
    CHECK_FALSE(NssHosts::parse("").asks_resolved_first());
}

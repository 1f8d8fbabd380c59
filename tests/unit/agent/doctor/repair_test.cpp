// SPDX-License-Identifier: Apache-2.0
#include "agent/doctor/repair.h"
#include "agent/hostdns/hosts_file.h"
#include "tests/unit/agent/hostdns/fake_host.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

Finding hosts_line(std::string_view code, int line, std::string text) {
    return found(code, {}, {}, {{"line", std::to_string(line)}, {"name", "gw.test"}, {"text", std::move(text)}});
}

constexpr core::Micros kWhen = 1767323045000000;  // 2026-01-02T03:04:05Z

}  // namespace

TEST_CASE("doctor: --fix plans what dns enable and the hosts file can fix, and nothing else", "[doctor]") {
    const auto dns = [](std::initializer_list<const char*> codes) {
        Findings findings;
        for (const char* code : codes)
            findings.push_back(found(code, {}, {}, {}));
        const Repairs plan = plan_repairs(findings);
        CHECK(plan.hosts.empty());
        const std::string text = text_of(plan, Catalogue::in(Language::kEnglish));
        return plan.dns
                   ? text.substr(text.find("run: ") + 5, text.find('\n', text.find("run: ")) - text.find("run: ") - 5)
                   : text;
    };
    CHECK(dns({"PN-RESOLV-OFF"}) == "postern dns enable");
    CHECK(dns({"PN-RESOLV-CHANGED"}) == "postern dns reapply");
    CHECK(dns({"PN-RESOLV-SECOND"}) == "postern dns enable --mode full");
    CHECK(dns({"PN-RESOLV-ROTATE", "PN-RESOLV-CHANGED", "PN-RESOLV-OFF"}) == "postern dns enable --mode full");
    CHECK(dns({"PN-RESOLV-CHANGED", "PN-RESOLV-OFF"}) == "postern dns enable");
    CHECK(dns({"PN-TLS-NAME", "PN-ENV-PROXY"}).empty());
    CHECK(dns({"PN-RESOLV-NSSWITCH"}).find("repair by hand: PN-RESOLV-NSSWITCH: ") == 0);

    Findings told = {hosts_line("PN-HOSTS-SHADOW", 3, "10.0.0.9 gw.test"),
                     hosts_line("PN-HOSTS-REVERSED", 5, "gw.test 10.0.0.9")};
    told.push_back(told[0]);
    told.back().state = State::kSkip;  // reported as a consequence of another finding
    const Repairs plan = plan_repairs(told);
    CHECK(plan.hosts.size() == 2);
    CHECK_FALSE(plan.dns);
    CHECK(text_of(plan, Catalogue::in(Language::kEnglish)) ==
          "postern would make these repairs:\n"
          "  1. comment out line 3 of /etc/hosts: 10.0.0.9 gw.test\n"
          "  2. comment out line 5 of /etc/hosts: gw.test 10.0.0.9\n");
}

TEST_CASE("doctor: lines of the hosts file become comments, other names stay", "[doctor]") {
    const std::vector<std::string> names = {"gw.test", "other.test"};
    CHECK(
        without_names("1.1.1.1 a\n10.0.0.9 GW.test. db other.test x # c\ngw.test 1.2.3.4\n10.0.0.8 gw.test", names,
                      {2, 3, 4}) ==
        "1.1.1.1 a\n# postern: 10.0.0.9 GW.test. db other.test x # c\n10.0.0.9 db x\n# postern: gw.test 1.2.3.4\n# postern: 10.0.0.8 gw.test");
    CHECK(without_names("10.0.0.9 gw.test\n10.0.0.8 gw.test\n", names, {2}) ==
          "10.0.0.9 gw.test\n# postern: 10.0.0.8 gw.test\n");
    CHECK(without_names("", names, {1}).empty());
    CHECK(hosts_findings(without_names("10.0.0.9 gw.test db\n", names, {1}), names).empty());
}

TEST_CASE("doctor: the hosts file is kept as it was, and keeps its mode", "[doctor]") {
    test::FakeHost host;
    const std::string before = "1.1.1.1 a\n10.0.0.9 gw.test db\n";
    const std::vector<HostsLine> planned = {{2, "gw.test", "10.0.0.9 gw.test db", false}};
    host.with_file("/etc/real-hosts", before, 0640).with_link("/etc/hosts", "/etc/real-hosts");
    SECTION("through a link") {
        const auto kept = fix_hosts(host, planned, {"gw.test"}, kWhen);
        REQUIRE(kept);
        CHECK(*kept == "/etc/real-hosts.postern-20260102-030405");
        CHECK(host.files[*kept].content == before);
        CHECK(host.files["/etc/real-hosts"].content == "1.1.1.1 a\n# postern: 10.0.0.9 gw.test db\n10.0.0.9 db\n");
        CHECK(host.files["/etc/real-hosts"].mode == 0640);
        CHECK(host.files["/etc/hosts"].kind == FileState::Kind::kLink);
    }
    SECTION("not when it has changed") {
        host.files["/etc/real-hosts"].content.insert(0, "2.2.2.2 b\n");
        const auto kept = fix_hosts(host, planned, {"gw.test"}, kWhen);
        REQUIRE_FALSE(kept);
        CHECK(kept.error().what.find("changed meanwhile") != std::string::npos);
        CHECK(host.changes == 0);
    }
    SECTION("not when it is gone") {
        host.files.clear();
        CHECK_FALSE(fix_hosts(host, planned, {"gw.test"}, kWhen));
        CHECK(host.changes == 0);
    }
    SECTION("not when it may not be changed") {
        host.immutable.insert("/etc/real-hosts");
        const auto kept = fix_hosts(host, planned, {"gw.test"}, kWhen);
        REQUIRE_FALSE(kept);
        CHECK(kept.error().hint == "chattr -i /etc/real-hosts");
        CHECK(host.changes == 0);
    }
    SECTION("a power cut leaves one or the other") {
        for (const int change : {1, 2}) {
            test::FakeHost cut = host;
            cut.kill_before = change;
            CHECK_THROWS_AS(fix_hosts(cut, planned, {"gw.test"}, kWhen), test::Killed);
            CHECK(cut.files["/etc/real-hosts"].content == before);
        }
    }
}

}  // namespace postern::agent::doctor

#include <catch2/catch.hpp>

#include "agent/hostdns/hosts_file.h"
#include "agent/hostdns/instance.h"
#include "tests/unit/agent/hostdns/fake_host.h"

using namespace postern;
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

TEST_CASE("hostdns: which machine this is", "[hostdns]") {
    test::FakeHost host;
    CHECK(instance_identity(host).empty());
    host.with_file("/var/lib/cloud/data/instance-id", "i-abc\n")
        .with_file("/sys/class/dmi/id/product_uuid", "U-1\n")
        .with_file("/etc/machine-id", "m1\n");
    CHECK(instance_identity(host) == "cloud-init=i-abc product=U-1 machine=m1");
    struct Row {
        const char *saved, *now;
        bool other;
    };
    for (const Row& row :
         {Row{"", "cloud-init=i-abc", false},
          {"cloud-init=i-abc", "", false},
          {"cloud-init=i-abc machine=m1", "cloud-init=i-def machine=m1", true},
          {"cloud-init=i-abc product=U-1", "cloud-init=i-abc product=U-2", false},  // a resized instance
          {"product=U-1 machine=m1", "cloud-init=i-abc product=U-1 machine=m2", false},
          {"product=U-1", "product=U-2", true},
          {"machine=m1", "machine=m2", true},
          {"machine=m1", "cloud-init=i-abc", false}}) {
        INFO(row.saved << " | " << row.now);
        CHECK(other_machine(row.saved, row.now) == row.other);
    }
}

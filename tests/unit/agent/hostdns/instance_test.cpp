#include <catch2/catch.hpp>

#include "agent/hostdns/instance.h"
#include "tests/unit/agent/hostdns/fake_host.h"

using namespace postern;
using namespace postern::agent;

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

// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/remembered.h"

#include <sys/stat.h>
#include <unistd.h>

#include "agent/discovery/source_key.h"
#include "core/file_system.h"
#include "tests/unit/agent/discovery/snapshot_fixture.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::IpAddress;

namespace {

std::string zones(const std::string& ip) {
    return R"({"RequestId":"R","Zones":[{"ZoneId":"h","ZoneStatus":"Connected","EniIp":")" + ip + R"("}]})";
}

}  // namespace

TEST_CASE("remembered: a link's zones file as it is now, else what was saved of it", "[remembered]") {
    test::TempFolder folder;
    LinkConfig link;
    link.zones_file = folder / "zones.json";
    const auto write = [&](const std::string& text) {
        REQUIRE(core::write_file(link.zones_file, core::as_bytes(text), 0644, false));
    };
    Snapshot saved;
    saved.sources[source_keys(link).at(0)].addresses =
        make_endpoint_set({{*core::IpAddress::parse("10.9.9.9"), "h", ""}});
    const auto known = [&] {
        const RememberedAddresses found = remembered_addresses(saved, Config{}, link);
        return describe(found.addresses) + (found.saved ? ", saved" : "");
    };
    CHECK(known() == "10.9.9.9 (h), saved");  // there is no file
    write(zones("10.0.0.1"));
    CHECK(known() == "10.0.0.1 (h)");
    link.zones = {"h"};
    CHECK(known() == "10.0.0.1 (h)");
    for (const std::string& text :
         {std::string("{"), zones("127.0.0.1"), std::string(R"({"Zones":[],"RequestId":"R"})"),
          std::string(R"({"Zones":[{"ZoneId":"h","ZoneStatus":"Wait","EniIp":"10.0.0.2"}]})"),
          std::string(2 << 20, ' ')}) {
        write(text);
        CHECK(known() == "10.9.9.9 (h), saved");
    }
    REQUIRE(::unlink(link.zones_file.c_str()) == 0);
    REQUIRE(::mkfifo(link.zones_file.c_str(), 0600) == 0);
    CHECK(known() == "10.9.9.9 (h), saved");
    LinkConfig fixed;
    fixed.addresses = {*core::IpAddress::parse("10.1.1.1")};
    CHECK(describe(remembered_addresses(saved, Config{}, fixed).addresses).starts_with("10.1.1.1"));
    CHECK_FALSE(remembered_addresses(saved, Config{}, fixed).saved);
}

TEST_CASE("remembered: a link's addresses from the snapshot alone", "[remembered]") {
    LinkConfig link;
    link.endpoints = {"ep-1", "ep-unknown"};
    CHECK(describe(addresses_from(sample(), link)) == "10.0.0.1 (cn-hangzhou-h)");
    link.zones = {"cn-hangzhou-i"};
    CHECK(addresses_from(sample(), link).empty());
    LinkConfig fixed;
    fixed.addresses = {*IpAddress::parse("10.9.9.9")};
    CHECK(describe(addresses_from(sample(), fixed)) == "10.9.9.9");
}

TEST_CASE("remembered: without a snapshot or a plan nothing is known, and nothing fails", "[remembered]") {
    const TempFolder folder;
    Config config;
    config.agent.state_dir = config.agent.runtime_dir = folder.path();
    const Paths paths = paths_of(config.agent);
    CHECK_FALSE(load_remembered(paths, config).found);
    CHECK(load_remembered(paths, config).snapshot.sources.empty());
    for (const std::string& path : {paths.snapshot, paths.current_plan, paths.durable_plan}) {
        REQUIRE(core::make_folders(core::folder_of(path), 0700));
        REQUIRE(core::write_file(path, core::as_bytes("damaged"), 0600, false));
    }
    CHECK(load_remembered(paths, config).snapshot.sources.empty());
    CHECK(snapshot_from_plans(paths, config).sources.empty());
    REQUIRE(core::write_file(paths.snapshot, core::as_bytes(format_snapshot(sample())), 0600, false));
    CHECK(load_remembered(paths, config).snapshot == sample());
}

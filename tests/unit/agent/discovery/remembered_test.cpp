#include "agent/discovery/remembered.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "agent/discovery/source_key.h"
#include "core/file_system.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;

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
        const RememberedAddresses found = remembered_addresses(saved, link);
        return describe(found.addresses) + (found.saved ? ", saved" : "");
    };
    CHECK(known() == "10.9.9.9 (h), saved");  // there is no file
    write(zones("10.0.0.1"));
    CHECK(known() == "10.0.0.1 (h)");
    link.zones = {"h"};
    CHECK(known() == "10.0.0.1 (h)");
    for (const std::string& text : {std::string("{"), std::string(R"({"Zones":[],"RequestId":"R"})"),
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
    CHECK(describe(remembered_addresses(saved, fixed).addresses).starts_with("10.1.1.1"));
    CHECK_FALSE(remembered_addresses(saved, fixed).saved);
}

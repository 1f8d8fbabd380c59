// SPDX-License-Identifier: Apache-2.0
// Which plan is taken from disk, and what is taken where there is none.
#include "resolver/plan_files.h"

#include <unistd.h>

#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/resolver/plan_kit.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::resolver;

namespace {

std::string file(const test::TempFolder& folder, const std::string& name, const std::string& content) {
    const std::string path = folder / name;
    REQUIRE(core::write_file(path, core::as_bytes(content), 0644, false));
    return path;
}

}  // namespace

TEST_CASE("plans: the valid one with the higher generation is chosen, damaged ones are reported", "[plan]") {
    const test::TempFolder folder;
    const auto write = [&](const char* name, std::uint64_t generation) {
        return file(folder, name, std::string(core::as_text(*core::serialize(test::base_plan(generation)))));
    };
    PlanPaths paths;
    paths.plans = {write("plan", 5), write("durable", 4)};
    std::vector<core::PlanFault> faults;
    const auto refused = [&](const std::string&, core::PlanSource, core::PlanFault f) { faults.push_back(f); };
    CHECK(choose_plan(paths, refused)->source == core::PlanSource::kCurrent);
    write("durable", 6);
    CHECK(choose_plan(paths, refused)->view.generation == 6);
    file(folder, "durable", "junk");
    CHECK(choose_plan(paths, refused)->view.generation == 5);
    CHECK(faults == std::vector{core::PlanFault::kTooShort});
    ::unlink(paths.plans[0].c_str());
    CHECK_FALSE(choose_plan(paths, refused));
}

TEST_CASE("fallback: its own upstreams first, else the host's, never our own address", "[plan]") {
    const test::TempFolder folder;
    const auto conf = file(folder, "resolv.conf", "nameserver 127.0.0.153\nnameserver 192.0.2.9\n");
    const auto fallback = file(folder, "fallback", "listen 127.0.0.153:53\nname db.example\n");
    const auto found = load_fallback(fallback, {folder / "missing", conf}).lists;
    REQUIRE(found.upstreams.size() == 1);
    CHECK(found.upstreams[0].text() == "192.0.2.9:53");
    CHECK(found.names == std::vector<std::string>{"db.example"});
    file(folder, "fallback", "upstream 192.0.2.1\n");
    CHECK(load_fallback(fallback, {conf}).lists.upstreams[0].text() == "192.0.2.1:53");
}

TEST_CASE("plans: of two with one generation the current one is chosen, a damaged one is reported with its place",
          "[plan]") {
    const test::TempFolder folder;
    const std::string bytes(core::as_text(*core::serialize(test::base_plan(5))));
    PlanPaths paths;
    paths.plans = {file(folder, "plan", bytes), file(folder, "durable", bytes)};
    std::vector<std::pair<std::string, core::PlanSource>> refused;
    const auto keep = [&](const std::string& path, core::PlanSource source, core::PlanFault) {
        refused.emplace_back(path, source);
    };
    CHECK(choose_plan(paths, keep)->source == core::PlanSource::kCurrent);
    CHECK(refused.empty());
    file(folder, "plan", "junk");
    CHECK(choose_plan(paths, keep)->source == core::PlanSource::kDurable);
    ::unlink(paths.plans[0].c_str());
    file(folder, "durable", "junk");
    CHECK_FALSE(choose_plan(paths, keep));
    CHECK(refused == std::vector{std::pair{paths.plans[0], core::PlanSource::kCurrent},
                                 std::pair{paths.plans[1], core::PlanSource::kDurable}});
}

TEST_CASE("fallback: upstreams of the host are those of the first of its files that has any", "[plan]") {
    const test::TempFolder folder;
    const auto own = file(folder, "own", "nameserver 127.0.0.153\n");
    const auto first = file(folder, "first", "nameserver 192.0.2.8\n");
    const auto second = file(folder, "second", "nameserver 192.0.2.9\n");
    const auto fallback = file(folder, "fallback", "listen 127.0.0.153:53\nname db.example\n");
    const auto found = load_fallback(fallback, {own, first, second});
    REQUIRE(found.lists.upstreams.size() == 1);
    CHECK(found.lists.upstreams[0].text() == "192.0.2.8:53");
    CHECK(found.known.upstreams.empty());  // not the file's: read again the next time
    CHECK(load_fallback("", {second}).lists.upstreams.at(0).text() == "192.0.2.9:53");
    CHECK(load_fallback(fallback, {own}).lists.upstreams.empty());
    CHECK(host_resolv_confs().size() == 3);
    CHECK(host_resolv_confs().back() == "/etc/resolv.conf");
}

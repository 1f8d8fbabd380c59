// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "agent/hostdns/instance.h"
#include "core/file_system.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
namespace fs = std::filesystem;

namespace {

/// Every file that the programs write below the folders of a configuration that moves both, and what unfinished writes
/// leave; `stays`: on a clone, too.
struct Written {
    const char* name;
    bool stays = false;
};
const Written kState[] = {{"snapshot.json"},
                          {"snapshot.json.previous"},
                          {"snapshot.json.unusable"},
                          {"snapshot.json.tmp-17"},
                          {"snapshot.json.previous.tmp-17"},
                          {"probe.log"},
                          {"probe.log.1"},
                          {"probe.log.6"},
                          {"history"},
                          {"history.unusable"},
                          {"verdicts.json"},
                          {"verdicts.json.tmp-4194304"},
                          {"drains.json"},
                          {"drains.json.unusable"},
                          {"drains.json.tmp-17"},
                          {"last-good.toml"},
                          {"last-good.toml.tmp-17"},
                          {"generation"},
                          {"generation.tmp-17"},
                          {"hostdns.json.tmp-17"},
                          {"hostdns.json.refused", true},
                          {"instance", true},
                          {"instance.tmp-17"},
                          {"plan"},
                          {"plan.tmp-17"},
                          {"fallback-upstreams"},
                          {"fallback-upstreams.tmp-17"}};
const Written kRun[] = {{"plan"},           {"plan.tmp-17"},         {"agent.lock", true}, {"reapply"},
                        {"reapply.tmp-17"}, {"resolver.lock", true}, {"stats", true},      {"stats.tmp-17"},
                        {"queries", true},  {"hostdns.lock", true}};
/// Somebody else's, whatever their names look like.
const char* const kForeign[] = {"postern.toml", "plan.txt",       "snapshot.json.bak", "probe.log.1.gz",
                                "probe.log.",   "myhistory",      "generation2",       "snapshot.json.tmp-x",
                                "notes",        "verdicts.json~", "instance.old"};

/// A machine that was made from the image of another one.
struct Clone {
    Clone() : lab(test::plain_host()) {
        AgentConfig agent;
        agent.state_dir = lab.folder.path();
        agent.runtime_dir = run.path();
        paths = paths_of(agent);
        for (const Written& file : kState)
            put(lab.folder / file.name);
        for (const Written& file : kRun)
            put(run / file.name);
        for (const char* name : kForeign)
            put(lab.folder / name);
        save_instance("cloud-init=i-of-the-image");
        lab.host.with_file("/var/lib/cloud/data/instance-id", "i-of-the-clone\n");
    }
    static void put(const std::string& path) { REQUIRE(core::write_file(path, core::as_bytes("x"), 0600, false)); }
    void save_instance(const std::string& identity) {
        REQUIRE(core::write_file(paths.instance, core::as_bytes(identity + "\n"), 0644, false));
    }
    core::Result<void> discard() {
        auto takeover = lab.takeover();
        return discard_other_machine(lab.host, takeover, paths, lab.hooks().say);
    }
    std::string instance() { return core::read_file(paths.instance, 100).value_or(""); }
    static std::vector<std::string> names_in(const std::string& folder) {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder))
            names.push_back(entry.path().filename());
        std::sort(names.begin(), names.end());
        return names;
    }
    template <class List>
    static std::vector<std::string> kept(const List& list, bool foreign) {
        std::vector<std::string> names;
        for (const Written& file : list) {
            if (file.stays) names.push_back(file.name);
        }
        if (foreign) names.insert(names.end(), std::begin(kForeign), std::end(kForeign));
        std::sort(names.begin(), names.end());
        return names;
    }

    test::Lab lab;
    test::TempFolder run;
    Paths paths;
};

}  // namespace

TEST_CASE("hostdns: which machine this is", "[hostdns]") {
    test::FakeHost host;
    CHECK(instance_identity(host).empty());
    CHECK(cloud_instance(host).empty());
    host.with_file("/var/lib/cloud/data/instance-id", "i-abc\n")
        .with_file("/sys/class/dmi/id/product_uuid", "U-1\n")
        .with_file("/etc/machine-id", "m1\n");
    CHECK(instance_identity(host) == "cloud-init=i-abc product=U-1 machine=m1");
    CHECK(cloud_instance(host) == "i-abc");
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

TEST_CASE("hostdns: of the other machine a clone keeps what the table of paths says, and what is not ours",
          "[hostdns]") {
    Clone clone;
    REQUIRE(clone.lab.enable());
    REQUIRE(clone.discard());
    CHECK(Clone::names_in(clone.lab.folder.path()) == Clone::kept(kState, true));
    CHECK(Clone::names_in(clone.run.path()) == Clone::kept(kRun, false));
    CHECK(clone.instance() == "cloud-init=i-of-the-clone\n");
    CHECK(clone.lab.journal().state == TakeoverState::kOff);
    CHECK(clone.lab.host.files.at("/etc/resolv.conf") == clone.lab.first.at("/etc/resolv.conf"));
    // The second time it is this machine's state.
    Clone::put(clone.paths.snapshot);
    clone.lab.host.ran.clear();
    REQUIRE(clone.discard());
    CHECK(fs::exists(clone.paths.snapshot));
    CHECK(clone.lab.host.ran.empty());
}

TEST_CASE("hostdns: a machine without a name, or seen for the first time, keeps everything", "[hostdns]") {
    for (const char* saved : {"", "cloud-init=i-of-the-clone", "machine=m1"}) {
        INFO(saved);
        Clone clone;
        clone.save_instance(saved);
        const auto before = Clone::names_in(clone.lab.folder.path());
        REQUIRE(clone.discard());
        CHECK(Clone::names_in(clone.lab.folder.path()) == before);
        CHECK(clone.lab.host.ran.empty());
        CHECK(clone.instance() == "cloud-init=i-of-the-clone\n");
    }
}

TEST_CASE("hostdns: folders and links by the names of our files go, what they lead to does not", "[hostdns]") {
    Clone clone;
    test::TempFolder outside;
    Clone::put(outside / "precious");
    REQUIRE(core::make_folders(outside / "folder", 0700));
    Clone::put(outside / "folder/plan");
    for (const char* name : {"snapshot.json", "verdicts.json", "history"})
        REQUIRE(fs::remove(clone.lab.folder / name));
    fs::create_symlink(outside / "precious", clone.lab.folder / "snapshot.json");
    fs::create_directory_symlink(outside / "folder", clone.lab.folder / "verdicts.json");
    REQUIRE(core::make_folders(clone.lab.folder / "history/deep", 0700));
    Clone::put(clone.lab.folder / "history/deep/minutes");
    fs::create_directory_symlink(outside / "folder", clone.lab.folder / "history/link");
    REQUIRE(clone.discard());
    CHECK(Clone::names_in(clone.lab.folder.path()) == Clone::kept(kState, true));
    CHECK(fs::exists(outside / "precious"));
    CHECK(fs::exists(outside / "folder/plan"));
}

TEST_CASE("hostdns: an agent that runs on a clone does not write back what was discarded", "[hostdns]") {
    Clone clone;
    bool killed = false;
    clone.lab.host.on_act = [&](const Argv& argv) {
        const bool agent = argv.back() == "postern.service";
        if (agent && argv[1] == "kill") killed = true;
        if (agent && argv[1] != "kill" && !killed) Clone::put(clone.paths.verdicts);  // as it ends, it saves
    };
    REQUIRE(clone.discard());
    CHECK(killed);
    CHECK_FALSE(fs::exists(clone.paths.verdicts));
    CHECK(clone.lab.host.ran.back() == "systemctl --no-block try-restart postern-resolver.service postern.service");
}

TEST_CASE("hostdns: a clone that can't give the host its DNS back reports it once, and continues from there",
          "[hostdns]") {
    Clone clone;
    REQUIRE(clone.lab.enable());
    clone.lab.host.read_only.insert("/etc");
    CHECK_FALSE(clone.discard());
    CHECK_FALSE(fs::exists(clone.paths.snapshot));
    CHECK(clone.lab.journal().state == TakeoverState::kDisabling);
    // What the agent learns from now on is this machine's.
    Clone::put(clone.paths.snapshot);
    CHECK(clone.discard());
    CHECK(fs::exists(clone.paths.snapshot));
    clone.lab.host.read_only.clear();
    REQUIRE(clone.lab.takeover().recover(false));
    CHECK(clone.lab.host.files.at("/etc/resolv.conf") == clone.lab.first.at("/etc/resolv.conf"));
}

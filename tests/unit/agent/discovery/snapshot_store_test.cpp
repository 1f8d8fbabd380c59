// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/snapshot_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/bytes.h"
#include "core/file_system.h"
#include "tests/unit/agent/discovery/snapshot_fixture.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

struct Folder {
    Folder() {
        char name[] = "/tmp/postern-snapshot-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~Folder() {
        for (const char* file : {"/snapshot.json", "/snapshot.json.previous", "/snapshot.json.unusable"})
            ::unlink((path + file).c_str());
        ::chmod(path.c_str(), 0700);
        ::rmdir(path.c_str());
    }
    std::string file() const { return path + "/snapshot.json"; }
    void put(const std::string& name, const std::string& text) const {
        REQUIRE(core::write_file(path + name, core::as_bytes(text), 0600, false));
    }
    std::string path;
};

}  // namespace

TEST_CASE("snapshot: the store writes off the loop, keeps the generation before, and falls back to it", "[snapshot]") {
    Folder folder;
    core::Loop loop;
    {
        SnapshotStore store(loop, folder.file());
        CHECK_FALSE(store.load().found);
        CHECK(store.load().problems.empty());
        for (int n = 1; n <= 5; ++n)
            store.save(sample(n));
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(5));
        store.save(sample(6));
        store.flush();
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(6));
        CHECK(store.problem().empty());
        struct stat info {};
        REQUIRE(::stat(folder.file().c_str(), &info) == 0);
        CHECK((info.st_mode & 0777) == 0600);
    }
    folder.put("/snapshot.json", "{\"postern_snapshot\":1,\"crc64\":\"00\",\"bytes\":3,\"snapshot\":\nabc}\n");
    {
        SnapshotStore store(loop, folder.file());
        const auto loaded = store.load();
        CHECK(loaded.found);
        CHECK(loaded.from_previous);
        CHECK(loaded.snapshot == sample(5));
        REQUIRE(loaded.problems.size() == 1);
        CHECK(loaded.problems[0].what == folder.file() + ": the snapshot is damaged: its checksum is wrong");
        store.save(sample(7));  // must not push the damaged file over the good generation before
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(7));
        folder.put("/snapshot.json", "gone bad again");
        CHECK(load_snapshot(folder.file()).snapshot == sample(5));
    }
    CHECK(loop.close());
}

TEST_CASE("snapshot: the first one, too, survives damage to its file", "[snapshot]") {
    Folder folder;
    core::Loop loop;
    {
        SnapshotStore store(loop, folder.file());
        Snapshot empty = sample(0);  // before the first answer: nothing to fall back to
        empty.sources.clear();
        store.save(empty);
        run_until(loop, [&] { return store.idle(); });
        store.save(sample(1));
        run_until(loop, [&] { return store.idle(); });
        core::UniqueFd fd(::open(folder.file().c_str(),
                                 O_WRONLY | O_TRUNC | O_CLOEXEC));  // in place: two names of one file would not do
        REQUIRE(fd);
        const auto loaded = load_snapshot(folder.file());
        CHECK(loaded.found);
        CHECK(loaded.snapshot == sample(1));
        store.save(sample(2));
        store.save(sample(3));
        run_until(loop, [&] { return store.idle(); });
        CHECK(load_snapshot(folder.file()).snapshot == sample(3));
    }
    CHECK(loop.close());
}

TEST_CASE("snapshot: a folder that can't be written is reported once and recovers", "[snapshot]") {
    Folder folder;
    core::Loop loop;
    {
        SnapshotStore store(loop, folder.path + "/missing/snapshot.json");
        store.save(sample());
        run_until(loop, [&] { return store.idle(); });
        CHECK(store.problem().find("/missing/snapshot.json") != std::string::npos);
    }
    {
        // Destroyed with a write under way.
        auto store = std::make_unique<SnapshotStore>(loop, folder.file());
        store->save(sample());
        store.reset();
    }
    CHECK(loop.close());
}

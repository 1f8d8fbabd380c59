// SPDX-License-Identifier: Apache-2.0
// Saved replies of ListVpcEndpointZones as a source of addresses: a file that one writer distributes to many hosts.
// Read in libuv's pool (it may be on a network file system); its path is watched, so that replacing it, rewriting
// it and exchanging a link are noticed. Owned by DiscoverySources, loop thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/discovery/snapshot_store.h"
#include "agent/endpoint/provider.h"
#include "core/clock.h"
#include "core/file_watch.h"
#include "core/loop.h"

namespace postern::agent {

class ZonesFiles {
  public:
    /// `loop` null (simulations): files are read inside the call and not watched.
    ZonesFiles(core::Clock& clock, core::Loop* loop);
    /// No callback runs after it.
    ~ZonesFiles();

    /// The file's report, at most 1 MiB of it. While it is being rewritten in place: the previous report. `done` replaces
    /// that of a read under way.
    void read(const std::string& path, Provider::Callback done);
    /// The same inside the call, for a program without a loop.
    static core::Result<EndpointReport> read_now(const std::string& path);
    /// The file is no longer in use.
    void forget(const std::string& path) { files_.erase(path); }
    /// A file that was read before may have changed.
    std::function<void(const std::string& path)> changed = [](const std::string&) {};

  private:
    /// Identifies a state of the file.
    struct State {
        ino_t inode = 0;
        off_t size = 0;
        core::Micros changed_wall_us = 0;
        bool operator==(const State&) const = default;
    };
    struct Known {
        State state;
        core::Micros read_wall_us = 0;
        EndpointReport report;
    };
    struct File {
        std::optional<Known> known;
        std::optional<core::Error> problem;  // why its latest state could not be used
        std::unique_ptr<core::FileWatch> watch;
        std::weak_ptr<Provider::Callback> reading;  // one at a time: a file system that hangs takes one thread
    };
    struct Job {
        std::optional<State> state;
        core::Result<EndpointReport> report;
    };
    static Job look(const std::string& path, const std::optional<Known>& known);
    core::Result<EndpointReport> judge(File& file, Job job) const;
    File& watched(const std::string& path);

    core::Clock& clock_;
    core::Loop* loop_;
    std::map<std::string, File> files_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A saved reply of ListVpcEndpointZones as a report of a connected endpoint, as old as its WrittenAt says.
core::Result<EndpointReport> parse_zones_file(const std::string& path, std::string_view text);

}  // namespace postern::agent

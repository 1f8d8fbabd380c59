// SPDX-License-Identifier: Apache-2.0
// The last known good discovery on disk: JSON with a version and a checksum, the previous generation beside it as
// PATH.previous. Read once at start; written off the loop thread, atomically. Contains no secret.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/endpoint/provider.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/message.h"

namespace postern::agent {

inline constexpr int kSnapshotVersion = 1;

/// The state of one source of addresses (an endpoint of the API, …), independent of the links that use it.
struct SourceRecord {
    EndpointSet addresses;  // as served, all zones
    EndpointReport report;  // the reply that they came from
    core::Micros confirmed_wall_us = 0;
    core::Micros changed_wall_us = 0;
    bool operator==(const SourceRecord&) const = default;
};

/// The newest list of a fleet that was ever used: an older one must not be, after a restart either.
struct ListSeen {
    std::string fleet;
    std::uint64_t generation = 0;  // 0: none
    core::Micros written_wall_us = 0;
    bool operator==(const ListSeen&) const = default;
};

struct Snapshot {
    std::string region, zone;                     // of this host
    std::map<std::string, SourceRecord> sources;  // by endpoint ID (or "target:NAME", "file:PATH", "find:…")
    // last good addresses of the names that the agent resolves
    std::map<std::string, std::vector<core::IpAddress>> api_hosts;
    ListSeen list;
    core::Micros written_wall_us = 0;
    bool operator==(const Snapshot&) const = default;
};

std::string format_snapshot(const Snapshot& snapshot);
/// kFileCorrupt: distinguishes damage, another program's file and a newer version. Accepts any bytes.
core::Result<Snapshot> parse_snapshot(std::string_view text);

struct LoadedSnapshot {
    Snapshot snapshot;  // empty if neither file was usable
    bool found = false;
    bool from_previous = false;
    bool unusable = false;              // the file that is not the previous one: damaged, or a newer version's
    std::vector<core::Error> problems;  // files that exist but could not be used; for the log and status
};
LoadedSnapshot load_snapshot(const std::string& path);

class SnapshotStore {
  public:
    SnapshotStore(core::Loop& loop, std::string path);
    /// A write in progress finishes; queued writes are lost.
    ~SnapshotStore();

    /// Also decides whether the present file may become the previous generation; one that is damaged or of a newer
    /// version is renamed to PATH.unusable.
    LoadedSnapshot load();
    /// Queues a write; of several queued ones the last is written. Logs snapshot_write_failed once
    /// per distinct reason.
    void save(Snapshot snapshot);
    /// Writes now, on this thread (at exit). No-op if nothing is queued.
    void flush();
    bool idle() const;
    /// Of the last write; "" if it succeeded. For StatusSnapshot::warnings.
    core::Message problem() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent

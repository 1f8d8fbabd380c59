// The last known good discovery on disk: JSON with a version and a checksum, the generation before kept beside it as
// PATH.previous. Read once at start; written off the loop thread, whole or not at all. Holds no secret.
#pragma once

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

namespace postern::agent {

/// What is known of one source of addresses (an endpoint of the API, …), independent of the links that use it.
struct SourceRecord {
    EndpointSet addresses;  // as served, all zones
    EndpointReport report;  // the reply behind it
    core::Micros confirmed_wall_us = 0;
    core::Micros changed_wall_us = 0;
    bool operator==(const SourceRecord&) const = default;
};

struct Snapshot {
    std::string region, zone;                     // of this host
    std::map<std::string, SourceRecord> sources;  // by endpoint ID (or "target:NAME", "file:PATH", "find:…")
    std::map<std::string, std::vector<core::IpAddress>> api_hosts;  // last good addresses of names the agent asks for
    core::Micros written_wall_us = 0;
    bool operator==(const Snapshot&) const = default;
};

inline constexpr std::string_view kTargetPrefix = "target:", kFilePrefix = "file:";

/// The keys in Snapshot::sources that a link reads. Empty for fixed addresses.
std::vector<std::string> source_keys(const LinkConfig& link);
/// Where they come from: "api", "dns", "file" or "fixed".
std::string_view source_kind(const LinkConfig& link);
/// What a link would answer from the snapshot alone (its fixed addresses included), narrowed to its zones.
EndpointSet addresses_from(const Snapshot& snapshot, const LinkConfig& link);

std::string format_snapshot(const Snapshot& snapshot);
/// kFileCorrupt, which says whether it is damage, another program's file or a newer version's. Takes any bytes.
core::Result<Snapshot> parse_snapshot(std::string_view text);

struct LoadedSnapshot {
    Snapshot snapshot;  // empty when neither file served
    bool found = false;
    bool from_previous = false;
    std::vector<core::Error> problems;  // of files that exist and could not be used; for the log and status
};
LoadedSnapshot load_snapshot(const std::string& path);

class SnapshotStore {
  public:
    SnapshotStore(core::Loop& loop, std::string path);
    /// A write under way finishes on its own; what is queued behind it is lost.
    ~SnapshotStore();

    /// Also decides whether the present file is fit to become the previous generation.
    LoadedSnapshot load();
    /// Queues a write; of several queued ones the last is written. Logs snapshot_write_failed once per distinct reason.
    void save(Snapshot snapshot);
    /// Writes now, on this thread (at exit). No-op when nothing is queued.
    void flush();
    bool idle() const;
    /// Of the last write; "" when it worked. For StatusSnapshot::warnings.
    std::string problem() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

}  // namespace postern::agent

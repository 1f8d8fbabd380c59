// SPDX-License-Identifier: Apache-2.0
// Everything that the takeover reads of a host and changes on it: files with all their attributes, processes,
// commands. The real one is HostSystem::real(); tests have a host in memory (tests/unit/agent/hostdns/fake_host.h)
// that can be killed between any two changes.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent {

/// The file at a path; a link is not followed.
struct FileState {
    enum class Kind { kAbsent, kFile, kLink, kOther };
    Kind kind = Kind::kAbsent;
    std::string content;  // a file's bytes, or a link's target
    mode_t mode = 0644;   // permission bits
    uid_t uid = 0;
    gid_t gid = 0;
    std::string selinux;  // its label, "" if there is none

    static FileState file(std::string bytes) { return {Kind::kFile, std::move(bytes), 0644, 0, 0, {}}; }
    bool operator==(const FileState&) const = default;
};

using Argv = std::vector<std::string>;

struct CommandResult {
    int exit = 127;      // 127: no such program; -1: killed after 20 s
    std::string output;  // stdout, then stderr; at most 1 MiB
    bool ok() const { return exit == 0; }
};

class HostSystem {
  public:
    virtual ~HostSystem() = default;
    static std::unique_ptr<HostSystem> real();

    // Facts.
    /// kTooLarge above 1 MiB, kPermission; a missing file is a state, not an error.
    virtual core::Result<FileState> look(const std::string& path) const = 0;
    /// The content, following links; nullopt if it can't be read.
    virtual std::optional<std::string> read(const std::string& path) const = 0;
    /// The final target of links; "" if there is none.
    virtual std::string real_path(const std::string& path) const = 0;
    /// The names in a folder, sorted; empty for a missing folder.
    virtual std::vector<std::string> list(const std::string& folder) const = 0;
    virtual bool program_exists(const std::string& name) const = 0;
    /// By the executable's name as the kernel keeps it (15 characters). A container's processes are not the host's.
    virtual bool process_runs(const std::string& name) const = 0;
    /// False of a container's process: with a PID namespace below ours, another network or another root folder.
    virtual bool is_own(int /*pid*/) const { return true; }
    virtual bool is_mount_point(const std::string& path) const = 0;
    virtual bool is_immutable(const std::string& path) const = 0;  // chattr +i, on the file itself
    virtual bool is_read_only(const std::string& folder) const = 0;
    /// Of its network interfaces.
    virtual std::vector<core::IpAddress> addresses() const = 0;
    /// A command that only reads.
    virtual CommandResult ask(const Argv& argv) const = 0;

    // Changes.
    /// Makes the path exactly `state`: by rename, synced to disk; in place if it is a mount point.
    virtual core::Result<void> put(const std::string& path, const FileState& state) = 0;
    virtual CommandResult act(const Argv& argv, const std::string& input) = 0;
};

/// For tests of power cuts: with POSTERN_HOSTDNS_STOP_AFTER=n, kills this process after its n-th change of the host
/// or its journal.
void maybe_stop_after_change();

}  // namespace postern::agent

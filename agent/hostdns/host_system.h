// Everything that the takeover sees of a host and does to it: files with all that makes them exact, processes, commands.
// The real one is HostSystem::real(); tests have a host in memory (tests/unit/agent/hostdns/fake_host.h) that can be killed
// between any two changes.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent {

/// What lies at a path itself: a link is not followed.
struct FileState {
    enum class Kind { kAbsent, kFile, kLink, kOther };
    Kind kind = Kind::kAbsent;
    std::string content;  // of a file its bytes, of a link its target
    mode_t mode = 0644;   // permission bits
    uid_t uid = 0;
    gid_t gid = 0;
    std::string selinux;  // its label, "" where there is none

    static FileState file(std::string bytes) { return {Kind::kFile, std::move(bytes), 0644, 0, 0, {}}; }
    bool operator==(const FileState&) const = default;
};

using Argv = std::vector<std::string>;

struct CommandResult {
    int exit = 127;      // 127: no such program; -1: it took longer than 20 s and was ended
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
    /// Contents through links; nullopt when it can't be read.
    virtual std::optional<std::string> read(const std::string& path) const = 0;
    /// Where links lead in the end; "" when nowhere.
    virtual std::string real_path(const std::string& path) const = 0;
    /// Names in a folder, sorted; of a missing one none.
    virtual std::vector<std::string> list(const std::string& folder) const = 0;
    virtual bool program_exists(const std::string& name) const = 0;
    /// By the name of its executable as the kernel keeps it (15 letters).
    virtual bool process_runs(const std::string& name) const = 0;
    virtual bool is_mount_point(const std::string& path) const = 0;
    virtual bool is_immutable(const std::string& path) const = 0;  // chattr +i, of the file itself
    virtual bool is_read_only(const std::string& folder) const = 0;
    /// Of its network interfaces.
    virtual std::vector<core::IpAddress> addresses() const = 0;
    /// A command that only looks.
    virtual CommandResult ask(const Argv& argv) const = 0;

    // Changes.
    /// Makes the path exactly `state`: by rename, synced to disk; in place where it is a mount point.
    virtual core::Result<void> put(const std::string& path, const FileState& state) = 0;
    virtual CommandResult act(const Argv& argv, const std::string& input) = 0;
};

/// For tests of power cuts: kills this process behind its n-th change of the host or its journal, where
/// POSTERN_HOSTDNS_STOP_AFTER=n says so.
void maybe_stop_after_change();

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// What systemd would start the agent with: read from the unit's file, its drop-ins, the environment files that they name and
// the manager's default environment. Without systemctl, so that it works in a chroot and says what the next start uses.
// Blocking; for commands.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/message.h"

namespace postern::agent {

struct ServiceUnit {
    std::string path;                      // of the unit's file; "": there is none
    std::vector<std::string> command;      // ExecStart=
    std::string user, group;               // "": root's
    std::vector<std::string> more_groups;  // SupplementaryGroups=
    std::map<std::string, std::string> environment;
    bool hides_homes = false;             // ProtectHome=: /home, /root and /run/user are empty
    bool hides_tmp = false;               // PrivateTmp=: /tmp and /var/tmp are its own
    std::vector<core::Message> not_read;  // "/etc/…: Permission denied": what may change the above

    /// The configuration that it runs with.
    std::string config() const;
    /// The setting that keeps it from a path which others see, "ProtectHome="; "" if none does.
    std::string hides(std::string_view file) const;
};

/// `root`: in front of every path, for tests.
ServiceUnit read_service_unit(const std::string& name, const std::string& root = {});

/// An environment file as systemd reads it: comments, quotes, backslashes; a later line wins.
std::map<std::string, std::string> parse_environment_file(std::string_view text);

}  // namespace postern::agent

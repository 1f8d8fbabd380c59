// SPDX-License-Identifier: Apache-2.0
// The user that a unit's service runs as, with its groups. Blocking; for commands.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "agent/client/service_unit.h"
#include "core/error.h"

namespace postern::agent {

struct ServiceUser {
    uid_t uid = 0;
    gid_t gid = 0;
    std::vector<gid_t> groups;
    std::string name, group;  // numbers where they have no name
    std::string home, shell;  // "" of a user without an account
};

/// By name or number, with the account's own group and no other; root for "". Nullopt if there is no such user.
std::optional<ServiceUser> find_user(const std::string& name);
/// The same with the groups that systemd gives it. kUsage: the unit names a group that is not there.
core::Result<ServiceUser> with_groups(ServiceUser user, const ServiceUnit& unit);
/// This process is that user from now on. From root only; it can't be undone.
core::Result<void> become(const ServiceUser& user);

std::string name_of_user(uid_t uid);
std::string name_of_group(gid_t gid);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// Lets a command look with the eyes of postern.service: with its environment, and from root as its user. Irreversible, for
// a command that does nothing else. Before threads and loops.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/client/service_unit.h"
#include "core/message.h"

namespace postern::agent {

struct ServiceEyes {
    ServiceUnit unit;
    std::string user;                        // of the service
    bool as_user = false;                    // this process is that user now, with its groups
    std::vector<core::Message> not_checked;  // what could not be looked at so, and why

    /// "" or why the service can't read a file that is there: rights, or what the unit hides.
    core::Message cannot_read(const std::string& path) const;
};

/// Nullopt, and nothing is changed, if no postern.service is installed that runs with this configuration.
std::optional<ServiceEyes> look_as_service(const std::string& config);

}  // namespace postern::agent

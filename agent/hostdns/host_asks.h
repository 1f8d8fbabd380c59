// SPDX-License-Identifier: Apache-2.0
// Whether this host's programs ask postern, by the files that they read. Only reads.
#pragma once

#include <string_view>
#include <vector>

#include "agent/hostdns/host_system.h"
#include "agent/hostdns/journal.h"

namespace postern::agent {

struct HostAsks {
    enum class State {
        kUnknown,  // a stub on this host is asked, or nobody; or a container's runtime decides
        kYes,
        kNo,
    };
    State state = State::kUnknown;
    std::vector<core::SocketAddress> servers;  // of kNo: whom it asks
};
std::string_view to_string(HostAsks::State state);  // "yes"

/// `listen`: what postern listens on.
HostAsks whom_host_asks(const HostSystem& host, const std::vector<core::SocketAddress>& listen, const Journal& journal);

}  // namespace postern::agent

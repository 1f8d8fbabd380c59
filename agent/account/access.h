// SPDX-License-Identifier: Apache-2.0
// Whether an endpoint's security groups allow a host, from the cloud's rules. Blocking.
#pragma once

#include <optional>
#include <string>

#include "agent/account/account.h"

namespace postern::agent {

struct EndpointAccess {
    AccessJudgement judgement;
    std::string from;  // the address that was checked; "" if it is not known
};

/// `from` nullopt: this host, with the address that its routes or the metadata service give.
EndpointAccess ask_access(CloudSession& session, EndpointCloud& cloud, const EndpointReport& report,
                          const core::Result<std::vector<AttachedGroup>>& attached,
                          const std::optional<core::IpAddress>& from);

}  // namespace postern::agent

// Whether an endpoint's security groups let a host in, asked of the cloud. Blocking.
#pragma once

#include <optional>
#include <string>

#include "agent/account/account.h"

namespace postern::agent {

struct EndpointAccess {
    AccessJudgement judgement;
    std::string from;  // whose way in was judged; "" when that is not known
};

/// `from`: nothing for this host, as its routes or the metadata service name it.
EndpointAccess ask_access(CloudSession& session, EndpointCloud& cloud, const EndpointReport& report,
                          const core::Result<std::vector<AttachedGroup>>& attached,
                          const std::optional<core::IpAddress>& from);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// Asks a DNS server for a name's addresses: the takeover's own question, which needs no library.
#pragma once

#include <string>

#include "agent/hostdns/takeover.h"

namespace postern::agent {

/// A and, of a name that has some, AAAA; of kLocalName A alone. kUsage for what is not a name, kTimeout, kSocket or
/// kDnsFailed if there is no answer.
core::Result<ListenerAnswer> ask_server(const core::SocketAddress& server, const std::string& name,
                                        core::Micros timeout_us);

}  // namespace postern::agent

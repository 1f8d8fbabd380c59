// SPDX-License-Identifier: Apache-2.0
// One DNS message to a server and the reply with its ID: over UDP, sent again every second, then over TCP if that reply
// is cut. Blocks; for commands and the rescue, needs no library.
#pragma once

#include "core/bytes.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"

namespace postern::core {

struct DnsExchange {
    Bytes reply;  // a header at least
    bool tcp = false;
};

/// kTimeout or kSocket if there is no answer.
Result<DnsExchange> exchange_dns(const SocketAddress& server, const Bytes& query, Micros timeout_us);

}  // namespace postern::core

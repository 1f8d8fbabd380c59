// SPDX-License-Identifier: Apache-2.0
// Whether a silent gateway answers small packets: then large ones are lost on the way.
#pragma once

#include <string>

#include "core/clock.h"
#include "core/ip_address.h"

namespace postern::agent::doctor {

/// A TLS handshake in segments of 536 bytes both ways, which every path carries (IP requires 576). The certificate is
/// not checked, and nothing else is sent. Blocking, `timeout_us` at most.
bool handshake_in_small_packets(const core::SocketAddress& to, const std::string& server_name, core::Micros timeout_us);

}  // namespace postern::agent::doctor

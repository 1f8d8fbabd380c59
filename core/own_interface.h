// SPDX-License-Identifier: Apache-2.0
// The address of the interface that the takeover makes on some hosts: the IPv4 dummy address (RFC 7600), which is on no
// wire. systemd-resolved up to 250 asks there and from there; postern-resolver.socket listens there as well.
#pragma once

namespace postern::core {

inline constexpr const char* kOwnInterface = "192.0.0.8";

}  // namespace postern::core

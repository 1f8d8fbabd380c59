// SPDX-License-Identifier: Apache-2.0
// Names that are answered here with any plan: localhost, invalid, the reverse names of the loopback addresses, and by
// policy test (RFC 6761, RFC 6303), onion (RFC 7686), resolver.arpa (RFC 9462), and version.bind in class CH.
#pragma once

#include <optional>

#include "resolver/response_writer.h"

namespace postern::resolver {

/// The answer for `name` (lower case, class IN) if it is one of these; its bytes are in static storage. With
/// `forward_test` names below "test" are forwarded.
std::optional<Sections> local_answer(ByteView name, std::uint16_t type, bool forward_test);

/// "version.bind" and "version.server": TXT "postern", without a version. REFUSED for all other names.
Sections chaos_answer(ByteView name, std::uint16_t type);

}  // namespace postern::resolver

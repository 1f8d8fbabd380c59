// Names that are answered here whatever the plan says: localhost, invalid, the reverse of the loopback
// addresses, and test by policy (RFC 6761, RFC 6303), onion (RFC 7686), and who we are in class CH.
#pragma once

#include <optional>

#include "resolver/response_writer.h"

namespace postern::resolver {

/// The answer, if the name (lower case, class IN) is such a one. Its bytes live in static storage.
/// `forward_test`: names below "test" are not.
std::optional<Sections> local_answer(ByteView name, std::uint16_t type, bool forward_test);

/// "version.bind" and "version.server": TXT "postern", no version. REFUSED for all else.
Sections chaos_answer(ByteView name, std::uint16_t type);

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
// What is left out of a reply that is larger than its client takes. All shortened forms are the beginning of the whole
// one, so that compression pointers and the offsets of TTLs stay valid. Any thread.
#pragma once

#include "resolver/response_writer.h"

namespace postern::resolver {

/// NSEC and NSEC3 prove what a signed zone does not have. A validating client can't use an answer without its proofs,
/// so they are no extras (RFC 4035 3.1.3).
inline constexpr bool is_proof(std::uint16_t type) {
    return type == kTypeNsec || type == kTypeNsec3;
}

/// `s` without what a reply may leave out and still be complete (RFC 2181 9), as far as it has to go for `room` bytes:
/// first the additional section, then the authority section. The latter stays with proofs in it, and in a reply without
/// answers, where it says that there are none.
Sections without_extras(const Sections& s, std::size_t room);

/// As many whole records from the beginning of `s` as fit into `room` bytes; for a reply with TC.
Sections first_records(const Sections& s, std::size_t room);

}  // namespace postern::resolver

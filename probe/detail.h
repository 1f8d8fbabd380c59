// SPDX-License-Identifier: Apache-2.0
// What a failed attempt expected and what it found, as a message. Any thread.
#pragma once

#include "core/message.h"

namespace postern::probe {

/// "expected a certificate for a, found one for b".
core::Message differs(core::Message expected, core::Message found);
/// The found part of such a message, the whole of another; what the peer said has single blanks.
core::Message found_in(const core::Message& detail);

/// The same, safe to show on one line: excerpt() of what the peer said, and of the whole in English (kDetailBytes).
core::Message detail_message(const core::Message& detail);

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
// Whether a ClientHello of more than a segment gets through to an address whose small one does. Clients with the hybrid
// key exchange X25519MLKEM768 (browsers, Go 1.24, Java 27, OpenSSL 3.5) send one of about 1,700 bytes, and middleboxes
// that expect a hello in one packet drop it: then those clients hang while everything else works. Loop thread only.
#pragma once

#include <memory>

#include "core/loop.h"
#include "probe/handshake_run.h"

namespace postern::probe {

/// The attempt has a handshake with a small ClientHello and a valid certificate.
bool small_hello_passed(const ProbeResult& result);

/// Sends a large ClientHello. Where it fails a small one follows: only if that passes the fate of the large one is known.
/// At most twice the spec's timeout. `done` is called once, never from inside.
std::unique_ptr<RunningProbe> send_large_hello(core::Loop& loop, core::Clock& clock, const ProbeTarget& target,
                                               HandshakeRun::Done done);

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
// The file of a publisher's private key. Whoever has it steers the fleet's DNS: it is for its owner, and for the service's
// group to read. Blocks; any thread.
#pragma once

#include <string>

#include "agent/crypto/ed25519.h"
#include "core/error.h"

namespace postern::agent {

/// Refuses a file of somebody else, one that others can read or the group can write, and a link (kPermission), and what is
/// no key (kConfigBadValue). Its content is in no error.
core::Result<SigningKey> read_key_file(const std::string& path);
/// A new file with mode 0600; kLocked if there is one already.
core::Result<void> write_key_file(const std::string& path, const SigningKey& key);

}  // namespace postern::agent

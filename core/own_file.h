// SPDX-License-Identifier: Apache-2.0
// A file that this program writes in place, at a path where something else may be: it is told from other files by the
// magic number that it begins with, and what is not ours is neither written, removed nor waited for. Blocking calls.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "core/error.h"
#include "core/fd.h"

namespace postern::core {

/// Opens the file for reading and writing, or creates it; it has `mode` regardless of the umask. An existing one must be a
/// regular file that begins with `magic` (in the host's byte order), or is empty. No link is followed. Errors: kPermission,
/// kFileWrite.
Result<UniqueFd> open_own_file(const std::string& path, std::uint64_t magic, mode_t mode);

/// Removes the file if it begins with `magic`.
void remove_own_file(const std::string& path, std::uint64_t magic);

/// Whether `path` names the open file. False after it was removed, moved or replaced, and would be written for nobody.
bool is_named(int fd, const std::string& path);

}  // namespace postern::core

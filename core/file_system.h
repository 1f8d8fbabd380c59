// SPDX-License-Identifier: Apache-2.0
// Files: bounded reads, atomic writes, locks. All calls block.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/bytes.h"
#include "core/error.h"
#include "core/fd.h"

namespace postern::core {

/// The whole file. Errors: kFileMissing, kPermission, kTooLarge above max_bytes, else kFileUnreadable. Uses read(2):
/// a mapped file that is truncated raises SIGBUS.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

/// Writes path.tmp-PID, fsyncs it (if `durable`), renames it to `path`, fsyncs the folder (if `durable`). After a
/// failure the old file is unchanged and the temporary one removed. Errors: kDiskFull (ENOSPC, EDQUOT), kPermission,
/// else kFileWrite. On the loop thread only for small files that are not durable.
Result<void> write_file(const std::string& path, ByteView data, mode_t mode, bool durable);

/// mkdir -p; `mode` is for the folders that it creates. Errors as of write_file().
Result<void> make_folders(const std::string& path, mode_t mode);

/// "/a/b/c" → "/a/b"; "c" → ".".
std::string folder_of(const std::string& path);

/// A POSIX record lock on a whole file, held until the object is destroyed or the process ends.
class LockFile {
  public:
    /// Creates the file when it is missing. Does not wait: kLocked, with the holder's pid in `what`, when another
    /// process holds it.
    static Result<LockFile> acquire(const std::string& path);
    /// pid of the process that holds it; 0 for none or no file.
    static pid_t holder(const std::string& path);

  private:
    UniqueFd fd_;
};

/// The kernel's boot id without dashes, 32 hex digits; zeros if it can't be read.
std::string boot_id();

}  // namespace postern::core

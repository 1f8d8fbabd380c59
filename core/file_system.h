// Files the way the program needs them: reads are bounded, writes are whole or not at all.
#pragma once

#include <sys/types.h>

#include <string>

#include "core/bytes.h"
#include "core/error.h"
#include "core/fd.h"

namespace postern::core {

/// The whole file; kTooLarge above max_bytes, kFileMissing when there is none. Never maps: a file truncated under a
/// map is a SIGBUS.
Result<std::string> read_file(const std::string& path, std::size_t max_bytes);

/// Writes path.tmp-PID beside it, fsyncs (if `durable`), renames, fsyncs the folder. On any failure the old file is
/// untouched and the temporary one gone; ENOSPC and EDQUOT are kDiskFull. Blocks: on the loop thread only for small
/// files that are not durable.
Result<void> write_file(const std::string& path, ByteView data, mode_t mode, bool durable);

/// mkdir -p; existing folders keep their mode.
Result<void> make_folders(const std::string& path, mode_t mode);

/// "/a/b/c" → "/a/b"; "c" → ".".
std::string folder_of(const std::string& path);

/// A POSIX record lock on the whole file, created when missing, held until the object goes or the process dies.
/// kLocked with the holder's pid in `what` when another process has it.
class LockFile {
  public:
    static Result<LockFile> acquire(const std::string& path);
    /// pid of the process that holds it, 0 if nobody does (or the file is missing).
    static pid_t holder(const std::string& path);

  private:
    UniqueFd fd_;
};

/// The kernel's boot id without dashes, 32 hex digits; zeros if it can't be read.
std::string boot_id();

}  // namespace postern::core

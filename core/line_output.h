// SPDX-License-Identifier: Apache-2.0
// Writes lines to a descriptor that other processes have too (stderr), without ever waiting for its reader. O_NONBLOCK
// is not set on it: the flag belongs to the open file, which the shell, the parent and the child share. Instead:
//   socket (journald)   send(2) with MSG_DONTWAIT
//   file                write(2): only the disk can make it wait
//   pipe, terminal      /proc/self/fd/N opened again, which is an open file of our own, with O_NONBLOCK
//   pipe that is not ours to open (made by another user)   splice(2) with SPLICE_F_NONBLOCK from a pipe of our own
//   terminal that is not ours to open                      write(2) if poll(2) says that there is room
// Any thread; no lock.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <string_view>

#include "core/fd.h"

namespace postern::core {

class LineOutput {
  public:
    explicit LineOutput(int fd);

    /// `line` ends with a newline. False: there was no room, and at least its end was dropped.
    bool write(std::string_view line);

  private:
    enum class Way { kSend, kWrite, kSplice, kPoll };

    ssize_t write_some(std::string_view text);
    ssize_t splice_some(std::string_view text) const;

    int fd_;
    UniqueFd own_;  // of the same file, with O_NONBLOCK
    Way way_ = Way::kWrite;
    std::atomic<bool> cut_ = false;  // the last line is incomplete: the next one begins with a newline
};

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
// Starting another program and watching a process. Loop thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/fd.h"
#include "core/loop.h"

namespace postern::core {

struct ChildSpec {
    std::vector<std::string> argv;         // argv[0] is the path of the program
    std::vector<int> fds;                  // passed as 3, 4, …; 64 at most
    std::vector<std::string> environment;  // "NAME=value"
    int stdout_fd = -1;                    // -1: /dev/null
    int stderr_fd = 2;
};

/// fork and exec, with no_new_privs, no capability (empty bounding, inheritable and
/// ambient sets), a session of its own, stdin on /dev/null, and
/// only the descriptors and the environment of `spec`. Waits for the exec. Errors: kFileMissing when there is no such
/// program, else kInternal.
Result<pid_t> start_child(const ChildSpec& spec);

/// Reports the end of a process, child or not, by its pidfd, and reaps a child.
class ProcessWatch {
  public:
    /// Calls `ended` once from the loop. kFileMissing when there is no such process.
    Result<void> start(Loop& loop, pid_t pid, std::function<void()> ended);
    void stop();
    pid_t pid() const { return pid_; }
    /// The status from waitpid() of a child that has ended; -1 before that, and for a process that is no child.
    int wait_status() const { return wait_status_; }
    bool active() const { return static_cast<bool>(pidfd_); }
    /// By pidfd, so never to another process that got the same pid. False when the process has ended.
    bool signal(int number);

  private:
    UniqueFd pidfd_;
    pid_t pid_ = 0;
    int wait_status_ = -1;
    FdWatcher watcher_;
};

/// The folder of the running program (/proc/self/exe); "." when that can't be read.
std::string program_folder();

}  // namespace postern::core

// Starting and watching another program. The child gets no environment, no descriptor and no privilege that it is not
// given here, and outlives us: it is its own session.
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
    std::vector<std::string> argv;         // argv[0] is the path
    std::vector<int> fds;                  // passed as 3, 4, …
    std::vector<std::string> environment;  // "NAME=value"
    int stdout_fd = -1;                    // -1: /dev/null
    int stderr_fd = 2;                     // shared with the child
};

/// fork, no_new_privs, no capability, setsid (so it leads a process group of its own), exec. An exec that fails is reported here (errno through a pipe), not by a dead child.
Result<pid_t> start_child(const ChildSpec& spec);

/// Tells when a process ends, child or not (pidfd). A child is reaped.
class ProcessWatch {
  public:
    /// kFileMissing when there is no such process.
    Result<void> start(Loop& loop, pid_t pid, std::function<void()> ended);
    void stop();
    pid_t pid() const { return pid_; }
    /// What waitpid() said of a child that has ended; -1 before, and for others' children.
    int wait_status() const { return wait_status_; }
    bool active() const { return static_cast<bool>(pidfd_); }
    /// Sends a signal to exactly this process, never to a reused pid. False if it is gone.
    bool signal(int number);

  private:
    UniqueFd pidfd_;
    pid_t pid_ = 0;
    int wait_status_ = -1;
    FdWatcher watcher_;
};

/// Reads "/proc/self/exe" and gives the folder of the running program.
std::string program_folder();

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
// Reports changes of a file, at once when it is replaced by rename in its folder (inotify on that folder or, until it
// exists, on its nearest ancestor), and within half a second in any other case: a link in its path was exchanged (a
// volume of Kubernetes), a folder was replaced, there is no inotify (network file systems, no watch left). Half a second,
// because a stat costs microseconds and inotify would have to follow every link. Loop thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/loop.h"

namespace postern::core {

class FileWatch {
  public:
    enum class Looks {
        kAlways,
        kInPool,    // always, and the stat is made in libuv's pool: for a file system that may hang
        kIfLinked,  // only while there is a link in the path, or no inotify: an idle program need not wake up
    };
    FileWatch(Loop& loop, Clock& clock, std::string path, Looks looks = Looks::kAlways);

    /// Calls `changed`, from the loop or from check(), whenever the file differs from what it was before; the file
    /// being missing counts as a state.
    void start(std::function<void()> changed);
    void stop();
    /// Stats the path now.
    void check();
    const std::string& path() const { return path_; }

  private:
    /// Tells one state of the file from another: a rename always changes the inode or a time.
    struct Identity {
        bool exists = false;
        dev_t device = 0;
        ino_t inode = 0;
        off_t size = 0;
        std::int64_t modified_ns = 0, changed_ns = 0;
        bool operator==(const Identity&) const = default;
    };
    static Identity identity(const std::string& path);
    void watch_folder();
    void look_later();
    void look();
    void compare(const Identity& now);

    Loop& loop_;
    std::string path_;
    Looks looks_;
    Timer look_;
    std::uint64_t checks_ = 0;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // another one after stop(): for jobs that end later
    std::string name_;                                            // last component of path_
    std::string watched_;  // the folder of path_, or its nearest ancestor that exists
    Identity folder_;
    Identity seen_;
    std::function<void()> changed_;
    UvHandle<uv_fs_event_t, FileWatch> event_;
};

}  // namespace postern::core

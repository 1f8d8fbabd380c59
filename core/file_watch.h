// SPDX-License-Identifier: Apache-2.0
// Reports changes of a file that is replaced by rename, by inotify on its folder (or, until that exists, on the
// nearest ancestor that does) and by a stat whenever the owner calls check(). No polling. Loop thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "core/clock.h"
#include "core/loop.h"

namespace postern::core {

class FileWatch {
  public:
    FileWatch(Loop& loop, std::string path);

    /// Calls `changed`, from the loop or from check(), whenever the file differs from what it was before; the file
    /// being missing counts as a state.
    void start(std::function<void()> changed);
    void stop() { event_.reset(); }
    /// Stats the path now. Needed about once a second where inotify isn't available (watch limit reached).
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

    Loop& loop_;
    std::string path_;
    std::string name_;     // last component of path_
    std::string watched_;  // the folder of path_, or its nearest ancestor that exists
    Identity folder_;
    Identity seen_;
    std::function<void()> changed_;
    UvHandle<uv_fs_event_t, FileWatch> event_;
};

}  // namespace postern::core

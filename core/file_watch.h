// Tells when a file that is replaced by rename may have changed: inotify on its folder, which may not exist
// yet or be replaced itself, and a look at the path when asked. Idle it costs nothing. Loop thread.
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

    /// `changed` is called from the loop or from check(), once for each state of the file other than the last
    /// seen one, its absence included.
    void start(std::function<void()> changed);
    void stop() { event_.reset(); }
    /// One stat of the path; for callers that are awake anyway.
    void check();
    const std::string& path() const { return path_; }

  private:
    /// What tells one state of a file from another. A rename always brings another inode or time.
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
    std::string name_;     // its last part
    std::string watched_;  // the folder, or its nearest ancestor that exists
    Identity folder_;
    Identity seen_;
    std::function<void()> changed_;
    UvHandle<uv_fs_event_t, FileWatch> event_;
};

}  // namespace postern::core

// The verdicts on disk, <state_dir>/verdicts.json, so that an agent that is killed and started again does not
// answer what it knew to be dead. Written whole or not at all, in libuv's pool: at once when a verdict
// changes, then at most every two seconds, and every `refresh_us` so that what did not change stays young.
// Not synced: after a power cut the file may be damaged, which its checksum tells. Owned by the app, loop
// thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/clock.h"
#include "core/error.h"
#include "core/loop.h"

namespace postern::agent {

class VerdictFile {
  public:
    /// `content`: what to write, asked for at the moment of writing.
    VerdictFile(core::Loop& loop, core::Clock& clock, std::string path, std::function<std::string()> content);
    /// A write under way ends on its own.
    ~VerdictFile();
    VerdictFile(const VerdictFile&) = delete;
    VerdictFile& operator=(const VerdictFile&) = delete;

    /// Gives what was saved to `take`, which says how many it took. Logs what became of it; no file is no news.
    void restore(const std::function<core::Result<int>(const std::string&)>& take) const;
    /// From now on the file is kept. A plan's validity is the natural life of a verdict: a third of it as
    /// refresh.
    void keep(core::Micros refresh_us);
    void changed();
    /// Writes now, on this thread (at the end).
    void flush();

  private:
    struct Disk;  // shared with jobs in the pool

    void write();
    void done(const core::Result<void>& result);

    core::Loop& loop_;
    std::shared_ptr<Disk> disk_;
    std::function<std::string()> content_;
    std::shared_ptr<bool> alive_;
    std::uint64_t writes_ = 0;
    bool writing_ = false;
    bool again_ = false;  // changed since the last write began
    bool kept_ = false;
    core::Micros refresh_us_ = 0;
    core::Timer pause_;  // pending: the last write was less than two seconds ago
    core::Timer refresh_;
    std::string problem_;  // of the last write
};

}  // namespace postern::agent

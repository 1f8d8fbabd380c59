// A file whose bytes are replaced in place, without waiting for the disk: what is written is queued by its
// offset (later content replaces earlier of the same offset), goes to the file in libuv's pool, and is read
// back as if it were there already. A disk that is full or broken keeps the queue, up to a bound, and says so
// once. Owned by the history, loop thread only. Offset and size of a piece belong together: a piece is always
// replaced whole.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/fd.h"
#include "core/loop.h"

namespace postern::probe {

class WriteBehind {
  public:
    /// `loop` null: flush() writes at once (command line, tests, simulation).
    WriteBehind(core::Loop* loop, std::size_t most_queued = 16384) : loop_(loop), most_queued_(most_queued) {}
    /// Writes what is left.
    ~WriteBehind();
    WriteBehind(const WriteBehind&) = delete;
    WriteBehind& operator=(const WriteBehind&) = delete;

    /// From now on `fd`, whose name is for the log alone. What was queued for another file is dropped.
    void use(core::UniqueFd fd, std::string path);

    void put(std::uint64_t offset, core::Bytes piece);
    /// At most `size` bytes; fewer where the file ends.
    core::Bytes read(std::uint64_t offset, std::size_t size) const;
    /// Begins to write what is queued; nothing when a job is under way (it takes the rest along).
    void flush();
    /// Writes everything on this thread, after the job that is under way.
    void finish();

    bool idle() const { return !job_ && queue_.empty(); }
    std::size_t queued() const { return queue_.size(); }
    std::uint64_t lost() const { return lost_; }             // pieces for which the queue had no room
    std::uint64_t written() const { return written_; }       // pieces
    const std::string& problem() const { return problem_; }  // "" or why the last write failed

  private:
    using Pieces = std::map<std::uint64_t, core::Bytes>;
    struct File;
    struct Job;

    void done(Job& job);

    core::Loop* loop_;
    std::size_t most_queued_;
    std::shared_ptr<File> file_;
    Pieces queue_;
    std::shared_ptr<Job> job_;  // in the pool
    std::uint64_t jobs_ = 0, lost_ = 0, written_ = 0;
    std::string problem_;
};

}  // namespace postern::probe

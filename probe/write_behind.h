// SPDX-License-Identifier: Apache-2.0
// Writes to a file in place without blocking. Writes are queued by offset (a later one replaces an earlier one at the
// same offset), done in libuv's pool, and read() sees them at once. When writing fails the queue is kept, up to a
// limit, and the failure is logged once. All pieces at one offset must have the same size. Owned by HistoryStore,
// loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/fd.h"
#include "core/loop.h"
#include "core/message.h"

namespace postern::probe {

class WriteBehind {
  public:
    /// Without a loop (nullptr; command line, tests, simulations) flush() writes and blocks.
    WriteBehind(core::Loop* loop, std::size_t max_queued = 16384) : loop_(loop), max_queued_(max_queued) {}
    /// Writes the queue; blocks.
    ~WriteBehind();
    WriteBehind(const WriteBehind&) = delete;
    WriteBehind& operator=(const WriteBehind&) = delete;

    /// Writes to `fd` from now on; `path` is for the log only. Drops what is queued for the previous file.
    void use(core::UniqueFd fd, std::string path);

    void put(std::uint64_t offset, core::Bytes piece);
    /// `size` bytes, or fewer at the end of the file.
    core::Bytes read(std::uint64_t offset, std::size_t size) const;
    /// Starts to write the queue. Does nothing while a job is running, which writes the rest as well.
    void flush();
    /// Waits for the running job and writes the queue on this thread.
    void finish();

    /// False after the file was removed, moved or replaced: what is written reaches nobody.
    bool is_named() const;
    bool idle() const { return !job_ && queue_.empty(); }
    std::size_t queued() const { return queue_.size(); }
    std::uint64_t lost() const { return lost_; }               // pieces dropped because the queue was full
    std::uint64_t written() const { return written_; }         // pieces
    const core::Message& problem() const { return problem_; }  // why the last write failed; "" if it did not

  private:
    using Pieces = std::map<std::uint64_t, core::Bytes>;
    struct File;
    struct Job;

    void done(Job& job);

    core::Loop* loop_;
    std::size_t max_queued_;
    std::shared_ptr<File> file_;
    Pieces queue_;
    std::shared_ptr<Job> job_;  // in the pool
    std::uint64_t jobs_ = 0, lost_ = 0, written_ = 0;
    core::Message problem_;
};

}  // namespace postern::probe

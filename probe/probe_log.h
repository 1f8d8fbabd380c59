// SPDX-License-Identifier: Apache-2.0
// The probe log: records as JSON lines, appended to `path`, rotated to path.1 … path.6 (7 files of 16 MiB), written
// in libuv's pool. When writing fails lines are lost; that is logged once, and their number once it works again. A
// line that a crash cut off is terminated before the next one is written. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/fd.h"
#include "core/loop.h"
#include "core/message.h"
#include "probe/record.h"

namespace postern::probe {

struct ProbeLogSettings {
    std::uint64_t file_bytes = 16u << 20;
    int files = 7;
    core::Micros sample_us = core::kMinute;  // of successes one per address and this time is logged
    bool all = false;                        // log every success
};

class ProbeLog {
  public:
    /// Without a loop (nullptr; command line, tests, simulations) add() writes and blocks.
    ProbeLog(core::Loop* loop, std::string path, ProbeLogSettings settings = {});
    /// Writes the pending lines; blocks.
    ~ProbeLog();
    ProbeLog(const ProbeLog&) = delete;
    ProbeLog& operator=(const ProbeLog&) = delete;

    /// Logs failures, transitions, and the first success of an address, and samples of the others. True if
    /// it is logged.
    bool add(const Record& record);
    /// Calls `done` when everything added so far is in the file; without a loop at once.
    void flush(std::function<void()> done = {});
    void log_all(bool all) { settings_.all = all; }
    std::uint64_t lost_lines() const;
    /// One sentence about why records are not written now; "" when they are.
    core::Message problem() const;

  private:
    struct Writer;  // shared with the pool

    void schedule();

    core::Loop* loop_;
    ProbeLogSettings settings_;
    std::shared_ptr<Writer> writer_;
    std::map<std::pair<std::string, core::IpAddress>, core::Micros> last_logged_;
    std::shared_ptr<bool> alive_;  // false for a job that ends after this object
    bool writing_ = false;
    std::vector<std::function<void()>> waiting_;
};

/// Reads the log, oldest first, across the rotated files, and follows what is appended later.
class ProbeLogReader {
  public:
    explicit ProbeLogReader(std::string path, int files = 7);
    /// The next matching record; nullopt at the end for now: a later call follows appends and rotation. Skips and
    /// counts lines that are not records.
    std::optional<Record> next(const RecordFilter& filter);
    /// Moves to about `count` matching records before the end. To be called before next().
    void seek_last(const RecordFilter& filter, std::size_t count);
    std::uint64_t skipped() const { return skipped_; }

  private:
    int place() const;
    bool open_next();
    std::optional<std::string> next_line();

    std::string path_;
    int files_;
    core::UniqueFd fd_;
    std::uint64_t inode_ = 0;
    bool started_ = false;
    std::string buffer_;
    std::size_t used_ = 0;
    std::uint64_t skipped_ = 0;
    std::vector<Record> queued_;  // from seek_last, newest first
};

}  // namespace postern::probe

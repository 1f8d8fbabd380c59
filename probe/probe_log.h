// The probe log: records as JSON lines, appended to `path`, rotated to path.1 … path.6 (7 files of 16 MiB). Writing
// happens in libuv's pool. A disk that is full or broken loses lines, says so once, says once how many were lost when it
// works again, and never stops anything. A line that a crash cut off is ended before the next is written.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "core/fd.h"
#include "core/loop.h"
#include "probe/record.h"

namespace postern::probe {

struct ProbeLogSettings {
    std::uint64_t file_bytes = 16u << 20;
    int files = 7;
    core::Micros sample_us = core::kMinute;  // successes: at most one an address in this time
    bool all = false;                        // every success, too
};

class ProbeLog {
  public:
    /// `loop` null: lines are written at once by the caller (command line, tests, simulation).
    ProbeLog(core::Loop* loop, std::string path, ProbeLogSettings settings = {});
    /// Writes what is left.
    ~ProbeLog();
    ProbeLog(const ProbeLog&) = delete;
    ProbeLog& operator=(const ProbeLog&) = delete;

    /// Failures and transitions always; successes the first time and then sampled. True if it will be written.
    bool add(const Record& record);
    /// `done` (or nothing) once everything added so far is in the file. Without a loop: at once.
    void flush(std::function<void()> done = {});
    void log_all(bool all) { settings_.all = all; }
    std::uint64_t lost_lines() const;
    /// "" or why records are not written at present, in one sentence.
    std::string problem() const;

  private:
    struct Writer;  // shared with the pool

    void schedule();

    core::Loop* loop_;
    ProbeLogSettings settings_;
    std::shared_ptr<Writer> writer_;
    std::map<std::pair<std::string, core::IpAddress>, core::Micros> last_logged_;
    std::shared_ptr<bool> alive_;  // a job that ends after us finds it false
    bool writing_ = false;
    std::vector<std::function<void()>> waiting_;
};

/// Reads the log back, oldest first, across the rotated files, and goes on with what is appended later.
class ProbeLogReader {
  public:
    explicit ProbeLogReader(std::string path, int files = 7);
    /// The next record that the filter lets through; nullopt at the present end (ask again later: it follows appends
    /// and rotation). Lines that are no records are skipped and counted.
    std::optional<Record> next(const RecordFilter& filter);
    /// Starts so that about `count` matching records are left before the end.
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

// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <vector>

#include "core/log.h"
#include "core/own_file.h"

namespace postern::probe {
namespace {

/// Bytes that may wait for the pool; when the disk is slower than that, lines are lost.
constexpr std::size_t kMaxPending = 4u << 20;
constexpr std::size_t kMaxSampled = 10000;  // addresses whose last logged time is remembered

std::string file_name(const std::string& path, int n) {
    return n == 0 ? path : fmt::format("{}.{}", path, n);
}

}  // namespace

/// Owned by the log and by the job in the pool; all access with a mutex.
struct ProbeLog::Writer {
    std::string path;
    std::uint64_t file_bytes;
    int files;

    std::mutex mutex;        // of the file: held while a batch is written
    std::mutex queue_mutex;  // of the queue: held briefly, so that the loop thread never waits for the disk
    std::string queue;
    std::uint64_t queued_lines = 0;
    std::uint64_t lost = 0;
    std::string failing;  // the reason while writing fails, else ""
    std::uint64_t lost_since_failing = 0;

    core::UniqueFd fd;
    std::uint64_t size = 0;

    void push(const std::string& line) {
        const std::lock_guard lock(queue_mutex);
        if (queue.size() + line.size() > kMaxPending) {
            ++lost;
            ++lost_since_failing;
            return;
        }
        queue += line;
        ++queued_lines;
    }
    bool idle() {
        const std::lock_guard lock(queue_mutex);
        return queue.empty();
    }
    void write_queue();
    int open();
    void rotate();
    int append(std::string_view batch);
    void failed(int error, std::uint64_t lines);
    void recovered();
};

/// Returns 0 or errno. Opens the file again when another process has moved or removed it.
int ProbeLog::Writer::open() {
    struct stat st {};
    if (fd) {
        if (core::is_named(fd.get(), path)) return 0;
        fd.reset();
    }
    core::UniqueFd fresh(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!fresh || ::fstat(fresh.get(), &st) != 0) return errno;
    if (S_ISFIFO(st.st_mode)) return ENOTSUP;  // its reader would get pieces of lines, or stop the pool
    size = static_cast<std::uint64_t>(st.st_size);
    fd = std::move(fresh);
    char last = '\n';
    if (size > 0 && ::pread(fd.get(), &last, 1, st.st_size - 1) == 1 && last != '\n') {
        if (::write(fd.get(), "\n", 1) == 1) ++size;  // terminates a line that a crash cut off
    }
    return 0;
}

void ProbeLog::Writer::rotate() {
    for (int n = files - 1; n > 0; --n) {
        // Fails where there is no older file yet.
        (void)::rename(file_name(path, n - 1).c_str(), file_name(path, n).c_str());
    }
    if (files == 1) ::unlink(path.c_str());
    fd.reset();
}

/// All or nothing: a batch that was written in part is truncated.
int ProbeLog::Writer::append(std::string_view batch) {
    if (const int error = open(); error != 0) return error;
    if (size > 0 && size + batch.size() > file_bytes) {
        rotate();
        if (const int error = open(); error != 0) return error;
    }
    std::size_t done = 0;
    while (done < batch.size()) {
        const ssize_t n = ::write(fd.get(), batch.data() + done, batch.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) {
            const int error = n < 0 ? errno : ENOSPC;
            if (done > 0 && ::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) fd.reset();  // open() adds "\n" then
            return error;
        }
        done += static_cast<std::size_t>(n);
    }
    size += batch.size();
    return 0;
}

void ProbeLog::Writer::failed(int error, std::uint64_t lines) {
    std::unique_lock lock(queue_mutex);
    lost += lines;
    lost_since_failing += lines;
    const bool known = !std::exchange(failing, std::strerror(error)).empty();
    lock.unlock();
    if (known) return;
    core::log_warning("probe_log_failed", "probe records are not written to disk; probing goes on",
                      {{"path", path}, {"error", std::strerror(error)}});
}

void ProbeLog::Writer::recovered() {
    std::unique_lock lock(queue_mutex);
    if (std::exchange(failing, "").empty()) return;
    const std::uint64_t count = std::exchange(lost_since_failing, 0);
    lock.unlock();
    core::log_info("probe_log_recovered", "probe records are written again",
                   {{"path", path}, {"lost_lines", fmt::format("{}", count)}});
}

void ProbeLog::Writer::write_queue() {
    const std::lock_guard lock(mutex);
    std::string batch;
    std::uint64_t lines = 0;
    {
        const std::lock_guard queue_lock(queue_mutex);
        batch.swap(queue);
        lines = std::exchange(queued_lines, 0);
    }
    // Batches are split at lines, so that no file exceeds its limit.
    std::string_view rest = batch;
    while (!rest.empty()) {
        const std::size_t room = size < file_bytes ? static_cast<std::size_t>(file_bytes - size) : 0;
        std::size_t end = rest.size();
        if (end > room) {
            const std::size_t fits = rest.substr(0, room).rfind('\n');
            end = fits != std::string_view::npos ? fits + 1 : rest.find('\n') + 1;
        }
        const auto part =
            static_cast<std::uint64_t>(std::count(rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
        if (const int error = append(rest.substr(0, end)); error != 0) {
            failed(error, lines);
            return;
        }
        lines -= part;
        rest.remove_prefix(end);
    }
    if (!batch.empty()) recovered();
}

ProbeLog::ProbeLog(core::Loop* loop, std::string path, ProbeLogSettings settings)
    : loop_(loop), settings_(settings), writer_(std::make_shared<Writer>()), alive_(std::make_shared<bool>(true)) {
    writer_->path = std::move(path);
    writer_->file_bytes = settings.file_bytes;
    writer_->files = std::max(1, settings.files);
}

ProbeLog::~ProbeLog() {
    *alive_ = false;
    writer_->write_queue();
}

bool ProbeLog::add(const Record& record) {
    const std::pair key{record.link, record.ip};
    const auto it = last_logged_.find(key);
    const core::Micros since = it == last_logged_.end() ? core::kNever : record.wall_us - it->second;
    // After the clock was set back the last line counts as old.
    const bool due = since >= settings_.sample_us || since < 0;
    if (record.ok && !record.transition() && !due && !settings_.all) return false;
    if (it == last_logged_.end() && last_logged_.size() >= kMaxSampled) {
        // Forget addresses whose last line is older than the sampling time: it makes no difference any more.
        std::erase_if(last_logged_, [&](const auto& l) { return record.wall_us - l.second >= settings_.sample_us; });
    }
    last_logged_[key] = record.wall_us;
    writer_->push(to_json(record) + '\n');
    schedule();
    return true;
}

void ProbeLog::schedule() {
    if (loop_ == nullptr) {
        writer_->write_queue();
        return;
    }
    if (std::exchange(writing_, true)) return;
    loop_->run_in_pool([writer = writer_] { writer->write_queue(); },
                       [this, alive = alive_] {
                           if (!*alive) return;
                           writing_ = false;
                           if (!writer_->idle()) {
                               schedule();
                               return;
                           }
                           for (const auto& done : std::exchange(waiting_, {}))
                               done();
                       });
}

void ProbeLog::flush(std::function<void()> done) {
    if (loop_ == nullptr) {
        writer_->write_queue();
        if (done) done();
        return;
    }
    if (done) waiting_.push_back(std::move(done));
    schedule();
}

core::Message ProbeLog::problem() const {
    const std::lock_guard lock(writer_->queue_mutex);
    if (writer_->failing.empty()) return {};
    return core::message("probe records are not written to {}: {}; {} lines were lost", writer_->path, writer_->failing,
                         writer_->lost_since_failing);
}

std::uint64_t ProbeLog::lost_lines() const {
    const std::lock_guard lock(writer_->queue_mutex);
    return writer_->lost;
}

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
#include "probe/write_behind.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/log.h"
#include "core/own_file.h"

namespace postern::probe {

struct WriteBehind::File {
    core::UniqueFd fd;
    std::string path;
    std::mutex mutex;
    std::uint64_t newest = 0;  // the last job that wrote: an older one that waited in the pool must not overwrite it
};

/// The pieces of one job: immutable, as the loop thread reads them while the pool writes them.
struct WriteBehind::Job {
    WriteBehind* owner;
    std::shared_ptr<File> file;
    std::uint64_t number;
    Pieces pieces;
    int error = 0;

    void write() {
        const std::lock_guard lock(file->mutex);
        if (number < file->newest) return;
        file->newest = number;
        for (const auto& [offset, piece] : pieces) {
            std::size_t done = 0;
            while (done < piece.size()) {
                const ssize_t n = ::pwrite(file->fd.get(), piece.data() + done, piece.size() - done,
                                           static_cast<off_t>(offset + done));
                if (n < 0 && errno == EINTR) continue;
                if (n <= 0) {
                    error = n < 0 ? errno : ENOSPC;
                    return;
                }
                done += static_cast<std::size_t>(n);
            }
        }
    }
};

WriteBehind::~WriteBehind() {
    finish();
    if (job_) job_->owner = nullptr;
}

void WriteBehind::use(core::UniqueFd fd, std::string path) {
    if (job_) job_->owner = nullptr;
    job_.reset();
    queue_.clear();
    file_ = std::make_shared<File>();
    file_->fd = std::move(fd);
    file_->path = std::move(path);
}

bool WriteBehind::is_named() const {
    return file_ && core::is_named(file_->fd.get(), file_->path);
}

void WriteBehind::put(std::uint64_t offset, core::Bytes piece) {
    const auto it = queue_.find(offset);
    if (it != queue_.end()) {
        it->second = std::move(piece);
    } else if (queue_.size() < max_queued_) {
        queue_.emplace(offset, std::move(piece));
    } else {
        ++lost_;
    }
}

core::Bytes WriteBehind::read(std::uint64_t offset, std::size_t size) const {
    core::Bytes out(size);
    std::size_t have = 0;
    while (file_ && have < size) {
        const ssize_t n = ::pread(file_->fd.get(), out.data() + have, size - have, static_cast<off_t>(offset + have));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        have += static_cast<std::size_t>(n);
    }
    const auto lay_over = [&](const Pieces& pieces) {
        // No piece is longer than a page, so one that overlaps begins less than a page before `offset`.
        for (auto it = pieces.lower_bound(offset - std::min<std::uint64_t>(offset, 4096)); it != pieces.end(); ++it) {
            const auto& [at, piece] = *it;
            if (at >= offset + size) break;
            const std::uint64_t from = std::max(at, offset), to = std::min(at + piece.size(), offset + size);
            if (from >= to) continue;
            std::copy_n(piece.begin() + static_cast<std::ptrdiff_t>(from - at), to - from,
                        out.begin() + static_cast<std::ptrdiff_t>(from - offset));
            have = std::max(have, static_cast<std::size_t>(to - offset));
        }
    };
    if (job_) lay_over(job_->pieces);
    lay_over(queue_);
    out.resize(have);
    return out;
}

void WriteBehind::flush() {
    if (job_ || queue_.empty() || !file_) return;
    job_ = std::make_shared<Job>(Job{this, file_, ++jobs_, std::exchange(queue_, {})});
    if (loop_ == nullptr) {
        job_->write();
        done(*job_);
        return;
    }
    loop_->run_in_pool([job = job_] { job->write(); },
                       [job = job_] {
                           if (job->owner != nullptr) job->owner->done(*job);
                       });
}

void WriteBehind::done(Job& job) {
    const auto keep = std::exchange(job_, nullptr);  // `job` refers to it
    if (job.error == 0) {
        written_ += job.pieces.size();
    } else {
        for (auto& [offset, piece] : job.pieces) {
            if (queue_.count(offset) == 0) put(offset, std::move(piece));  // else there is a newer one
        }
    }
    const std::string now = job.error == 0 ? std::string() : std::strerror(job.error);
    if (now.empty() == std::exchange(problem_, now).empty()) return;
    if (now.empty()) {
        core::log_info("history_write_recovered", "the history is written again",
                       {{"path", job.file->path}, {"lost", std::to_string(lost_)}});
    } else {
        core::log_warning("history_write_failed", "the history is kept in memory; probing goes on",
                          {{"path", job.file->path}, {"error", now}});
    }
}

void WriteBehind::finish() {
    if (!file_ || idle()) return;
    Job last{this, file_, ++jobs_, job_ ? job_->pieces : Pieces{}};
    for (auto& [offset, piece] : queue_)
        last.pieces[offset] = std::move(piece);
    queue_.clear();
    if (job_) job_->owner = nullptr;
    job_ = nullptr;
    last.write();
}

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <deque>

#include "probe/probe_log.h"

namespace postern::probe {
namespace {

constexpr std::size_t kBlock = 64u << 10;
constexpr std::size_t kMaxLine = 64u << 10;

std::string file_name(const std::string& path, int n) {
    return n == 0 ? path : fmt::format("{}.{}", path, n);
}

std::uint64_t inode_of(int fd) {
    struct stat st {};
    return ::fstat(fd, &st) == 0 ? static_cast<std::uint64_t>(st.st_ino) : 0;
}

}  // namespace

ProbeLogReader::ProbeLogReader(std::string path, int files) : path_(std::move(path)), files_(files) {}

/// The number in the current name of the file that is being read; `files_` when it has none any more.
int ProbeLogReader::place() const {
    for (int n = 0; started_ && n < files_; ++n) {
        struct stat st {};
        if (::stat(file_name(path_, n).c_str(), &st) == 0 && static_cast<std::uint64_t>(st.st_ino) == inode_) return n;
    }
    return files_;
}

/// Opens the next file: the oldest at the start or when the current one was removed, else the next newer one. False
/// when the current one is the newest, or there is none.
///
/// Goes through the names from the newest to the oldest, as a rotation moves files: a file that moves meanwhile is met
/// again under its next name, and none can slip past.
bool ProbeLogReader::open_next() {
    core::UniqueFd newer;
    for (int n = 0; n < files_; ++n) {
        core::UniqueFd fd(::open(file_name(path_, n).c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) continue;
        if (started_ && inode_of(fd.get()) == inode_) break;
        newer = std::move(fd);
    }
    if (!newer) return false;
    inode_ = inode_of(newer.get());
    fd_ = std::move(newer);
    started_ = true;
    buffer_.clear();
    used_ = 0;
    return true;
}

std::optional<std::string> ProbeLogReader::next_line() {
    for (;;) {
        if (const std::size_t end = buffer_.find('\n', used_); end != std::string::npos) {
            std::string line = buffer_.substr(used_, end - used_);
            used_ = end + 1;
            return line;
        }
        buffer_.erase(0, used_);
        used_ = 0;
        if (buffer_.size() > kMaxLine) {  // not a record: drop it
            buffer_.clear();
            ++skipped_;
        }
        ssize_t n = 0;
        // Check before reading whether the file was rotated: nothing is appended to it after that, so its end is
        // final. Checking after reading would miss what was appended in between.
        const bool complete = place() != 0;
        if (fd_) {
            const std::size_t had = buffer_.size();
            buffer_.resize(had + kBlock);
            n = ::read(fd_.get(), buffer_.data() + had, kBlock);
            buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        }
        // The end of the newest file: keep an incomplete line, as more may be appended.
        if (n <= 0 && !(complete && open_next())) return std::nullopt;
    }
}

std::optional<Record> ProbeLogReader::next(const RecordFilter& filter) {
    if (!queued_.empty()) {
        Record record = std::move(queued_.back());
        queued_.pop_back();
        return record;
    }
    while (auto line = next_line()) {
        if (line->empty()) continue;
        auto record = parse_record(*line);
        if (!record) {
            ++skipped_;
        } else if (filter.matches(*record)) {
            return std::move(*record);
        }
    }
    return std::nullopt;
}

void ProbeLogReader::seek_last(const RecordFilter& filter, std::size_t count) {
    std::deque<Record> last;
    while (auto record = next(filter)) {
        last.push_back(std::move(*record));
        if (last.size() > count) last.pop_front();
    }
    queued_.assign(std::make_move_iterator(last.rbegin()), std::make_move_iterator(last.rend()));
}

}  // namespace postern::probe

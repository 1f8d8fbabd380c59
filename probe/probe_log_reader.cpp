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

/// How the file that we read is called now: the number of its name; `files_` when it has none (any more).
int ProbeLogReader::place() const {
    for (int n = 0; started_ && n < files_; ++n) {
        struct stat st {};
        if (::stat(file_name(path_, n).c_str(), &st) == 0 && static_cast<std::uint64_t>(st.st_ino) == inode_) return n;
    }
    return files_;
}

/// The file after the one that was read to its end: the oldest at first, or when ours was rotated away or removed;
/// then always the next newer. False when ours is the newest (or there is none).
bool ProbeLogReader::open_next() {
    for (;;) {
        const int at = place();
        core::UniqueFd fd;
        for (int n = at - 1; n >= 0 && !fd; --n)
            fd.reset(::open(file_name(path_, n).c_str(), O_RDONLY | O_CLOEXEC));
        if (!fd) return false;
        if (place() != at) continue;  // rotated between: that was not the next one
        inode_ = inode_of(fd.get());
        fd_ = std::move(fd);
        started_ = true;
        buffer_.clear();
        used_ = 0;
        return true;
    }
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
        if (buffer_.size() > kMaxLine) {  // no record: drop what is there of it
            buffer_.clear();
            ++skipped_;
        }
        ssize_t n = 0;
        // Asked before reading: nothing is appended to a file that has an older name, so its end is its end. Asked
        // after, what came between would be passed over.
        const bool complete = place() != 0;
        if (fd_) {
            const std::size_t had = buffer_.size();
            buffer_.resize(had + kBlock);
            n = ::read(fd_.get(), buffer_.data() + had, kBlock);
            buffer_.resize(had + static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        }
        // At the end of a file that is still the newest: more may be appended, a cut line is kept until then.
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

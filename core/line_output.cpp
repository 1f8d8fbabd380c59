// SPDX-License-Identifier: Apache-2.0
#include "core/line_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <string>

namespace postern::core {

LineOutput::LineOutput(int fd) : fd_(fd) {
    struct stat info {};
    if (::fstat(fd, &info) != 0 || S_ISREG(info.st_mode)) return;
    if (S_ISSOCK(info.st_mode)) {
        way_ = Way::kSend;
        return;
    }
    const std::string again = "/proc/self/fd/" + std::to_string(fd);
    own_.reset(::open(again.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (own_) {
        fd_ = own_.get();
    } else {
        way_ = S_ISFIFO(info.st_mode) ? Way::kSplice : Way::kPoll;
    }
}

bool LineOutput::write(std::string_view line) {
    std::string whole;
    const bool cut = cut_.exchange(false);
    if (cut) line = whole.append("\n").append(line);
    const ssize_t n = write_some(line);
    if (n == static_cast<ssize_t>(line.size())) return true;
    if (n > 0 || cut) cut_ = true;
    return false;
}

ssize_t LineOutput::write_some(std::string_view text) {
    ssize_t n = -1;
    do {
        switch (way_) {
            case Way::kSend:
                n = ::send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
                break;
            case Way::kWrite:
                n = ::write(fd_, text.data(), text.size());
                break;
            case Way::kSplice:
                return splice_some(text);
            case Way::kPoll: {
                pollfd ready{fd_, POLLOUT, 0};
                if (::poll(&ready, 1, 0) != 1) return -1;
                n = ::write(fd_, text.data(), text.size());
                break;
            }
        }
    } while (n < 0 && errno == EINTR);
    return n;
}

/// The line goes into a pipe of this call, which has room for it, and from there as far as the other has room.
ssize_t LineOutput::splice_some(std::string_view text) const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return -1;
    const UniqueFd from(ends[0]), to(ends[1]);
    const ssize_t ready = ::write(to.get(), text.data(), text.size());
    if (ready <= 0) return -1;
    return ::splice(from.get(), nullptr, fd_, nullptr, static_cast<std::size_t>(ready), SPLICE_F_NONBLOCK);
}

}  // namespace postern::core

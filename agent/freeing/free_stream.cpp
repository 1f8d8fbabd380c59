// SPDX-License-Identifier: Apache-2.0
#include "agent/freeing/free_stream.h"

#include <sys/socket.h>
#include <sys/time.h>

#include <cerrno>
#include <cstring>

#include "core/fd.h"

namespace postern::agent {

core::Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un out{};
    if (path.size() >= sizeof out.sun_path)
        return core::fail(core::Code::kSocket, path + " is too long for the path of a socket");
    out.sun_family = AF_UNIX;
    std::memcpy(out.sun_path, path.data(), path.size());
    return out;
}

void limit_waiting(int fd, core::Micros wait_us) {
    const timeval wait{static_cast<time_t>(wait_us / core::kSecond), static_cast<suseconds_t>(wait_us % core::kSecond)};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
}

std::optional<std::string> read_line(int fd) {
    std::string out;
    char next = 0;  // byte by byte: a line is short, and each read has its own limit of waiting
    while (out.size() < kMaxFreeLine) {
        const ssize_t size = ::recv(fd, &next, 1, 0);
        if (size < 0 && errno == EINTR) continue;
        if (size != 1) return std::nullopt;
        out += next;
        if (next == '\n') return out;
    }
    return std::nullopt;
}

bool write_line(int fd, std::string_view line) {
    return ::send(fd, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
}

FreeReply ask_postern_free(const std::string& path, const FreeRequest& request, core::Micros wait_us) {
    const FreeReply unreachable{FreeRefusal::kUnreachable, 0, 0};
    const auto name = unix_address(path);
    const core::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!name || !fd) return unreachable;
    limit_waiting(fd.get(), wait_us);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*name), sizeof *name) != 0 ||
        !write_line(fd.get(), request.line()))
        return unreachable;
    const auto line = read_line(fd.get());
    const auto reply = line ? FreeReply::parse(*line) : std::nullopt;
    return reply.value_or(unreachable);
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/socket_look.h"

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <set>

#include "agent/connections/own_sockets.h"
#include "agent/connections/sock_diag.h"
#include "core/bytes.h"
#include "core/fd.h"
#include "core/loop.h"

namespace postern::agent {

namespace {

constexpr std::size_t kDatagram = 128U << 10;  // the kernel's are 32 KiB at most
constexpr std::size_t kMaxOwnHeld = 8192;      // connections of this process's user that are judged at the end
constexpr int kMaxStrays = 64;                 // datagrams that are not the kernel's, or without a connection

Micros cpu_us() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return Micros{t.tv_sec} * core::kSecond + t.tv_nsec / 1000;
}

core::Error refused(std::string what, int sys) {
    core::Error error{core::Code::kSocket, std::move(what), "", sys};
    if (sys == ENOENT || sys == EPROTONOSUPPORT) error.hint = "load the kernel's module: modprobe tcp_diag";
    if (sys == EAFNOSUPPORT || sys == EPERM || sys == EACCES)
        error.hint = "allow AF_NETLINK (systemd: RestrictAddressFamilies; containers: the seccomp profile)";
    return error;
}

class Look {
  public:
    Look(const std::vector<ConnectionTarget>& targets, const LookLimits& limits)
        : limits_(limits), deadline_us_(core::now_mono_us() + limits.time_us), summary_(targets) {
        std::vector<core::SocketAddress> remotes;
        for (const auto& target : targets)
            remotes.push_back(target.address);
        filter_ = diag_filter(remotes);
        add_own_sockets(own_);
    }

    SocketLook run() {
        const Micros began = core::now_mono_us(), cpu = cpu_us();
        out_.complete = true;
        // IPv6 as well where all addresses are IPv4: a socket that talks both lists an IPv4 peer there.
        for (const int family : {AF_INET, AF_INET6}) {
            if (!out_.error && out_.complete) ask(static_cast<std::uint8_t>(family));
        }
        add_own_sockets(own_);  // those of probes that began meanwhile
        for (const auto& c : held_) {
            if (!own_.contains(c.inode)) summary_.add(c);
        }
        out_.targets = summary_.take();
        out_.took_us = core::now_mono_us() - began;
        out_.cpu_us = cpu_us() - cpu;
        return std::move(out_);
    }

  private:
    void ask(std::uint8_t family) {
        core::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG));
        if (!fd) return fail("the kernel's list of connections can't be read", errno);
        const Micros most = std::max(limits_.time_us, core::kMillisecond);  // 0 would be for ever
        const timeval wait{static_cast<time_t>(most / core::kSecond), static_cast<suseconds_t>(most % core::kSecond)};
        ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
        ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        const std::uint32_t sequence = family;
        const core::Bytes request = diag_request(family, sequence, filter_);
        const sockaddr_nl kernel{.nl_family = AF_NETLINK, .nl_pad = 0, .nl_pid = 0, .nl_groups = 0};
        if (::sendto(fd.get(), request.data(), request.size(), 0, reinterpret_cast<const sockaddr*>(&kernel),
                     sizeof kernel) < 0)
            return fail("the kernel's list of connections can't be asked for", errno);
        read_list(fd.get(), sequence);
    }

    void read_list(int fd, std::uint32_t sequence) {
        core::Bytes buffer(kDatagram);
        std::vector<Connection> part;
        for (int strays = 0; strays < kMaxStrays;) {
            sockaddr_nl from{};
            socklen_t length = sizeof from;
            const ssize_t size =
                ::recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC, reinterpret_cast<sockaddr*>(&from), &length);
            if (size < 0 && errno == EINTR && core::now_mono_us() < deadline_us_) continue;
            if (size < 0 && errno == ENOBUFS) {
                out_.complete = false;
                return;
            }
            if (size < 0) return fail("the kernel's list of connections broke off", errno);
            if (from.nl_pid != 0 || static_cast<std::size_t>(size) > buffer.size()) {
                ++strays;
                out_.complete &= from.nl_pid != 0;
                continue;
            }
            part.clear();
            const DiagPart seen = parse_diag({buffer.data(), static_cast<std::size_t>(size)}, sequence, part);
            if (seen.end && seen.error != 0) return fail("the kernel does not list connections", seen.error);
            out_.complete &= !seen.damaged;
            strays += part.empty() ? 1 : 0;
            take(part);
            if (seen.end) return;
            if (out_.read >= limits_.connections || core::now_mono_us() >= deadline_us_) break;
        }
        out_.complete = false;
    }

    void take(const std::vector<Connection>& part) {
        out_.read += part.size();
        for (const auto& c : part) {
            // Whether it is this process's own is known at the end, when its later sockets are known, too.
            if (c.uid == user_ && held_.size() < kMaxOwnHeld && c.inode != 0) {
                held_.push_back(c);
            } else if (!own_.contains(c.inode)) {
                summary_.add(c);
            }
        }
    }

    void fail(std::string what, int sys) {
        out_.error = refused(std::move(what), sys);
        out_.complete = false;
    }

    LookLimits limits_;
    Micros deadline_us_;
    core::Bytes filter_;
    ConnectionSummary summary_;
    std::uint32_t user_ = ::geteuid();
    std::set<std::uint32_t> own_;
    std::vector<Connection> held_;
    SocketLook out_;
};

}  // namespace

SocketLook look_at_sockets(const std::vector<ConnectionTarget>& targets, const LookLimits& limits) {
    if (targets.empty()) return {.targets = {}, .error = std::nullopt, .complete = true};
    return Look(targets, limits).run();
}

}  // namespace postern::agent

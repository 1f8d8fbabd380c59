// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/socket_look.h"

#include <sys/socket.h>
#include <unistd.h>

#include <ctime>
#include <set>

#include "agent/connections/diag_socket.h"
#include "agent/connections/own_sockets.h"
#include "agent/connections/sock_diag.h"
#include "core/bytes.h"
#include "core/loop.h"

namespace postern::agent {

namespace {

constexpr std::size_t kMaxOwnHeld = 8192;  // connections of this process's user that are judged at the end

Micros cpu_us() {
    timespec t{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return Micros{t.tv_sec} * core::kSecond + t.tv_nsec / 1000;
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
        auto kernel = DiagSocket::open(limits_.time_us);
        if (!kernel) return fail(kernel.error());
        const DiagList list = kernel->list(family, filter_, [this](const std::vector<Connection>& part) {
            take(part);
            return out_.read < limits_.connections && core::now_mono_us() < deadline_us_;
        });
        out_.complete &= list.complete;
        if (list.error) fail(*list.error);
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

    void fail(core::Error error) {
        out_.error = std::move(error);
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

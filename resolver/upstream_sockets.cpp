// SPDX-License-Identifier: Apache-2.0
#include "resolver/upstream_sockets.h"

#include <sys/epoll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/file_system.h"
#include "resolver/peer.h"

namespace postern::resolver {
namespace {

constexpr std::uint64_t kTcpHandle = std::uint64_t{1} << 63;
constexpr int kEventsAtOnce = 64;
constexpr int kMaxDatagrams = 16;  // of one exchange per iteration of the loop: a flood must not starve the clients

// Two thirds of the idle sockets must be there before one is reused; the rest is room for what is in flight at once.
// They are taken in about the order of their idle time.
constexpr std::size_t kMaxIdle = 1536;
constexpr std::size_t kShuffle = 64;  // one of the so many longest idle ones is taken at random
constexpr int kMaxUses = 4;
constexpr core::Micros kMaxIdleTime = 30 * core::kSecond;  // NAT state and our own address may change
constexpr rlim_t kDescriptorsToReuse = 8192;
constexpr std::size_t kMaxBusy = 12 * 1024;
// What of the host's ephemeral ports, 28,232 by default, may be idle and in flight: for other programs there are
// always some left.
constexpr std::size_t kIdleShare = 10, kBusyShare = 3;
// After so many unanswered exchanges in a row the route to the server may have changed: its idle sockets are closed.
constexpr unsigned kSilenceToClose = 8;

std::uint64_t pack(std::uint32_t slot, std::uint32_t count) {
    return std::uint64_t{count & 0x7fffffff} << 32 | slot;
}

socklen_t fill(const core::SocketAddress& server, PeerAddress* out) {
    sockaddr_storage storage;
    const socklen_t size = server.to(&storage);
    if (storage.ss_family == AF_INET6)
        out->v6 = *reinterpret_cast<sockaddr_in6*>(&storage);
    else
        out->v4 = *reinterpret_cast<sockaddr_in*>(&storage);
    return size;
}

}  // namespace

UpstreamSockets::UpstreamSockets(core::Loop& loop, core::Clock& clock, core::Random& random, UpstreamEvents& events,
                                 std::string port_range)
    : clock_(clock),
      random_(random),
      events_(events),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      port_range_(std::move(port_range)),
      old_timer_(clock),
      tcp_(loop, clock, events) {
    if (!epoll_ || watcher_.start(loop, epoll_.get(), UV_READABLE, [this](int, int) { on_ready(); }) != 0) std::abort();
    rlimit files{};
    reuse_ = ::getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur >= kDescriptorsToReuse;
    limit_to_port_range();
}

UpstreamSockets::~UpstreamSockets() = default;

void UpstreamSockets::limit_to_port_range() {
    constexpr unsigned kDefaultFirst = 32768, kDefaultLast = 60999;
    unsigned first = kDefaultFirst, last = kDefaultLast;
    const auto text = core::read_file(port_range_, 64);
    const bool known = text && std::sscanf(text->c_str(), "%u %u", &first, &last) == 2 && first <= last && last < 65536;
    const std::size_t ports = known ? last - first + 1 : kDefaultLast - kDefaultFirst + 1;
    max_idle_ = std::min(kMaxIdle, ports / kIdleShare);
    max_busy_ = std::min(kMaxBusy, std::max<std::size_t>(ports / kBusyShare, 1));
}

UpstreamTransport::Sent UpstreamSockets::send_udp(std::uint64_t cookie, const core::SocketAddress& server,
                                                  core::ByteView query) {
    if (busy_ >= max_busy_) return {ENOBUFS, 0};
    Slot slot = 0;
    if (const int error = take(server, &slot); error != 0) return {error, 0};
    const bool used = sockets_[slot].uses > 0;
    Sent sent = start(slot, cookie, query);
    if (sent.error != 0 && used) {
        // Our address or the route has changed since it was opened; a new socket may work.
        close_idle(pool_of(server));
        if (const int error = open(server, &slot); error != 0) return {error, 0};
        sent = start(slot, cookie, query);
    }
    return sent;
}

UpstreamTransport::Sent UpstreamSockets::start(Slot slot, std::uint64_t cookie, core::ByteView query) {
    Socket& s = sockets_[slot];
    if (::send(s.fd.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0) {
        const int error = errno;
        close(slot);
        return {error, 0};
    }
    s.cookie = cookie;
    s.busy = true;
    s.suspect = false;
    ++s.uses;
    ++busy_;
    return {0, pack(slot, s.exchange)};
}

int UpstreamSockets::take(const core::SocketAddress& server, Slot* slot) {
    if (!reuse_) return open(server, slot);
    Pool& pool = pool_of(server);
    while (!pool.idle.empty() && clock_.mono_us() - sockets_[pool.idle.front()].idle_since_us > kMaxIdleTime)
        close(reuse(pool));
    if (!pool.idle.empty() && idle_ >= max_idle_ * 2 / 3) {
        std::swap(pool.idle[random_.below(std::min(kShuffle, pool.idle.size()))], pool.idle.front());
        *slot = reuse(pool);
        return 0;
    }
    const int error = open(server, slot);
    if (error == 0 || idle_ == 0) return error;
    // No port or descriptor is free, but we hold some.
    if (!pool.idle.empty()) {
        *slot = reuse(pool);
        return 0;
    }
    for (Pool& other : pools_)
        close_idle(other);
    return open(server, slot);
}

UpstreamSockets::Slot UpstreamSockets::reuse(Pool& pool) {
    const Slot slot = pool.idle.front();
    pool.idle.pop_front();
    --idle_;
    return slot;
}

int UpstreamSockets::open(const core::SocketAddress& server, Slot* slot) {
    core::UniqueFd fd(::socket(server.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return errno;
    PeerAddress address;
    const socklen_t size = fill(server, &address);
    // Here the kernel chooses a random free port for the socket.
    if (::connect(fd.get(), &address.any, size) != 0) return errno;
    if (free_.empty()) {
        *slot = static_cast<Slot>(sockets_.size());
        sockets_.emplace_back();
    } else {
        *slot = free_.back();
        free_.pop_back();
    }
    Socket& s = sockets_[*slot];
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = pack(*slot, s.birth);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
        const int error = errno;
        free_.push_back(*slot);
        return error;
    }
    s.fd = std::move(fd);
    s.server = server;
    s.uses = 0;
    return 0;
}

UpstreamSockets::Pool& UpstreamSockets::pool_of(const core::SocketAddress& server) {
    for (Pool& pool : pools_) {
        if (pool.server == server) return pool;
    }
    // A server that is no longer asked leaves an empty pool, which the next new server reuses.
    for (Pool& pool : pools_) {
        if (!pool.idle.empty() && clock_.mono_us() - sockets_[pool.idle.back()].idle_since_us > kMaxIdleTime)
            close_idle(pool);
        if (pool.idle.empty()) {
            pool.server = server;
            return pool;
        }
    }
    pools_.push_back({server, {}});
    return pools_.back();
}

UpstreamTransport::Sent UpstreamSockets::send_tcp(std::uint64_t cookie, const core::SocketAddress& server,
                                                  core::ByteView query) {
    Sent sent = tcp_.send(cookie, server, query);
    sent.handle |= kTcpHandle;
    return sent;
}

void UpstreamSockets::cancel(std::uint64_t handle) {
    if (handle & kTcpHandle) return tcp_.cancel(handle & ~kTcpHandle);
    if (find(handle) == nullptr) return;
    const auto slot = static_cast<Slot>(handle);
    Pool& pool = pool_of(sockets_[slot].server);
    end_exchange(slot, false);
    if (++pool.unanswered >= kSilenceToClose) close_idle(pool);
}

std::uint16_t UpstreamSockets::local_port(std::uint64_t handle) {
    const Socket* s = (handle & kTcpHandle) ? nullptr : find(handle);
    PeerAddress local;
    socklen_t size = sizeof local;
    if (s == nullptr || ::getsockname(s->fd.get(), &local.any, &size) != 0) return 0;
    return local.port();
}

UpstreamSockets::Socket* UpstreamSockets::find(std::uint64_t handle) {
    const auto slot = static_cast<Slot>(handle);
    if (slot >= sockets_.size()) return nullptr;
    Socket& s = sockets_[slot];
    return s.busy && pack(slot, s.exchange) == handle ? &s : nullptr;
}

void UpstreamSockets::end_exchange(Slot slot, bool good) {
    Socket& s = sockets_[slot];
    s.busy = false;
    --busy_;
    ++s.exchange;
    Pool* pool = reuse_ && good ? &pool_of(s.server) : nullptr;
    if (pool != nullptr) pool->unanswered = 0;
    if (pool == nullptr || s.suspect || s.uses >= kMaxUses || idle_ >= max_idle_) return close(slot);
    s.idle_since_us = clock_.mono_us();
    pool->idle.push_back(slot);
    ++idle_;
    if (!old_timer_.pending()) old_timer_.start_in(kMaxIdleTime, [this] { close_old(); });
}

/// Frees sockets and ports after a burst, with one wake-up for all rather than one per socket.
void UpstreamSockets::close_old() {
    limit_to_port_range();
    core::Micros newest = -1;
    for (Pool& pool : pools_) {
        while (!pool.idle.empty() && clock_.mono_us() - sockets_[pool.idle.front()].idle_since_us >= kMaxIdleTime) {
            close(reuse(pool));
        }
        if (!pool.idle.empty()) newest = std::max(newest, sockets_[pool.idle.back()].idle_since_us);
    }
    if (newest >= 0) old_timer_.start_at(newest + kMaxIdleTime, [this] { close_old(); });
}

void UpstreamSockets::close(Slot slot) {
    Socket& s = sockets_[slot];
    s.fd.reset();  // closing also removes it from the epoll set
    ++s.exchange;
    ++s.birth;
    free_.push_back(slot);
}

void UpstreamSockets::close_idle(Pool& pool) {
    for (const Slot slot : pool.idle)
        close(slot);
    idle_ -= pool.idle.size();
    pool.idle.clear();
    pool.unanswered = 0;
}

void UpstreamSockets::on_ready() {
    epoll_event events[kEventsAtOnce];
    const int n = epoll_wait(epoll_.get(), events, kEventsAtOnce, 0);
    for (int i = 0; i < n; ++i) {
        receive(static_cast<Slot>(events[i].data.u64), static_cast<std::uint32_t>(events[i].data.u64 >> 32));
    }
}

void UpstreamSockets::receive(Slot slot, std::uint32_t birth) {
    static std::uint8_t buffer[65535];
    for (int i = 0; i < kMaxDatagrams; ++i) {
        // An earlier event of this batch may have ended it.
        if (!sockets_[slot].fd || (sockets_[slot].birth & 0x7fffffff) != birth) return;
        if (!sockets_[slot].busy) {
            // No exchange is waiting: a late or forged reply. Don't reuse this socket.
            idle_ -= std::erase(pool_of(sockets_[slot].server).idle, slot);
            return close(slot);
        }
        const std::uint64_t handle = pack(slot, sockets_[slot].exchange), cookie = sockets_[slot].cookie;
        const ssize_t n = ::recv(sockets_[slot].fd.get(), buffer, sizeof buffer, 0);
        if (n >= 0) {
            const bool over = events_.on_reply(cookie, {buffer, static_cast<std::size_t>(n)});
            if (find(handle) == nullptr) return;
            if (over) return end_exchange(slot, true);
            sockets_[slot].suspect = true;
            continue;
        }
        if (errno == EAGAIN || errno == EINTR) return;
        const int error = errno;
        const core::SocketAddress server = sockets_[slot].server;
        end_exchange(slot, false);
        close_idle(pool_of(server));
        events_.on_failure(cookie, error);
        return;
    }
}

}  // namespace postern::resolver

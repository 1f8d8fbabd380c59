#include "resolver/upstream_sockets.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstdlib>

#include "resolver/peer.h"

namespace postern::resolver {
namespace {

constexpr std::uint64_t kTcpHandle = std::uint64_t{1} << 63;
constexpr int kEventsAtOnce = 64;
constexpr int kMostDatagrams = 16;  // of one exchange in one turn: a flood may not starve the clients

std::uint64_t make_handle(std::uint32_t slot, std::uint32_t generation) {
    return std::uint64_t{generation & 0x7fffffff} << 32 | slot;
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

UpstreamSockets::UpstreamSockets(core::Loop& loop, core::Clock& clock, UpstreamEvents& events)
    : events_(events), epoll_(epoll_create1(EPOLL_CLOEXEC)), tcp_(loop, clock, events) {
    if (!epoll_ || watcher_.start(loop, epoll_.get(), UV_READABLE, [this](int, int) { on_ready(); }) != 0)
        std::abort();
}

UpstreamSockets::~UpstreamSockets() = default;

UpstreamTransport::Sent UpstreamSockets::send_udp(std::uint64_t cookie, const core::SocketAddress& server,
                                                  core::ByteView query) {
    core::UniqueFd fd(
        ::socket(server.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) return {errno, 0};
    PeerAddress address;
    const socklen_t size = fill(server, &address);
    // An unbound socket gets a random free port from the kernel here.
    if (::connect(fd.get(), &address.any, size) != 0) return {errno, 0};
    if (::send(fd.get(), query.data(), query.size(), MSG_NOSIGNAL) < 0) return {errno, 0};

    std::uint32_t slot = 0;
    if (free_.empty()) {
        slot = static_cast<std::uint32_t>(exchanges_.size());
        exchanges_.emplace_back();
    } else {
        slot = free_.back();
        free_.pop_back();
    }
    Exchange& e = exchanges_[slot];
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = make_handle(slot, e.generation);
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) {
        const int error = errno;
        free_.push_back(slot);
        return {error, 0};
    }
    e.fd = std::move(fd);
    e.cookie = cookie;
    return {0, event.data.u64};
}

UpstreamTransport::Sent UpstreamSockets::send_tcp(std::uint64_t cookie, const core::SocketAddress& server,
                                                  core::ByteView query) {
    Sent sent = tcp_.send(cookie, server, query);
    sent.handle |= kTcpHandle;
    return sent;
}

void UpstreamSockets::cancel(std::uint64_t handle) {
    if (handle & kTcpHandle) return tcp_.cancel(handle & ~kTcpHandle);
    if (find(handle) != nullptr) release(static_cast<std::uint32_t>(handle));
}

std::uint16_t UpstreamSockets::local_port(std::uint64_t handle) {
    const Exchange* e = (handle & kTcpHandle) ? nullptr : find(handle);
    PeerAddress local;
    socklen_t size = sizeof local;
    if (e == nullptr || ::getsockname(e->fd.get(), &local.any, &size) != 0) return 0;
    return local.port();
}

UpstreamSockets::Exchange* UpstreamSockets::find(std::uint64_t handle) {
    const auto slot = static_cast<std::uint32_t>(handle);
    if (slot >= exchanges_.size()) return nullptr;
    Exchange& e = exchanges_[slot];
    return e.fd && make_handle(slot, e.generation) == handle ? &e : nullptr;
}

void UpstreamSockets::release(std::uint32_t slot) {
    exchanges_[slot].fd.reset();  // leaves the epoll set with its last descriptor
    ++exchanges_[slot].generation;
    free_.push_back(slot);
}

void UpstreamSockets::on_ready() {
    epoll_event events[kEventsAtOnce];
    const int n = epoll_wait(epoll_.get(), events, kEventsAtOnce, 0);
    for (int i = 0; i < n; ++i) {
        const std::uint64_t handle = events[i].data.u64;
        receive(static_cast<std::uint32_t>(handle), static_cast<std::uint32_t>(handle >> 32));
    }
}

void UpstreamSockets::receive(std::uint32_t slot, std::uint32_t generation) {
    static std::uint8_t buffer[65535];
    const std::uint64_t handle = make_handle(slot, generation);
    for (int i = 0; i < kMostDatagrams; ++i) {
        const Exchange* e = find(handle);  // an event of this turn may have ended it
        if (e == nullptr) return;
        const std::uint64_t cookie = e->cookie;
        const ssize_t n = ::recv(e->fd.get(), buffer, sizeof buffer, 0);
        if (n >= 0) {
            if (!events_.on_reply(cookie, {buffer, static_cast<std::size_t>(n)})) continue;
            if (find(handle) != nullptr) release(slot);
            return;
        }
        if (errno == EAGAIN || errno == EINTR) return;
        const int error = errno;
        release(slot);
        events_.on_failure(cookie, error);
        return;
    }
}

}  // namespace postern::resolver

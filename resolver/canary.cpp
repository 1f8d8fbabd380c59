// SPDX-License-Identifier: Apache-2.0
#include "resolver/canary.h"

#include <sys/socket.h>

#include <algorithm>

#include "core/any_address.h"
#include "core/log.h"

namespace postern::resolver {
namespace {

constexpr core::Micros kMaxRetry = core::kSecond;  // a datagram may be lost in a flood: retry long before the timeout

/// CH TXT version.bind is always answered locally.
constexpr std::uint8_t kQuery[] = {0,   0,   0,   0,   0,   1, 0,   0,   0,   0,   0, 0, 7,  'v', 'e',
                                   'r', 's', 'i', 'o', 'n', 4, 'b', 'i', 'n', 'd', 0, 0, 16, 0,   3};

core::IpAddress loopback_like(const core::IpAddress& ip) {
    return *core::IpAddress::parse(ip.is_v6() ? "::1" : "127.0.0.1");
}

core::UniqueFd bound_socket(const core::SocketAddress& source) {
    core::UniqueFd fd(::socket(source.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage storage;
    const socklen_t size = source.to(&storage);
    if (fd && ::bind(fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) fd.reset();
    return fd;
}

bool connect_to(int fd, const core::SocketAddress& address) {
    sockaddr_storage storage;
    const socklen_t size = address.to(&storage);
    return ::connect(fd, reinterpret_cast<sockaddr*>(&storage), size) == 0;
}

}  // namespace

Canary::Canary(core::Loop& loop, core::Clock& clock, core::Random& random, Server& server, core::Micros period_us,
               std::function<void()> alive)
    : loop_(loop),
      clock_(clock),
      random_(random),
      server_(server),
      period_us_(period_us),
      alive_(std::move(alive)),
      query_(std::begin(kQuery), std::end(kQuery)),
      next_(clock) {}

void Canary::ask() {
    const core::Micros now = clock_.mono_us();
    const bool again = silent_since_ != 0;
    if (again && answered_privately_ && server_.received() != received_) return pass();
    if (!again) silent_since_ = now;
    if (now - silent_since_ > period_us_ / 3) note_silence();
    next_.start_in(std::min(period_us_ / 20, kMaxRetry), [this] { ask(); });
    // Use the first address that can be sent to: one may be gone with its interface while the others work.
    for (const auto& listener : server_.addresses()) {
        if (!send_to(listener)) continue;
        if (again) send_privately(loopback_like(listener.ip));
        return;
    }
}

bool Canary::send_to(core::SocketAddress listener) {
    server_.watch(listener);
    listener = core::on_this_host(listener);
    // Send from an address in [dns] allow. If none of ours is, the reply is REFUSED, which counts too.
    core::SocketAddress source{listener.ip, 0};
    if (!server_.allows(source.ip) && server_.allows(loopback_like(source.ip))) source.ip = loopback_like(source.ip);

    public_.watcher.stop();
    public_.id = random_.next16();
    public_.socket = bound_socket(source);
    if (!public_.socket || !connect_to(public_.socket.get(), listener) || !send(public_)) return false;
    return public_.watcher.start(loop_, public_.socket.get(), UV_READABLE, [this](int, int) {
        if (has_reply(public_)) pass();
    }) == 0;
}

/// Its socket is opened once, when it is needed for the first time.
void Canary::send_privately(const core::IpAddress& loopback) {
    if (private_.id == 0) {  // all that are sent during one silence have one ID, so that a reply is never too late
        private_.id = static_cast<std::uint16_t>(random_.next16() | 1u);
        received_ = server_.received();
    }
    if (!private_.socket) {
        core::UniqueFd socket = bound_socket({loopback, 0});
        const auto own = socket ? local_address(socket.get()) : std::nullopt;
        const auto address = own ? server_.open_private(*own) : core::fail(core::Code::kSocket, "no socket");
        if (!address || !connect_to(socket.get(), *address)) return;
        const auto replied = [this](int, int) { answered_privately_ = has_reply(private_) || answered_privately_; };
        if (private_.watcher.start(loop_, socket.get(), UV_READABLE, replied) != 0) return;
        private_.socket = std::move(socket);
    }
    (void)send(private_);
}

bool Canary::send(const Asking& asking) {
    core::store_be16(query_.data(), asking.id);
    return ::send(asking.socket.get(), query_.data(), query_.size(), 0) >= 0;
}

bool Canary::has_reply(const Asking& asking) const {
    std::uint8_t message[kMinUdpReply];
    const ssize_t n = ::recv(asking.socket.get(), message, sizeof message, MSG_DONTWAIT);
    return n >= static_cast<ssize_t>(query_.size()) && core::load_be16(message) == asking.id &&
           (message[2] & (kQr >> 8)) != 0 &&
           std::equal(query_.begin() + kHeaderSize, query_.end(), message + kHeaderSize);
}

void Canary::pass() {
    if (said_) core::log_info("canary_answered", "the resolver answers its own queries again");
    said_ = false;
    silent_since_ = 0;
    private_.id = 0;
    answered_privately_ = false;
    next_.start_in(period_us_ / 3, [this] { ask(); });
    alive_();
}

void Canary::note_silence() {
    if (std::exchange(said_, true)) return;
    core::log_error("canary_unanswered",
                    "the resolver does not answer its own queries; if that goes on, the service manager restarts it");
}

}  // namespace postern::resolver

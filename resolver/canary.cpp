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

}  // namespace

Canary::Canary(core::Loop& loop, core::Clock& clock, core::Random& random, const Server& server, core::Micros period_us,
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
    if (silent_since_ == 0)
        silent_since_ = now;
    else if (now - silent_since_ > period_us_ / 3)
        note_silence();
    next_.start_in(std::min(period_us_ / 20, kMaxRetry), [this] { ask(); });
    // Use the first address that can be sent to: one may be gone with its interface while the others work.
    for (const auto& listener : server_.addresses()) {
        if (send_to(listener)) return;
    }
}

bool Canary::send_to(core::SocketAddress listener) {
    listener = core::on_this_host(listener);
    // Send from an address in [dns] allow. If none of ours is, the reply is REFUSED, which counts too.
    core::SocketAddress source{listener.ip, 0};
    if (!server_.allows(source.ip) && server_.allows(loopback_like(source.ip))) source.ip = loopback_like(source.ip);

    watcher_.stop();
    socket_.reset(::socket(listener.ip.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_storage from, to;
    const socklen_t from_size = source.to(&from), to_size = listener.to(&to);
    if (!socket_ || ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&from), from_size) != 0 ||
        ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), to_size) != 0) {
        return false;
    }
    core::store_be16(query_.data(), random_.next16());
    if (::send(socket_.get(), query_.data(), query_.size(), 0) < 0) return false;
    return watcher_.start(loop_, socket_.get(), UV_READABLE, [this](int, int) { on_readable(); }) == 0;
}

bool Canary::is_reply(ByteView message) const {
    return message.size() >= query_.size() && message[0] == query_[0] && message[1] == query_[1] &&
           (message[2] & (kQr >> 8)) != 0 &&
           std::equal(query_.begin() + kHeaderSize, query_.end(), message.begin() + kHeaderSize);
}

void Canary::on_readable() {
    std::uint8_t buffer[kMinUdpReply];
    const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (n < 0 || !is_reply({buffer, static_cast<std::size_t>(n)})) return;
    if (said_) core::log_info("canary_answered", "the resolver answers its own queries again");
    said_ = false;
    silent_since_ = 0;
    next_.start_in(period_us_ / 3, [this] { ask(); });
    alive_();
}

void Canary::note_silence() {
    if (std::exchange(said_, true)) return;
    core::log_error("canary_unanswered",
                    "the resolver does not answer its own queries; if that goes on, the service manager restarts it");
}

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
#include "resolver/upstream_tcp_connection.h"

#include <cerrno>

#include "resolver/upstream_tcp_server.h"

namespace postern::resolver {
namespace {

constexpr core::Micros kIdle = 10 * core::kSecond;
constexpr core::Micros kConnectIn = 3 * core::kSecond;  // shorter than the timeout of clients
constexpr core::Micros kSilent = 500 * core::kMillisecond;
constexpr std::size_t kMaxPipelined = 100;
constexpr std::size_t kMaxUnsent = 16 * 1024;  // queries given to the kernel can't be cancelled

}  // namespace

TcpConnection::TcpConnection(UpstreamTcpServer& server, core::Clock& clock, UpstreamEvents& events)
    : server_(server), clock_(clock), events_(events), stream_(*this), timer_(clock) {}

int TcpConnection::open(core::Loop& loop, const core::SocketAddress& address) {
    timer_.start_in(kConnectIn, [this] { server_.broken(this, ETIMEDOUT); });
    return -stream_.connect(loop, address);
}

bool TcpConnection::silent() const {
    return unheard_since_ != 0 && clock_.mono_us() - unheard_since_ >= kSilent;
}

bool TcpConnection::takes(std::uint16_t id, bool one_each) const {
    if (!connected_ || (one_each && written_ > 0)) return false;
    return asked_.size() < kMaxPipelined && stream_.unsent() <= kMaxUnsent && asked_.count(id) == 0 && !silent();
}

bool TcpConnection::useless(bool one_each) const {
    return !delivering_ && written_ > 0 && asked_.empty() && (one_each || silent());
}

void TcpConnection::write(TcpQuery query) {
    timer_.stop();
    if (unheard_since_ == 0) unheard_since_ = clock_.mono_us();
    ++written_;
    stream_.write(query.framed);
    const std::uint16_t id = query.id;
    asked_.emplace(id, Asked{std::move(query), answered_});
}

bool TcpConnection::cancel(std::uint64_t handle) {
    const auto it = asked_.find(static_cast<std::uint16_t>(handle));
    if (it == asked_.end() || it->second.query.handle != handle) return false;
    asked_.erase(it);
    rest_when_idle();
    return true;
}

void TcpConnection::stream_connected(int error) {
    if (error != 0) return server_.broken(this, -error);
    connected_ = true;
    timer_.stop();
    stream_.start_reading();
    rest_when_idle();
    server_.go_on();
}

void TcpConnection::stream_data(core::ByteView data) {
    // Anything received shows that it is alive, even the reply to a cancelled query.
    unheard_since_ = clock_.mono_us();
    delivering_ = true;
    framing_.feed(data, [this](core::ByteView message) {
        deliver(message);
        return true;
    });
    delivering_ = false;
    if (asked_.empty()) unheard_since_ = 0;
    rest_when_idle();
    server_.go_on();
}

/// Passes the reply to the exchange with this ID, which goes on waiting if it does not match.
void TcpConnection::deliver(core::ByteView message) {
    if (message.size() < 2) return;
    const auto it = asked_.find(core::load_be16(message.data()));
    if (it == asked_.end()) return;  // cancelled in the meantime
    const std::uint64_t handle = it->second.query.handle;
    // From inside this call queries may be sent and cancelled over this connection, this one included.
    if (!events_.on_reply(it->second.query.cookie, message)) return;
    ++answered_;
    cancel(handle);
}

void TcpConnection::stream_ended(int) {
    server_.broken(this, ECONNRESET);
}

void TcpConnection::rest_when_idle() {
    if (asked_.empty() && !timer_.pending()) timer_.start_in(kIdle, [this] { server_.rested(this); });
}

}  // namespace postern::resolver

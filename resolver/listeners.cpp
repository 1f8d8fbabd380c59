// SPDX-License-Identifier: Apache-2.0
#include "resolver/listeners.h"

#include <algorithm>

#include "core/log.h"

namespace postern::resolver {
namespace {

bool is_wildcard(const core::IpAddress& ip) {
    return std::all_of(ip.data(), ip.data() + ip.size(), [](std::uint8_t b) { return b == 0; });
}

/// Whether the kernel refuses to bind both.
bool overlap(const core::SocketAddress& a, const core::SocketAddress& b) {
    if (a.port != b.port || a.ip.is_v6() != b.ip.is_v6()) return false;
    return a.ip == b.ip || is_wildcard(a.ip) || is_wildcard(b.ip);
}

}  // namespace

Listeners::Listeners(core::Loop& loop, core::Clock& clock, core::StatsPage& stats)
    : loop_(loop), clock_(clock), stats_(stats), input_(new UdpInput) {}
Listeners::~Listeners() = default;

void Listeners::connect(QueryHandler* handler) {
    handler_ = handler;
    tcp_ = std::make_unique<TcpServer>(loop_, clock_, *handler, stats_);
    before_sleep_.open(this, [&](uv_prepare_t* h) { return uv_prepare_init(loop_.raw(), h); });
    uv_prepare_start(before_sleep_.get(), [](uv_prepare_t* h) {
        Listeners* self = core::UvHandle<uv_prepare_t, Listeners>::owner(h);
        if (self == nullptr) return;
        self->flush();
    });
}

core::Result<void> Listeners::add(ListenSocket socket) {
    const core::SocketAddress address = socket.address;
    int rc = 0;
    if (socket.stream) {
        rc = tcp_->listen(std::move(socket.fd), address);
    } else {
        auto listener =
            std::make_unique<UdpListener>(std::move(socket.fd), next_id_++, address, *input_, *handler_, stats_);
        rc = listener->start(loop_);
        if (rc == 0) udp_.push_back(std::move(listener));
    }
    if (rc == 0) return {};
    return core::fail(rc == UV_EADDRINUSE ? core::Code::kAddressInUse : core::Code::kSocket,
                      std::string("cannot listen on ") + (socket.stream ? "TCP " : "UDP ") + address.text(), {}, -rc);
}

void Listeners::adopt(std::vector<ListenSocket> sockets) {
    adopted_ = !sockets.empty();
    for (auto& s : sockets) {
        if (const auto ok = add(std::move(s)); !ok) core::log_error("listen_failed", ok.error().text());
    }
}

core::Result<void> Listeners::bind(const core::SocketAddress& wanted) {
    auto udp = bind_socket(wanted, false);
    if (!udp) return core::fail(udp.error());
    // Port 0 (tests): TCP must use the port that UDP got.
    const core::SocketAddress actual = udp->address;
    auto tcp = bind_socket(actual, true);
    if (!tcp) return core::fail(tcp.error());
    if (auto ok = add(std::move(*tcp)); !ok) return ok;
    if (auto ok = add(std::move(*udp)); !ok) {
        tcp_->stop_listening(actual);
        return ok;
    }
    bound_.push_back({wanted, actual});
    return {};
}

void Listeners::release(const Bound& bound) {
    std::erase_if(udp_, [&](const auto& u) { return u->address() == bound.actual; });
    tcp_->stop_listening(bound.actual);
}

/// An address that is no longer wanted may conflict with a new one: 0.0.0.0:53 with 127.0.0.1:53, and the reverse.
/// Closes it before binding the new one, and binds it again if that fails.
core::Result<void> Listeners::bind_instead(const core::SocketAddress& wanted,
                                           const std::vector<core::SocketAddress>& all) {
    const auto old = std::stable_partition(bound_.begin(), bound_.end(), [&](const Bound& b) {
        return !overlap(b.actual, wanted) || std::find(all.begin(), all.end(), b.wanted) != all.end();
    });
    const std::vector<Bound> away(old, bound_.end());
    if (away.empty()) return bind(wanted);
    bound_.erase(old, bound_.end());
    for (const Bound& b : away)
        release(b);
    auto ok = bind(wanted);
    if (ok) return ok;
    for (const Bound& b : away) {
        if (const auto back = bind(b.actual); back) bound_.back().wanted = b.wanted;
    }
    return ok;
}

std::vector<core::Error> Listeners::listen_on(const std::vector<core::SocketAddress>& wanted) {
    std::vector<core::Error> errors;
    if (adopted_) return errors;
    if (wanted.empty()) return errors;  // not known: what is served stays
    for (const auto& address : wanted) {
        if (serves(address)) continue;
        auto ok = bind(address);
        if (!ok && ok.error().code == core::Code::kAddressInUse) ok = bind_instead(address, wanted);
        if (!ok) errors.push_back(std::move(ok.error()));
    }
    const auto served = [&](const core::SocketAddress& a) { return serves(a); };
    if (std::none_of(wanted.begin(), wanted.end(), served)) return errors;
    std::erase_if(bound_, [&](const Bound& b) {
        if (std::find(wanted.begin(), wanted.end(), b.wanted) != wanted.end()) return false;
        release(b);
        return true;
    });
    return errors;
}

core::Result<core::SocketAddress> Listeners::open_private(const core::SocketAddress& client) {
    auto socket = bind_socket({client.ip, 0}, false);
    if (!socket) return core::fail(socket.error());
    sockaddr_storage storage;
    const socklen_t size = client.to(&storage);
    const auto fault = [&](int error) {
        return core::fail(core::Code::kSocket, "cannot connect UDP " + socket->address.text(), {}, error);
    };
    if (::connect(socket->fd.get(), reinterpret_cast<sockaddr*>(&storage), size) != 0) return fault(errno);
    // What others have sent before it was connected.
    char byte = 0;
    while (::recv(socket->fd.get(), &byte, 1, MSG_DONTWAIT) >= 0) {
    }
    auto listener =
        std::make_unique<UdpListener>(std::move(socket->fd), next_id_++, socket->address, *input_, *handler_, stats_);
    if (const int rc = listener->start(loop_); rc != 0) return fault(-rc);
    private_ = std::move(listener);
    return private_->address();
}

std::uint64_t Listeners::id_at(const core::SocketAddress& address) const {
    const auto found = std::find_if(udp_.begin(), udp_.end(), [&](const auto& u) { return u->address() == address; });
    return found == udp_.end() ? 0 : (*found)->id();
}

std::vector<core::SocketAddress> Listeners::addresses() const {
    std::vector<core::SocketAddress> out;
    for (const auto& u : udp_)
        out.push_back(u->address());
    return out;
}

bool Listeners::serves(const core::SocketAddress& wanted) const {
    if (!adopted_) {
        return std::any_of(bound_.begin(), bound_.end(), [&](const Bound& b) { return b.wanted == wanted; });
    }
    return tcp_->listens_on(wanted) &&
           std::any_of(udp_.begin(), udp_.end(), [&](const auto& u) { return u->address() == wanted; });
}

void Listeners::send(const ReplyTo& to, const std::uint8_t* reply, std::size_t size) {
    if (to.proto == core::Proto::kTcp) return tcp_->send(to, reply, size);
    for (const auto& u : udp_) {
        if (u->id() == to.endpoint) return u->queue(to, reply, size);
    }
}

void Listeners::flush() {
    tcp_->flush();  // first: it may handle more questions, and their replies may go to UDP clients
    for (const auto& u : udp_)
        u->flush();
}

}  // namespace postern::resolver

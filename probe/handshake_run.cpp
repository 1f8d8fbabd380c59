// SPDX-License-Identifier: Apache-2.0
#include "probe/handshake_run.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "probe/phase_clock.h"

namespace postern::probe {

HandshakeRun::HandshakeRun(core::Loop& loop, core::Clock& clock, const ProbeTarget& target, HandshakeShape shape,
                           Done done)
    : loop_(loop), clock_(clock), done_(std::move(done)), context_(TlsContext::for_hello(shape.hello)), timer_(clock) {
    open(target, shape);
}

void HandshakeRun::open(const ProbeTarget& target, HandshakeShape shape) {
    const ProbeSpec& spec = *target.spec;
    if (context_) tls_ = TlsSession::create(*context_, spec.server_name.empty() ? spec.host : spec.server_name);
    const core::Micros now = clock_.mono_us();
    deadline_us_ = now + spec.timeout_us;
    const bool begun = tls_ && socket_.open(target.ip, shape.segment) == 0 &&
                       socket_.connect(loop_, {target.ip, spec.port}, [this](int error) { connected(error); }) == 0;
    if (begun) {
        arm(std::min(deadline_us_, now + spec.connect_timeout_us));
    } else {
        timer_.start_in(0, [this] { end(HandshakeFate::kUnknown); });
    }
}

void HandshakeRun::connected(int error) {
    if (error != 0) return end(HandshakeFate::kUnknown);
    connected_ = true;
    arm(deadline_us_);
    drive();
}

void HandshakeRun::drive() {
    switch (tls_->handshake()) {
        case TlsSession::Step::kMore:
            return flush();
        case TlsSession::Step::kDone:
            return end(HandshakeFate::kPassed);
        case TlsSession::Step::kClosed:
            return end(HandshakeFate::kClosed);
        case TlsSession::Step::kAlert:
        case TlsSession::Step::kProtocol:
            return end(HandshakeFate::kRefused);
        case TlsSession::Step::kNoMemory:
            return end(HandshakeFate::kUnknown);
    }
}

void HandshakeRun::flush() {
    for (core::ByteView bytes = tls_->outgoing(); !bytes.empty(); bytes = tls_->outgoing()) {
        const ssize_t n = socket_.send(bytes);
        if (n == -EAGAIN) break;
        if (n < 0) return end(HandshakeFate::kReset);
        tls_->consume(static_cast<std::size_t>(n));
    }
    const int events = UV_READABLE | (tls_->outgoing().empty() ? 0 : UV_WRITABLE);
    const int rc = socket_.watch(loop_, events, [this](int happened) {
        if ((happened & UV_READABLE) != 0) {
            read_socket();
        } else {
            flush();
        }
    });
    if (rc != 0) end(HandshakeFate::kUnknown);
}

void HandshakeRun::read_socket() {
    std::array<std::uint8_t, 16384> buffer;
    const ssize_t n = socket_.recv(buffer);
    if (n == -EAGAIN) return flush();
    if (n < 0) return end(n == -ETIMEDOUT ? HandshakeFate::kSilent : HandshakeFate::kReset);
    if (n == 0) return end(HandshakeFate::kClosed);
    if (!tls_->feed({buffer.data(), static_cast<std::size_t>(n)})) return end(HandshakeFate::kUnknown);
    drive();
}

void HandshakeRun::arm(core::Micros due) {
    timer_.start_at(due, [this, due] {
        const bool late = clock_.mono_us() - due > kTimerLate;  // what has arrived was not read
        end(connected_ && !late ? HandshakeFate::kSilent : HandshakeFate::kUnknown);
    });
}

void HandshakeRun::end(HandshakeFate fate) {
    timer_.stop();
    socket_.close();
    const Done done = std::exchange(done_, {});
    done(fate);
}

}  // namespace postern::probe

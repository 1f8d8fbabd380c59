// SPDX-License-Identifier: Apache-2.0
// A TLS handshake alone, in a shape of its own: with a large ClientHello, or in small segments. What becomes of it tells
// what the path does to sizes, next to an attempt of the usual shape. The certificate is not judged (the attempt does
// that), and nothing is sent after the handshake. Loop thread only.
#pragma once

#include <functional>
#include <memory>

#include "core/loop.h"
#include "probe/probe_launcher.h"
#include "probe/tcp_connector.h"
#include "probe/tls_session.h"

namespace postern::probe {

/// Segments that every path carries (IP requires 576 bytes).
inline constexpr int kSmallSegment = 536;

struct HandshakeShape {
    HelloSize hello = HelloSize::kSmall;
    int segment = 0;  // the largest TCP segment in bytes, both ways; 0: as the interface has it
};

class HandshakeRun final : public RunningProbe {
  public:
    using Done = std::function<void(HandshakeFate)>;

    /// Starts at once, with the address, port, name and timeouts of `target`; `done` is called once, never from inside.
    /// Without a connection the fate is kUnknown.
    HandshakeRun(core::Loop& loop, core::Clock& clock, const ProbeTarget& target, HandshakeShape shape, Done done);
    HandshakeRun(const HandshakeRun&) = delete;
    HandshakeRun& operator=(const HandshakeRun&) = delete;

  private:
    void open(const ProbeTarget& target, HandshakeShape shape);
    void connected(int error);
    void drive();
    void flush();
    void read_socket();
    void arm(core::Micros due);
    void end(HandshakeFate fate);  // may destroy `this`

    core::Loop& loop_;
    core::Clock& clock_;
    Done done_;
    std::shared_ptr<const TlsContext> context_;
    std::unique_ptr<TlsSession> tls_;
    TcpConnector socket_;
    core::Timer timer_;
    core::Micros deadline_us_ = 0;
    bool connected_ = false;
};

}  // namespace postern::probe

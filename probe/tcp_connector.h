// One TCP connection of a probe. Its own non-blocking socket and not uv_tcp, because the probe's promise is the true
// errno and the true time: uv_tcp hands a failed connect to the next turn of the loop, hides TCP_INFO (the kernel's own
// connect time) and the linger option, and copies reads through a buffer that it asks for.
// Closing: a peer that has closed gets a plain close; any other is reset (SO_LINGER 0), or every probe would leave a
// TIME_WAIT behind and 470 probes a second to one address would use up the local ports.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "core/bytes.h"
#include "core/clock.h"
#include "core/fd.h"
#include "core/ip_address.h"
#include "core/loop.h"
#include "probe/probe_types.h"

namespace postern::probe {

/// What a failed socket() or connect() means. `at_once`: by our own kernel, not reported by the network.
Reason reason_for_connect_error(int error, bool at_once);

class TcpConnector {
  public:
    TcpConnector() = default;
    ~TcpConnector() { close(); }
    TcpConnector(const TcpConnector&) = delete;
    TcpConnector& operator=(const TcpConnector&) = delete;

    /// Creates the socket; 0 or an errno (EMFILE, ENFILE, ENOMEM, ENOBUFS, …). Apart from connect(), so that the clock
    /// starts right before the SYN.
    int open(const core::IpAddress& ip);
    /// Sends the SYN. 0: `ready(errno)` is called later, 0 for connected. Otherwise the errno, at once.
    int connect(core::Loop& loop, const core::SocketAddress& to, std::function<void(int)> ready);
    /// Calls `ready(events)` for UV_READABLE | UV_WRITABLE, until watched otherwise. An error on the socket comes as
    /// both: the next recv() or send() tells. Returns 0 or a libuv error.
    int watch(core::Loop& loop, int events, std::function<void(int)> ready);
    /// Bytes moved, or -errno; -EAGAIN: later. recv 0: the peer closed.
    ssize_t send(core::ByteView bytes);
    ssize_t recv(std::span<std::uint8_t> into);

    /// SYN sent to SYN+ACK received by the kernel's own measure; nullopt if it had to retransmit or does not tell.
    std::optional<core::Micros> kernel_connect_us() const;
    std::uint16_t local_port() const;
    void close();

  private:
    core::UniqueFd fd_;
    core::FdWatcher watcher_;
    int watched_events_ = 0;
    bool peer_closed_ = false;
};

}  // namespace postern::probe

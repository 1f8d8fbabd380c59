// SPDX-License-Identifier: Apache-2.0
// One TCP connection of a probe. It has a non-blocking socket of its own rather than uv_tcp, which reports a failed
// connect in the next iteration of the loop only, gives no access to TCP_INFO (the connect time measured by the
// kernel) and SO_LINGER, and copies what is read. A connection that the peer has not closed is reset at close()
// (SO_LINGER 0): each probe would leave a TIME_WAIT otherwise, and 470 probes per second to one address would use up
// the local ports. Owned by ProbeRun, loop thread only.
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

/// The reason for a failed socket() or connect(). `at_once`: the call itself has failed, so the cause is
/// on this host.
Reason reason_for_connect_error(int error, bool at_once);

class TcpConnector {
  public:
    TcpConnector() = default;
    ~TcpConnector() { close(); }
    TcpConnector(const TcpConnector&) = delete;
    TcpConnector& operator=(const TcpConnector&) = delete;

    /// Creates the socket. Returns 0 or errno (EMFILE, ENFILE, ENOMEM, ENOBUFS, …). Separate from connect(), so that
    /// the caller can take the time right before the SYN. `segment`: the largest one both ways, in bytes; 0: as the
    /// interface has it.
    int open(const core::IpAddress& ip, int segment = 0);
    /// Sends the SYN. Returns 0, and calls `ready(errno)` later (0: connected), or errno.
    int connect(core::Loop& loop, const core::SocketAddress& to, std::function<void(int)> ready);
    /// Calls `ready(events)` for `events` (UV_READABLE, UV_WRITABLE) until the next call. An error of the socket is
    /// reported as both; recv() or send() then returns it. Returns 0 or a libuv error.
    int watch(core::Loop& loop, int events, std::function<void(int)> ready);
    /// Return the number of bytes or -errno; recv() returns 0 when the peer has closed.
    ssize_t send(core::ByteView bytes);
    ssize_t recv(std::span<std::uint8_t> into);

    /// From SYN to SYN+ACK as measured by the kernel; nullopt after a retransmission, or when TCP_INFO
    /// is not available.
    std::optional<core::Micros> kernel_connect_us() const;
    /// 0 when it is unknown.
    std::uint16_t local_port() const;
    void close();

  private:
    core::UniqueFd fd_;
    core::FdWatcher watcher_;
    int watched_events_ = 0;
    bool peer_closed_ = false;
};

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
// A conversation with the kernel about connections (NETLINK_SOCK_DIAG): lists them, ends one. Blocks: a single read of
// the kernel's may pass all its sockets, so it runs in a pool or in a program of its own. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "agent/connections/connection.h"
#include "core/bytes.h"
#include "core/error.h"
#include "core/fd.h"

namespace postern::agent {

/// What a list was worth.
struct DiagList {
    std::optional<core::Error> error;  // the kernel did not list: kSocket
    bool complete = false;             // false: cut short, or damaged
};

class DiagSocket {
  public:
    /// Each wait for the kernel ends after `wait_us`. kSocket: no such socket here.
    static core::Result<DiagSocket> open(Micros wait_us);

    /// Hands over the connections of one family that pass the filter (diag_filter()), part by part, until `take`
    /// returns false.
    DiagList list(std::uint8_t family, core::ByteView filter,
                  const std::function<bool(const std::vector<Connection>&)>& take);
    /// 0, or the errno: ENOENT it has ended, EPERM without CAP_NET_ADMIN, EOPNOTSUPP the kernel can't.
    int destroy(const SocketId& id);

  private:
    explicit DiagSocket(core::UniqueFd fd) : fd_(std::move(fd)) {}
    bool send(const core::Bytes& request);
    /// The size of the kernel's next datagram in `buffer_`, -1 with errno, 0: not the kernel's, or too long for it.
    ssize_t receive();

    core::UniqueFd fd_;
    std::uint32_t sequence_ = 0;
    core::Bytes buffer_;
    bool lost_ = false;  // a datagram of the kernel's was too long
};

}  // namespace postern::agent

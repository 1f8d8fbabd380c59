// SPDX-License-Identifier: Apache-2.0
// One UDP socket for clients: recvmmsg fills a batch, the handler writes the replies, one sendmmsg sends them. Later
// replies (from upstreams) are queued in the same outgoing batch until the loop is about to block. Loop thread.
#pragma once

#include <sys/socket.h>

#include <array>
#include <memory>

#include "core/loop.h"
#include "resolver/query_handler.h"

namespace postern::resolver {

inline constexpr std::size_t kBatch = 32;

/// The buffer for a batch of queries. One for all listeners, because a batch is handled within one callback. Usual
/// queries are in slots close together. What is more than a slot goes into `large_`, whose pages use memory from the
/// first large query on, 2 MiB at most.
class UdpInput {
  public:
    static constexpr std::size_t kSlotSize = 2048;
    UdpInput();
    int receive(int fd, bool with_local);

    /// Queries of more than kSlotSize are put together by this call.
    ByteView packet(std::size_t i);
    ReplyTo& from(std::size_t i) { return from_[i]; }

  private:
    std::uint8_t* large(std::size_t i) { return large_.get() + i * kMaxMessage; }
    void read_local(std::size_t i);

    std::array<mmsghdr, kBatch> headers_;
    std::array<std::array<iovec, 2>, kBatch> vectors_;
    std::array<ReplyTo, kBatch> from_;
    std::unique_ptr<std::uint8_t[]> large_;  // kMaxMessage bytes for each; the first kSlotSize are the slot's
    std::uint8_t data_[kBatch][kSlotSize];
    alignas(cmsghdr) std::uint8_t control_[kBatch][64];
};

class UdpListener {
  public:
    /// `fd` is bound and non-blocking. `id` goes into every ReplyTo.
    UdpListener(core::UniqueFd fd, std::uint64_t id, const core::SocketAddress& address, UdpInput& input,
                QueryHandler& handler, core::StatsPage& stats);
    ~UdpListener();

    int start(core::Loop& loop);
    void queue(const ReplyTo& to, const std::uint8_t* reply, std::size_t size);
    void flush();

    std::uint64_t id() const { return id_; }
    const core::SocketAddress& address() const { return address_; }

  private:
    struct Output;
    void on_readable();
    std::span<std::uint8_t> free_slot();
    void commit(const ReplyTo& to, std::size_t size);

    core::UniqueFd fd_;
    std::uint64_t id_;
    core::SocketAddress address_;
    bool wildcard_;  // replies must have the destination address of the query as their source
    UdpInput& input_;
    QueryHandler& handler_;
    core::StatsPage& stats_;
    std::unique_ptr<Output> output_;
    std::size_t queued_ = 0;
    core::UvHandle<uv_poll_t, UdpListener> poll_;
};

}  // namespace postern::resolver

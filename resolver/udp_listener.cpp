// SPDX-License-Identifier: Apache-2.0
#include "resolver/udp_listener.h"

#include <cerrno>
#include <cstring>

#include "resolver/client_filter.h"
#include "resolver/stats_writer.h"

namespace postern::resolver {
namespace {

constexpr int kBatchesAtOnce = 8;  // then back to the loop: upstream replies, TCP clients, timers

bool is_wildcard(const core::IpAddress& ip) {
    return std::all_of(ip.data(), ip.data() + ip.size(), [](std::uint8_t b) { return b == 0; });
}

}  // namespace

struct UdpListener::Output {
    std::array<mmsghdr, kBatch> headers;
    std::array<iovec, kBatch> vectors;
    std::array<PeerAddress, kBatch> peers;
    alignas(cmsghdr) std::uint8_t control[kBatch][64];
    std::uint8_t data[kBatch][kMaxLocalReply];
};

// Not make_unique, which would write to all pages.
UdpInput::UdpInput() : large_(new std::uint8_t[kBatch * kMaxMessage]) {
    for (std::size_t i = 0; i < kBatch; ++i) {
        vectors_[i] = {{{data_[i], kSlotSize}, {large(i) + kSlotSize, kMaxMessage - kSlotSize}}};
        headers_[i] = {};
        headers_[i].msg_hdr.msg_name = &from_[i].peer;
        headers_[i].msg_hdr.msg_iov = vectors_[i].data();
        headers_[i].msg_hdr.msg_iovlen = 2;
    }
}

ByteView UdpInput::packet(std::size_t i) {
    const std::size_t size = headers_[i].msg_len;
    if (size <= kSlotSize) return {data_[i], size};
    std::memcpy(large(i), data_[i], kSlotSize);
    return {large(i), size};
}

int UdpInput::receive(int fd, bool with_local) {
    for (std::size_t i = 0; i < kBatch; ++i) {
        msghdr& h = headers_[i].msg_hdr;
        h.msg_namelen = sizeof(PeerAddress);
        h.msg_control = with_local ? control_[i] : nullptr;
        h.msg_controllen = with_local ? sizeof control_[i] : 0;
    }
    const int n = recvmmsg(fd, headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
    for (int i = 0; with_local && i < n; ++i)
        read_local(static_cast<std::size_t>(i));
    return n;
}

void UdpInput::read_local(std::size_t i) {
    from_[i].has_local = false;
    msghdr& h = headers_[i].msg_hdr;
    for (cmsghdr* c = CMSG_FIRSTHDR(&h); c != nullptr; c = CMSG_NXTHDR(&h, c)) {
        if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            in_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            from_[i].local = core::IpAddress::v4(ntohl(info.ipi_addr.s_addr));
            from_[i].has_local = true;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            in6_pktinfo info;
            std::memcpy(&info, CMSG_DATA(c), sizeof info);
            std::array<std::uint8_t, 16> bytes;
            std::memcpy(bytes.data(), info.ipi6_addr.s6_addr, 16);
            from_[i].local = core::IpAddress::v6(bytes);
            from_[i].has_local = true;
        }
    }
}

UdpListener::UdpListener(core::UniqueFd fd, std::uint64_t id, const core::SocketAddress& address, UdpInput& input,
                         QueryHandler& handler, core::StatsPage& stats)
    : fd_(std::move(fd)),
      id_(id),
      address_(address),
      wildcard_(is_wildcard(address.ip)),
      input_(input),
      handler_(handler),
      stats_(stats),
      output_(new Output) {
    for (std::size_t i = 0; i < kBatch; ++i) {
        output_->vectors[i] = {output_->data[i], 0};
        output_->headers[i] = {};
        output_->headers[i].msg_hdr.msg_name = &output_->peers[i];
        output_->headers[i].msg_hdr.msg_iov = &output_->vectors[i];
        output_->headers[i].msg_hdr.msg_iovlen = 1;
    }
}

UdpListener::~UdpListener() = default;

int UdpListener::start(core::Loop& loop) {
    const int on = 1;
    if (wildcard_) {
        if (address_.ip.is_v6())
            ::setsockopt(fd_.get(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on);
        else
            ::setsockopt(fd_.get(), IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
    }
    const int rc = poll_.open(this, [&](uv_poll_t* h) { return uv_poll_init(loop.raw(), h, fd_.get()); });
    if (rc != 0) return rc;
    return uv_poll_start(poll_.get(), UV_READABLE, [](uv_poll_t* h, int, int) {
        UdpListener* self = core::UvHandle<uv_poll_t, UdpListener>::owner(h);
        if (self == nullptr) return;
        self->on_readable();
    });
}

void UdpListener::on_readable() {
    for (int turn = 0; turn < kBatchesAtOnce; ++turn) {
        const int n = input_.receive(fd_.get(), wildcard_);
        if (n <= 0) return;  // nothing more, or an ICMP error for an earlier reply, which is ignored
        handler_.begin_batch(static_cast<std::size_t>(n));
        std::uint64_t replies = 0;
        for (std::size_t i = 0; i < static_cast<std::size_t>(n); ++i) {
            ReplyTo& from = input_.from(i);
            from.endpoint = id_;
            from.proto = core::Proto::kUdp;
            from.loopback = is_loopback(from.peer);
            if (from.peer.port() == 0) continue;  // no reply can be sent to it
            const std::size_t size = handler_.handle(input_.packet(i), from, free_slot()).size;
            if (size == 0) continue;
            commit(from, size);
            ++replies;
        }
        flush();
        handler_.end_batch(replies);
        if (static_cast<std::size_t>(n) < kBatch) return;
    }
}

std::span<std::uint8_t> UdpListener::free_slot() {
    if (queued_ == kBatch) flush();
    return {output_->data[queued_], kMaxLocalReply};
}

void UdpListener::commit(const ReplyTo& to, std::size_t size) {
    const std::size_t i = queued_++;
    output_->peers[i] = to.peer;
    output_->vectors[i].iov_len = size;
    msghdr& h = output_->headers[i].msg_hdr;
    h.msg_namelen = to.peer.size();
    h.msg_control = nullptr;
    h.msg_controllen = 0;
    if (!wildcard_ || !to.has_local) return;
    h.msg_control = output_->control[i];
    auto* c = reinterpret_cast<cmsghdr*>(output_->control[i]);
    if (to.local.is_v6()) {
        in6_pktinfo info{};
        std::memcpy(info.ipi6_addr.s6_addr, to.local.data(), 16);
        h.msg_controllen = CMSG_SPACE(sizeof info);
        *c = {.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IPV6, .cmsg_type = IPV6_PKTINFO};
        std::memcpy(CMSG_DATA(c), &info, sizeof info);
    } else {
        in_pktinfo info{};
        std::memcpy(&info.ipi_spec_dst.s_addr, to.local.data(), 4);
        h.msg_controllen = CMSG_SPACE(sizeof info);
        *c = {.cmsg_len = CMSG_LEN(sizeof info), .cmsg_level = IPPROTO_IP, .cmsg_type = IP_PKTINFO};
        std::memcpy(CMSG_DATA(c), &info, sizeof info);
    }
}

void UdpListener::queue(const ReplyTo& to, const std::uint8_t* reply, std::size_t size) {
    const std::span<std::uint8_t> slot = free_slot();
    if (size > slot.size()) return;  // does not happen: the handler keeps to the limit of the client
    std::memcpy(slot.data(), reply, size);
    commit(to, size);
}

void UdpListener::flush() {
    std::size_t sent = 0;
    while (sent < queued_) {
        const int n =
            sendmmsg(fd_.get(), output_->headers.data() + sent, static_cast<unsigned>(queued_ - sent), MSG_DONTWAIT);
        if (n > 0) {
            sent += static_cast<std::size_t>(n);
            continue;
        }
        if (n < 0 && errno == EINTR) continue;
        // The first message can't be sent (a bad client address, a full buffer): skip it and try the rest.
        count(stats_, core::ResolverEvent::kSendFailed);
        ++sent;
    }
    queued_ = 0;
}

}  // namespace postern::resolver

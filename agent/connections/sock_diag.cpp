// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/sock_diag.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <set>

namespace postern::agent {

namespace {

// The kernel's numbers (include/net/tcp_states.h), which no header for programs has without libc's TCP header.
enum KernelState : std::uint8_t {
    kEstablished = 1,
    kSynSent = 2,
    kFinWait1 = 4,
    kFinWait2 = 5,
    kCloseWait = 8,
    kLastAck = 9,
    kClosing = 11,
};
constexpr std::uint32_t kStates = 1U << kEstablished | 1U << kSynSent | 1U << kFinWait1 | 1U << kFinWait2 |
                                  1U << kCloseWait | 1U << kLastAck | 1U << kClosing;

template <class T>
void put(core::Bytes& out, const T& value) {
    const auto* p = reinterpret_cast<const std::uint8_t*>(&value);
    out.insert(out.end(), p, p + sizeof(T));
}

/// The first bytes of `data` as a T; zeros where it is shorter.
template <class T>
T read(core::ByteView data) {
    T value{};
    std::memcpy(&value, data.data(), std::min(sizeof(T), data.size()));
    return value;
}

constexpr std::size_t aligned(std::size_t size) {
    return (size + 3) & ~std::size_t{3};
}

/// "The remote address is this one." Without an address: "the remote port is this one".
core::Bytes condition(const core::IpAddress* ip, std::uint16_t port) {
    const std::size_t address_size = ip == nullptr ? 0 : ip->size();
    const auto size = static_cast<std::uint8_t>(sizeof(inet_diag_bc_op) + sizeof(inet_diag_hostcond) + address_size);
    core::Bytes out;
    // `yes` and `no` are how far to go on: past this condition, or past the jump behind it.
    put(out, inet_diag_bc_op{INET_DIAG_BC_D_COND, size, static_cast<std::uint16_t>(size + sizeof(inet_diag_bc_op))});
    inet_diag_hostcond host{};
    host.family = static_cast<std::uint8_t>(ip == nullptr ? AF_UNSPEC : ip->is_v6() ? AF_INET6 : AF_INET);
    host.prefix_len = static_cast<std::uint8_t>(8 * address_size);
    host.port = port;
    put(out, host);
    if (ip != nullptr) out.insert(out.end(), ip->data(), ip->data() + ip->size());
    return out;
}

/// Passes what meets one of the conditions: the jump behind each but the last leads to the end.
core::Bytes any_of(const std::vector<core::Bytes>& conditions) {
    core::Bytes out;
    for (auto it = conditions.rbegin(); it != conditions.rend(); ++it) {
        core::Bytes head = *it;
        if (!out.empty()) {
            put(head, inet_diag_bc_op{INET_DIAG_BC_JMP, sizeof(inet_diag_bc_op),
                                      static_cast<std::uint16_t>(out.size() + sizeof(inet_diag_bc_op))});
        }
        head.insert(head.end(), out.begin(), out.end());
        out = std::move(head);
    }
    return out;
}

std::optional<TcpState> state_of(std::uint8_t kernel) {
    switch (kernel) {
        case kSynSent:
            return TcpState::kConnecting;
        case kEstablished:
            return TcpState::kEstablished;
        case kCloseWait:
            return TcpState::kCloseWait;
        case kFinWait1:
        case kFinWait2:
        case kLastAck:
        case kClosing:
            return TcpState::kClosing;
        default:
            return std::nullopt;
    }
}

TcpTimer timer_of(std::uint8_t kernel) {
    switch (kernel) {
        case 1:
            return TcpTimer::kRetransmit;
        case 2:
            return TcpTimer::kKeepalive;
        case 4:
            return TcpTimer::kWindowProbe;
        default:
            return TcpTimer::kNone;
    }
}

std::optional<core::IpAddress> remote_of(const inet_diag_msg& m) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), m.id.idiag_dst, bytes.size());
    if (m.idiag_family == AF_INET) return core::IpAddress::v4(core::load_be32(bytes.data()));
    if (m.idiag_family != AF_INET6) return std::nullopt;
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};  // RFC 4291, 2.5.5.2
    if (std::equal(kMapped.begin(), kMapped.end(), bytes.begin()))
        return core::IpAddress::v4(core::load_be32(bytes.data() + kMapped.size()));
    return core::IpAddress::v6(bytes);
}

void measure(const tcp_info& info, const inet_diag_msg& m, Connection& c) {
    c.measured = true;
    c.timeouts = info.tcpi_retransmits;
    c.backoff = info.tcpi_backoff;
    c.timeout_us = info.tcpi_rto;
    c.unacked = info.tcpi_unacked;
    // The queue to write holds what is not acknowledged, sent or not.
    c.unacked_bytes = m.idiag_wqueue - std::min(m.idiag_wqueue, info.tcpi_notsent_bytes);
    c.unsent_bytes = info.tcpi_notsent_bytes;
    c.unread_bytes = m.idiag_rqueue;
    c.rtt_us = info.tcpi_rtt;
    c.last_ack_us = Micros{info.tcpi_last_ack_recv} * core::kMillisecond;
    c.last_sent_us = Micros{info.tcpi_last_data_sent} * core::kMillisecond;
    c.last_received_us = Micros{info.tcpi_last_data_recv} * core::kMillisecond;
}

/// Everything up to tcpi_last_ack_recv and the RTT: Linux 2.4 has it.
constexpr std::size_t kLeastInfo = offsetof(tcp_info, tcpi_rttvar);

/// False if it is damaged.
bool parse_connection(core::ByteView body, std::vector<Connection>& out) {
    if (body.size() < sizeof(inet_diag_msg)) return false;
    const auto m = read<inet_diag_msg>(body);
    const auto state = state_of(m.idiag_state);
    const auto remote = remote_of(m);
    if (!state || !remote) return true;  // not asked for
    Connection c;
    c.remote = *remote;
    c.remote_port = core::load_be16(reinterpret_cast<const std::uint8_t*>(&m.id.idiag_dport));
    c.id.family = m.idiag_family;
    std::memcpy(c.id.raw.data(), &m.id, c.id.raw.size());
    c.uid = m.idiag_uid;
    c.inode = m.idiag_inode;
    c.state = *state;
    c.timer = timer_of(m.idiag_timer);
    bool whole = true;
    for (core::ByteView left = body.subspan(sizeof(inet_diag_msg)); left.size() >= sizeof(nlattr);) {
        const auto attribute = read<nlattr>(left);
        if (attribute.nla_len < sizeof(nlattr) || attribute.nla_len > left.size()) {
            whole = false;
            break;
        }
        const core::ByteView data = left.subspan(sizeof(nlattr), attribute.nla_len - sizeof(nlattr));
        if (attribute.nla_type == INET_DIAG_INFO && data.size() >= kLeastInfo) measure(read<tcp_info>(data), m, c);
        left = left.subspan(std::min(left.size(), aligned(attribute.nla_len)));
    }
    out.push_back(c);
    return whole;
}

}  // namespace

core::Bytes diag_filter(const std::vector<core::SocketAddress>& remotes) {
    const std::set<core::SocketAddress> addresses(remotes.begin(), remotes.end());
    std::set<std::uint16_t> ports;
    for (const auto& remote : addresses)
        ports.insert(remote.port);
    std::vector<core::Bytes> conditions;
    if (addresses.size() <= kMaxDiagConditions) {
        for (const auto& remote : addresses)
            conditions.push_back(condition(&remote.ip, remote.port));
    } else if (ports.size() <= kMaxDiagConditions) {
        for (const auto port : ports)
            conditions.push_back(condition(nullptr, port));
    }
    return any_of(conditions);
}

core::Bytes destroy_request(const SocketId& id, std::uint32_t sequence) {
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + sizeof(inet_diag_req_v2));
    header.nlmsg_type = SOCK_DESTROY;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    header.nlmsg_seq = sequence;
    inet_diag_req_v2 request{};
    request.sdiag_family = id.family;
    request.sdiag_protocol = IPPROTO_TCP;
    static_assert(sizeof request.id == sizeof id.raw);
    std::memcpy(&request.id, id.raw.data(), id.raw.size());
    core::Bytes out;
    put(out, header);
    put(out, request);
    return out;
}

core::Bytes diag_request(std::uint8_t family, std::uint32_t sequence, core::ByteView filter) {
    core::Bytes out;
    const std::size_t filter_size = filter.empty() ? 0 : aligned(sizeof(nlattr) + filter.size());
    nlmsghdr header{};
    header.nlmsg_len = static_cast<std::uint32_t>(sizeof(nlmsghdr) + sizeof(inet_diag_req_v2) + filter_size);
    header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header.nlmsg_seq = sequence;
    put(out, header);
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_ext = 1U << (INET_DIAG_INFO - 1);
    request.idiag_states = kStates;
    put(out, request);
    if (!filter.empty()) {
        put(out, nlattr{static_cast<std::uint16_t>(sizeof(nlattr) + filter.size()), INET_DIAG_REQ_BYTECODE});
        out.insert(out.end(), filter.begin(), filter.end());
        out.resize(header.nlmsg_len);
    }
    return out;
}

DiagPart parse_diag(core::ByteView datagram, std::uint32_t sequence, std::vector<Connection>& out) {
    DiagPart part;
    while (!datagram.empty()) {
        const auto header = read<nlmsghdr>(datagram);
        if (datagram.size() < sizeof(nlmsghdr) || header.nlmsg_len < sizeof(nlmsghdr) ||
            header.nlmsg_len > datagram.size()) {
            part.damaged = true;
            break;
        }
        const core::ByteView body = datagram.subspan(sizeof(nlmsghdr), header.nlmsg_len - sizeof(nlmsghdr));
        datagram = datagram.subspan(std::min(datagram.size(), aligned(header.nlmsg_len)));
        if (header.nlmsg_seq != sequence) continue;
        if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
            // Both carry 0 or a negative errno.
            const int code = body.size() < sizeof(int) ? 0 : read<int>(body);
            part.end = true;
            part.error = code < 0 && code > -4096 ? -code : 0;
            part.damaged |= header.nlmsg_type == NLMSG_ERROR && part.error == 0;
            break;
        }
        if (header.nlmsg_type == NLMSG_OVERRUN) part.damaged = true;
        if (header.nlmsg_type == SOCK_DIAG_BY_FAMILY) part.damaged |= !parse_connection(body, out);
    }
    return part;
}

}  // namespace postern::agent

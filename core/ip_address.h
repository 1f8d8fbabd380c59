// SPDX-License-Identifier: Apache-2.0
// IPv4 and IPv6 addresses, socket addresses and prefixes as values. Text is parsed as by inet_pton; no name
// is looked up.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace postern::core {

class IpAddress {
  public:
    IpAddress() = default;  // 0.0.0.0
    /// "10.0.1.23" or "2408:…::1" (no brackets, no scope).
    static std::optional<IpAddress> parse(std::string_view text);
    static IpAddress v4(std::uint32_t host_order);
    static IpAddress v6(const std::array<std::uint8_t, 16>& network_order);

    bool is_v6() const { return v6_; }
    bool is_loopback() const;
    /// A unicast address, loopback included: not 0.0.0.0/8, not 224.0.0.0 and above, not ::, not ff00::/8.
    bool is_host() const;
    /// 169.254.0.0/16 or fe80::/10.
    bool is_link_local() const;
    /// Not routed on the internet: RFC 1918, RFC 6598 (carriers and clouds), RFC 4193, link-local, loopback.
    bool is_private() const;
    /// 4 or 16 bytes in network order.
    const std::uint8_t* data() const { return bytes_.data(); }
    std::size_t size() const { return v6_ ? 16 : 4; }
    std::string text() const;
    auto operator<=>(const IpAddress&) const = default;  // all IPv4 before all IPv6. NOLINT: a bug of clang-tidy

  private:
    bool v6_ = false;
    std::array<std::uint8_t, 16> bytes_{};
};

struct SocketAddress {
    /// The name of an interface, padded with zeros.
    using Scope = std::array<char, 16>;

    IpAddress ip;
    std::uint16_t port = 0;
    Scope scope{};  // of a link-local IPv6 address (RFC 4007); its index is looked up by to()

    /// "10.0.0.1:53", "[::1]:53", "[fe80::1%eth0]:53"; without a port, and then without brackets, it gets
    /// `default_port`. Rejects port 0 unless `default_port` is 0, and a scope on an address that is not link-local.
    static std::optional<SocketAddress> parse(std::string_view text, std::uint16_t default_port);
    /// Nothing for a family other than AF_INET and AF_INET6.
    static std::optional<SocketAddress> from(const sockaddr* address);
    /// Fills `out`, returns its length. The scope of an interface that does not exist is 0.
    socklen_t to(sockaddr_storage* out) const;
    std::string text() const;
    /// As resolv.conf has it: "10.0.0.1", "fe80::1%eth0".
    std::string host() const;
    auto operator<=>(const SocketAddress&) const = default;  // NOLINT(modernize-use-nullptr)
};

struct IpPrefix {
    IpAddress ip;
    std::uint8_t length = 0;  // 0..32 or 0..128

    /// "127.0.0.0/8"; a bare address is a /32 or /128. Bits past the length must be zero.
    static std::optional<IpPrefix> parse(std::string_view text);
    bool contains(const IpAddress& address) const;
    std::string text() const;
    auto operator<=>(const IpPrefix&) const = default;  // NOLINT(modernize-use-nullptr)
};

}  // namespace postern::core

// SPDX-License-Identifier: Apache-2.0
#include "core/ip_address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

namespace postern::core {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    char buffer[INET6_ADDRSTRLEN];
    if (text.empty() || text.size() >= sizeof buffer) return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    IpAddress a;
    if (inet_pton(AF_INET, buffer, a.bytes_.data()) == 1) return a;
    a.v6_ = true;
    if (inet_pton(AF_INET6, buffer, a.bytes_.data()) == 1) return a;
    return std::nullopt;
}

IpAddress IpAddress::v4(std::uint32_t host_order) {
    IpAddress a;
    for (int i = 0; i < 4; ++i) {
        a.bytes_[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
    }
    return a;
}

IpAddress IpAddress::v6(const std::array<std::uint8_t, 16>& network_order) {
    IpAddress a;
    a.v6_ = true;
    a.bytes_ = network_order;
    return a;
}

bool IpAddress::is_loopback() const {
    static const IpPrefix kV4 = *IpPrefix::parse("127.0.0.0/8");
    static const IpPrefix kV6 = *IpPrefix::parse("::1/128");
    return kV4.contains(*this) || kV6.contains(*this);
}

bool IpAddress::is_host() const {
    if (v6_) return bytes_[0] != 0xff && *this != v6({});
    return bytes_[0] != 0 && bytes_[0] < 224;
}

bool IpAddress::is_link_local() const {
    return v6_ ? bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80 : bytes_[0] == 169 && bytes_[1] == 254;
}

bool IpAddress::is_private() const {
    static const std::array kPrefixes = {
        *IpPrefix::parse("10.0.0.0/8"),    *IpPrefix::parse("172.16.0.0/12"),  *IpPrefix::parse("192.168.0.0/16"),
        *IpPrefix::parse("100.64.0.0/10"), *IpPrefix::parse("169.254.0.0/16"), *IpPrefix::parse("fc00::/7"),
        *IpPrefix::parse("fe80::/10"),
    };
    return is_loopback() ||
           std::any_of(kPrefixes.begin(), kPrefixes.end(), [&](const auto& p) { return p.contains(*this); });
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN];
    inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), buffer, sizeof buffer);
    return buffer;
}

namespace {

bool is_interface_name(std::string_view name) {
    return !name.empty() && name.size() < SocketAddress::Scope{}.size() &&
           std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ']'; });
}

/// A name, or a number as glibc takes it.
unsigned scope_index(const char* scope) {
    const unsigned index = if_nametoindex(scope);
    return index != 0 ? index : parse_number<unsigned>(scope).value_or(0);
}

}  // namespace

std::optional<SocketAddress> SocketAddress::parse(std::string_view text, std::uint16_t default_port) {
    std::string_view host = text;
    std::string_view port;
    bool has_port = false;
    if (!text.empty() && text.front() == '[') {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        host = text.substr(1, close - 1);
        if (host.find(':') == std::string_view::npos) return std::nullopt;
        const auto rest = text.substr(close + 1);
        if (!rest.empty()) {
            if (rest.front() != ':') return std::nullopt;
            has_port = true;
            port = rest.substr(1);
        }
    } else if (const auto colon = text.find(':'); colon != std::string_view::npos && text.rfind(':') == colon) {
        has_port = true;
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    }
    const auto percent = host.find('%');
    const auto ip = IpAddress::parse(host.substr(0, percent));
    if (!ip) return std::nullopt;
    SocketAddress out{*ip, default_port};
    if (percent != std::string_view::npos) {
        const auto name = host.substr(percent + 1);
        if (!ip->is_link_local() || !ip->is_v6() || !is_interface_name(name)) return std::nullopt;
        std::copy(name.begin(), name.end(), out.scope.begin());
    }
    if (has_port) {
        const auto number = parse_number<std::uint16_t>(port);
        if (!number || (*number == 0 && default_port != 0)) return std::nullopt;
        out.port = *number;
    }
    return out;
}

std::optional<SocketAddress> SocketAddress::from(const sockaddr* address) {
    if (address->sa_family == AF_INET) {
        const auto* in = reinterpret_cast<const sockaddr_in*>(address);
        return SocketAddress{IpAddress::v4(ntohl(in->sin_addr.s_addr)), ntohs(in->sin_port)};
    }
    if (address->sa_family == AF_INET6) {
        const auto* in = reinterpret_cast<const sockaddr_in6*>(address);
        std::array<std::uint8_t, 16> bytes;
        std::memcpy(bytes.data(), in->sin6_addr.s6_addr, 16);
        return SocketAddress{IpAddress::v6(bytes), ntohs(in->sin6_port)};
    }
    return std::nullopt;
}

socklen_t SocketAddress::to(sockaddr_storage* out) const {
    std::memset(out, 0, sizeof *out);
    if (ip.is_v6()) {
        auto* in = reinterpret_cast<sockaddr_in6*>(out);
        in->sin6_family = AF_INET6;
        in->sin6_port = htons(port);
        std::memcpy(in->sin6_addr.s6_addr, ip.data(), 16);
        if (scope[0] != 0) in->sin6_scope_id = scope_index(scope.data());
        return sizeof *in;
    }
    auto* in = reinterpret_cast<sockaddr_in*>(out);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    std::memcpy(&in->sin_addr.s_addr, ip.data(), 4);
    return sizeof *in;
}

std::string SocketAddress::text() const {
    return ip.is_v6() ? '[' + host() + "]:" + std::to_string(port) : ip.text() + ':' + std::to_string(port);
}

std::string SocketAddress::host() const {
    return scope[0] == 0 ? ip.text() : ip.text() + '%' + scope.data();
}

std::optional<IpPrefix> IpPrefix::parse(std::string_view text) {
    const auto slash = text.find('/');
    const auto ip = IpAddress::parse(text.substr(0, slash));
    if (!ip) return std::nullopt;
    const auto bits = static_cast<std::uint8_t>(ip->size() * 8);
    IpPrefix out{*ip, bits};
    if (slash != std::string_view::npos) {
        const auto length = parse_number<std::uint8_t>(text.substr(slash + 1));
        if (!length || *length > bits) return std::nullopt;
        out.length = *length;
    }
    for (unsigned bit = out.length; bit < bits; ++bit) {
        if (out.ip.data()[bit / 8] & (0x80u >> (bit % 8))) return std::nullopt;
    }
    return out;
}

bool IpPrefix::contains(const IpAddress& address) const {
    if (address.is_v6() != ip.is_v6()) return false;
    const std::size_t whole = length / 8u;
    if (std::memcmp(address.data(), ip.data(), whole) != 0) return false;
    const unsigned rest = length % 8u;
    if (rest == 0) return true;
    const auto mask = static_cast<std::uint8_t>(0xff00u >> rest);
    return ((address.data()[whole] ^ ip.data()[whole]) & mask) == 0;
}

std::string IpPrefix::text() const {
    return ip.text() + '/' + std::to_string(length);
}

}  // namespace postern::core

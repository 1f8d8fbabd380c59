// SPDX-License-Identifier: Apache-2.0
#include "agent/net/http_errors.h"

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>

#include "core/ip_address.h"
#include "core/secret.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;

// The CURLcodes that are handled; stable since curl 7.10 and earlier.
enum Curl {
    kUnsupportedProtocol = 1,
    kUrlMalformat = 3,
    kProxyHost = 5,
    kHost = 6,
    kConnect = 7,
    kWeirdReply = 8,
    kPartial = 18,
    kWrite = 23,
    kTimedOut = 28,
    kSslConnect = 35,
    kAborted = 42,
    kNothing = 52,
    kSend = 55,
    kRecv = 56,
    kVerify = 60,
    kCaFile = 77,
    kProxy = 97,
};

/// scheme://[user@]host[:port][/…] with any scheme.
std::optional<UrlParts> split(std::string_view url, std::uint16_t default_port) {
    UrlParts out;
    const auto colon = url.find("://");
    if (colon == std::string_view::npos) return std::nullopt;
    out.scheme = core::lowered(url.substr(0, colon));
    std::string_view rest = url.substr(colon + 3);
    rest = rest.substr(0, rest.find_first_of("/?#"));
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
    std::string_view port;
    if (rest.starts_with('[')) {
        const auto close = rest.find(']');
        if (close == std::string_view::npos) return std::nullopt;
        out.host = core::lowered(rest.substr(1, close - 1));
        const auto ip = core::IpAddress::parse(out.host);
        if (!ip || !ip->is_v6()) return std::nullopt;
        port = rest.substr(close + 1);
        if (!port.empty() && port.front() != ':') return std::nullopt;
    } else {
        const auto at = rest.find(':');
        out.host = core::lowered(rest.substr(0, at));
        port = at == std::string_view::npos ? std::string_view{} : rest.substr(at);
    }
    const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
    if (out.host.empty() || !std::all_of(out.host.begin(), out.host.end(), printable) ||
        out.host.find_first_of("\"<>\\^`{|}%") != std::string::npos) {
        return std::nullopt;
    }
    out.port = default_port;
    if (!port.empty()) {
        port.remove_prefix(1);
        unsigned value = 0;
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
        if (error != std::errc{} || end != port.data() + port.size() || value == 0 || value > 65535)
            return std::nullopt;
        out.port = static_cast<std::uint16_t>(value);
    }
    out.authority = out.host.find(':') == std::string::npos ? out.host : "[" + out.host + "]";
    if (out.port != default_port) out.authority += ":" + std::to_string(out.port);
    return out;
}

bool listed(std::string_view entry, const UrlParts& url, const std::optional<core::IpAddress>& ip) {
    if (entry == "*") return true;
    if (ip) {
        const auto prefix = core::IpPrefix::parse(entry);
        return prefix && prefix->contains(*ip);
    }
    while (entry.starts_with('.'))
        entry.remove_prefix(1);
    const std::string name = core::lowered(entry.substr(0, entry.find(':')));
    return !name.empty() && (url.host == name || url.host.ends_with("." + name));
}

/// "2.3 s", "40 ms": as long as it was.
std::string span(core::Micros us) {
    if (us < 100 * core::kMillisecond) return fmt::format("{} ms", us / core::kMillisecond);
    return fmt::format("{:g} s", std::round(static_cast<double>(us) / 1e5) / 10);
}

Error tls_error(const TransportFailure& f, const core::Message& where) {
    const bool of_proxy = f.proxy_verify_result != X509_V_OK;
    const core::Message who = of_proxy ? core::message("the TLS certificate of the proxy {}", f.proxy)
                                       : core::message("the TLS certificate of {}", where);
    const long result = of_proxy ? f.proxy_verify_result : f.verify_result;
    // curl compares names itself after the chain was accepted, and leaves no OpenSSL result of its own.
    const bool name = result == X509_V_OK || f.text.find("subject name") != std::string::npos ||
                      f.text.find("subjectAltName") != std::string::npos;
    switch (name ? X509_V_ERR_HOSTNAME_MISMATCH : result) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return {Code::kTlsFailed, core::message("{} has expired", who),
                    "check this host's clock; else the server must renew it", 0};
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return {Code::kTlsFailed, core::message("{} is not yet valid", who), "check this host's clock", 0};
        case X509_V_ERR_HOSTNAME_MISMATCH:
        case X509_V_ERR_IP_ADDRESS_MISMATCH:
            // See certificate_name: OpenSSL's own result, of a chain that was refused, is about the name if that is wrong, too.
            return {Code::kTlsFailed,
                    name ? core::message("{} is for another name", who)
                         : core::message("{} is for another name, and is not accepted either", who),
                    "something else answers at this address: check DNS, proxies and api_endpoint", 0};
        default:
            break;
    }
    return {Code::kTlsFailed,
            core::message("{} is not trusted: {}", who, std::string(X509_verify_cert_error_string(result))),
            f.ca_file.empty()
                ? core::Message(
                      "install ca-certificates, or name the CA in ca_file; a proxy that opens TLS needs its CA there")
                : core::message("the CA in {} did not sign it", f.ca_file),
            0};
}

/// The proxy answers but refuses this host: curl reports a broken connection; here it is an unreachable host.
Error proxy_refusal(const TransportFailure& f, const core::Message& where) {
    const char* hint = f.proxy_status == 407
                           ? "it wants a user and password: https_proxy = http://user:password@host:port"
                           : "it does not let this host through: allow it there, or name it in no_proxy";
    return {Code::kConnectFailed, core::message("no connection to {}: it says HTTP {}", where, f.proxy_status), hint,
            0};
}

/// Whom the connection is made to: the proxy, if there is one.
core::Message first_hop(const TransportFailure& f, const core::Message& where) {
    return f.proxy.empty() ? where : core::message("the proxy {}, the way to {}", f.proxy, f.target);
}

Error connect_error(const TransportFailure& f, const core::Message& where) {
    const char* hint = "check routes, security groups and firewalls for this address";
    if (f.sys == ECONNREFUSED) hint = "nothing listens there, or a firewall rejects: check the host and port";
    if (f.sys == ENETUNREACH || f.sys == EHOSTUNREACH) hint = "this host has no route there: check its routes";
    return {Code::kConnectFailed, core::message("cannot connect to {}", first_hop(f, where)), hint, f.sys};
}

/// By the phase in which nothing came.
Error silence(const TransportFailure& f, const core::Message& where) {
    const std::string time = span(f.elapsed_us);
    const auto error = [](core::Message what, const char* hint) {
        return Error{Code::kTimeout, std::move(what), hint, 0};
    };
    const char* no_tls = "something accepts the connection but does not speak TLS: check the port and proxies";
    const char* no_proxy = "it may not reach that host: allow it there, or name it in no_proxy";
    if (!f.connected) {
        return error(f.proxy.empty() ? core::message("no connection to {} within {}", where, time)
                                     : core::message("no connection to {}, within {}", first_hop(f, where), time),
                     "packets are dropped on the way: check routes, security groups and firewalls");
    }
    const bool socks = f.proxy_scheme.starts_with("socks");
    if (!f.proxy.empty() && f.secure && f.proxy_status == 0 && !socks) {
        if (f.proxy_verify_result != 0)
            return error(core::message("no TLS handshake with {}, within {}", first_hop(f, where), time), no_tls);
        return error(core::message("the proxy {} did not answer CONNECT {} for {}", f.proxy, f.target, time), no_proxy);
    }
    if (socks && f.in_tls && f.verify_result == 0)
        return error(core::message("the proxy {} did not answer the request for {} for {}", f.proxy, f.target, time),
                     no_proxy);
    if (f.in_tls) return error(core::message("no TLS handshake with {} within {}", where, time), no_tls);
    return error(core::message("no complete reply from {} within {}", where, time),
                 "the server is slow or the path loses large packets");
}

}  // namespace

std::optional<UrlParts> split_url(std::string_view url) {
    const auto secure = core::lowered(url.substr(0, 8)) == "https://";
    if (!secure && core::lowered(url.substr(0, 7)) != "http://") return std::nullopt;
    const auto authority = url.substr(secure ? 8 : 7);
    if (authority.substr(0, authority.find_first_of("/?#")).find('@') != std::string_view::npos) return std::nullopt;
    return split(url, secure ? 443 : 80);
}

std::optional<UrlParts> split_proxy(std::string_view proxy) {
    const bool has_scheme = proxy.find("://") != std::string_view::npos;
    const std::string whole = has_scheme ? std::string(proxy) : "http://" + std::string(proxy);
    auto parts = split(whole, core::lowered(whole).starts_with("https://") ? 443 : 1080);
    if (!parts) return std::nullopt;
    for (const char* known : {"http", "https", "socks4", "socks4a", "socks5", "socks5h"}) {
        if (parts->scheme == known) return parts;
    }
    return std::nullopt;
}

std::string proxy_label(std::string_view proxy) {
    if (proxy.empty()) return {};
    const auto parts = split_proxy(proxy);
    if (!parts) return "?";
    const bool v6 = parts->host.find(':') != std::string::npos;
    return (v6 ? "[" + parts->host + "]" : parts->host) + ":" + std::to_string(parts->port);
}

bool is_loopback_host(const std::string& host) {
    const auto ip = core::IpAddress::parse(host);
    return host == "localhost" || (ip && ip->is_loopback());
}

std::string proxy_for(std::string_view url, const Environment& environment) {
    const auto parts = split_url(url);
    if (!parts) return {};
    // Loopback is never behind a proxy, even if no_proxy does not list it.
    if (is_loopback_host(parts->host)) return {};
    const auto first = [&](std::initializer_list<const char*> names) {
        for (const char* name : names) {
            if (std::string value = environment(name); !value.empty()) return value;
        }
        return std::string();
    };
    // HTTP_PROXY in capitals can come from a client's "Proxy:" header (httpoxy): never read.
    std::string proxy = parts->scheme == "https" ? first({"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"})
                                                 : first({"http_proxy", "all_proxy", "ALL_PROXY"});
    if (proxy.empty()) return {};
    const std::string exclusions = first({"no_proxy", "NO_PROXY"});
    for (std::size_t at = 0; at < exclusions.size();) {
        const auto start = exclusions.find_first_not_of(", \t", at);
        if (start == std::string::npos) break;
        at = std::min(exclusions.find_first_of(", \t", start), exclusions.size());
        if (listed(std::string_view(exclusions).substr(start, at - start), *parts, core::IpAddress::parse(parts->host)))
            return {};
    }
    return proxy;
}

Error explain_transport_failure(int curl_code, const TransportFailure& f) {
    core::Message where = f.target;
    if (!f.ip.empty() && !f.target.starts_with(f.ip)) where = f.target + " (" + f.ip + ")";
    if (!f.proxy.empty()) where = core::message("{} through the proxy {}", f.target, f.proxy);
    const std::string words = core::redact(f.text, 200);
    const auto ended = [&](core::Message what) {
        return Error{Code::kHttpFailed, std::move(what), "the server or something on the way cut it; it is asked again",
                     0};
    };
    if (f.too_large) {
        return {Code::kTooLarge, core::message("the reply of {} is larger than {} bytes", where, f.max_body),
                "something other than the expected service answers there", 0};
    }
    if (f.proxy_status >= 300) return proxy_refusal(f, where);
    switch (curl_code) {
        case kHost:
        case kProxyHost:
            return {Code::kDnsFailed, core::message("cannot resolve the name of {}", where),
                    "check the upstream DNS servers", 0};
        case kConnect:
            return connect_error(f, where);
        case kTimedOut:
            return silence(f, where);
        case kVerify:
            return tls_error(f, where);
        case kCaFile:
            return {Code::kTlsFailed,
                    f.ca_file.empty() ? core::Message("cannot use the CA file of the system")
                                      : core::message("cannot use the CA file {}", f.ca_file),
                    f.ca_file.empty() ? "install the package ca-certificates"
                                      : "it must exist, be readable and hold PEM certificates",
                    0};
        case kSslConnect:
            if (f.sys == ECONNRESET || words.find("reset") != std::string::npos) {
                return {Code::kTlsFailed, core::message("{} reset the connection during the TLS handshake", where),
                        "a firewall may filter by server name", ECONNRESET};
            }
            return {Code::kTlsFailed, core::message("the TLS handshake with {} failed: {}", where, words),
                    "check that the port speaks TLS and that no proxy is in between", 0};
        case kAborted:
            return ended(core::message("{} dropped a kept connection when it was used again", where));
        case kNothing:
            return ended(core::message("{} closed the connection without a reply", where));
        case kPartial:
            return ended(core::message("{} closed the connection in the middle of its reply", where));
        case kSend:
        case kRecv:
            return ended(f.sys == ECONNRESET || words.find("reset") != std::string::npos
                             ? core::message("{} reset the connection", where)
                             : core::message("the connection to {} broke: {}", where, words));
        case kWeirdReply:
        case kUnsupportedProtocol:
            return {Code::kHttpFailed, core::message("{} does not speak HTTP", where), "check the host and port", 0};
        case kUrlMalformat:
            return {Code::kUsage, core::message("a malformed URL for {}", where), "expected https://host[:port]", 0};
        case kProxy:
            return {Code::kConnectFailed, core::message("the proxy refused the connection to {}: {}", where, words),
                    "check https_proxy and no_proxy", 0};
        default:
            return {Code::kHttpFailed, core::message("HTTP with {} failed: {}", where, words), "", f.sys};
    }
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/corefile.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/text/values.h"

namespace postern::agent::k8s {
namespace {

using core::Code;

constexpr std::size_t kEntries = 9984;  // CoreDNS's own default, which `success` and `denial` have to repeat

std::string written(const core::SocketAddress& a) {
    return a.port == 53 ? a.host() : a.text();
}

std::string block(const std::string& name, const CorefileOptions& options) {
    std::string to, bind;
    for (const auto& upstream : options.upstreams)
        to += " " + written(upstream);
    for (const auto& ip : options.binds)
        bind += " " + ip.text();
    std::string out = fmt::format("{}:53 {{\n    errors\n", name);
    if (options.dns == ClusterDns::kNodeLocal) out += fmt::format("    bind{}\n    reload\n", bind);
    out +=
        fmt::format("    cache {0} {{\n        success {1} {0}\n        denial {1} {0}\n    }}\n", kCacheS, kEntries);
    out += fmt::format("    forward .{} {{\n        policy sequential\n        max_fails 1\n", to);
    if (options.failover) out += "        failover SERVFAIL REFUSED\n";
    out += "    }\n";
    if (options.dns == ClusterDns::kNodeLocal) out += "    prometheus :9253\n";
    return out + "}\n";
}

std::string custom_dns_config(const std::vector<std::string>& names, const CorefileOptions& options) {
    std::string out =
        "# Written by postern k8s corefile --for ack. A cluster has one CustomDNSConfig, \"default\": if it has zones of\n"
        "# others already, add these to them.\n"
        "apiVersion: networking.alibabacloud.com/v1beta1\n"
        "kind: CustomDNSConfig\n"
        "metadata:\n"
        "  name: default\n"
        "spec:\n"
        "  zones:\n";
    for (const auto& name : names) {
        out += fmt::format("    - name: \"{}\"\n      forward:\n        upstreams:\n", name);
        for (const auto& upstream : options.upstreams)
            out += fmt::format("          - \"{}\"\n", written(upstream));
    }
    return out;
}

}  // namespace

std::string corefile(const std::vector<std::string>& names, const CorefileOptions& options) {
    std::vector<std::string> once;
    for (const auto& name : names) {
        if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(name);
    }
    if (options.dns == ClusterDns::kAck) return custom_dns_config(once, options);
    std::string out = fmt::format("# Written by postern k8s corefile{}: a server block for each private name.\n",
                                  options.dns == ClusterDns::kNodeLocal ? " --for nodelocal" : "");
    if (options.dns == ClusterDns::kNodeLocal)
        out += "# bind: what the other blocks of node-local-dns bind (postern k8s corefile --bind).\n";
    for (const auto& name : once)
        out += block(name, options);
    return out;
}

core::Result<core::SocketAddress> parse_resolver(std::string_view text, const char* option) {
    const auto address = core::SocketAddress::parse(text, 53);
    if (!address || !address->ip.is_host())
        return core::fail(Code::kUsage, core::message("{} {} is not the address of a DNS server", option, shown(text)),
                          "give an IP address, with :PORT if it is not 53");
    if (address->ip.is_loopback())
        return core::fail(Code::kUsage,
                          core::message("{} {} is a loopback address: for the cluster's DNS that is its own pod",
                                        option, shown(text)),
                          "give the address on which the node's resolver listens for pods, such as 169.254.20.153");
    if (address->scope != core::SocketAddress::Scope{})
        return core::fail(Code::kUsage,
                          core::message("{} {} has a scope, which is not the same on every node", option, shown(text)),
                          "give an address without %INTERFACE");
    return *address;
}

core::Result<void> check_ack(const std::vector<core::SocketAddress>& upstreams) {
    for (const auto& upstream : upstreams) {
        if (upstream.ip.is_v6())
            return core::fail(Code::kUsage,
                              core::message("a CustomDNSConfig has IPv4 addresses alone, not {}", upstream.text()),
                              "give the IPv4 address of the Service or of the node's resolver");
    }
    return {};
}

}  // namespace postern::agent::k8s

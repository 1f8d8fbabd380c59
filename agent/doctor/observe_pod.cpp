// SPDX-License-Identifier: Apache-2.0
// The pod that doctor runs in: the server that its kubelet gave it, and what that says of the names.
#include <unistd.h>

#include <fmt/format.h>

#include <cstdlib>

#include "agent/doctor/observe.h"
#include "agent/hostdns/host_system.h"
#include "agent/hostdns/resolv_conf.h"

namespace postern::agent::doctor {
namespace {

constexpr core::Micros kPatience = 5 * core::kSecond;  // glibc's
constexpr std::size_t kLongestName = 253;
constexpr std::size_t kMaxSearch = 32;  // Kubernetes' own limit

/// A server that is silent for one search domain is for the others, too.
std::vector<core::Result<DnsReply>> search(const ResolvConf& conf, const std::string& name) {
    std::vector<core::Result<DnsReply>> out;
    for (const auto& domain : conf.search) {
        const std::string asked = fmt::format("{}.{}", name, domain);
        if (asked.size() > kLongestName) continue;  // a C library does not ask for it, either
        out.push_back(ask_dns(conf.servers.front(), asked, "A", kPatience));
        if (!out.back() || out.size() == kMaxSearch) break;
    }
    return out;
}

}  // namespace

bool in_pod() {
    // The kubelet sets the one for every container, and gives the other to all that may ask the API server.
    return std::getenv("KUBERNETES_SERVICE_HOST") != nullptr ||
           ::access("/var/run/secrets/kubernetes.io/serviceaccount", F_OK) == 0;
}

PodSeen look_at_pod(const std::vector<NameSeen>& names) {
    PodSeen seen;
    seen.resolv_conf = HostSystem::real()->read("/etc/resolv.conf").value_or("");
    const ResolvConf conf = ResolvConf::parse(seen.resolv_conf);
    for (const auto& name : names) {
        PodSeen::Name one{name.link, name.name, name.known, name.partial || name.narrowed, {}};
        if (!conf.servers.empty()) {
            one.reply = ask_dns(conf.servers.front(), name.name, "A", kPatience);
            if (*one.reply && conf.searches_first(name.name)) one.searched = search(conf, name.name);
        }
        seen.names.push_back(std::move(one));
    }
    return seen;
}

}  // namespace postern::agent::doctor

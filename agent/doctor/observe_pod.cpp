// SPDX-License-Identifier: Apache-2.0
// The pod that doctor runs in: the server that its kubelet gave it, and what that says of the names.
#include <unistd.h>

#include <cstdlib>

#include "agent/doctor/observe.h"
#include "agent/hostdns/host_system.h"
#include "agent/hostdns/resolv_conf.h"

namespace postern::agent::doctor {
namespace {

constexpr core::Micros kPatience = 5 * core::kSecond;  // glibc's

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
        if (!conf.servers.empty()) one.reply = ask_dns(conf.servers.front(), name.name, "A", kPatience);
        seen.names.push_back(std::move(one));
    }
    return seen;
}

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
// `postern k8s corefile`.
#include "agent/client/console.h"
#include "agent/commands/cli.h"

namespace postern::agent {

int run_command(const K8sCorefileCommand& command) {
    constexpr const char* kName = "k8s corefile";
    const auto config = config_or_complain(kName, command.config);
    if (!config) return kExitUnknown;
    const auto names = config->answered_hosts();
    if (names.empty()) {
        complain(kName, core::Error{core::Code::kConfigBadValue, "the configuration has no name that postern answers",
                                    "add a [[link]]; one with answer = false is left to the VPC's DNS", 0});
        return kExitFailed;
    }
    k8s::CorefileOptions options = command.options;
    const bool ack = options.dns == k8s::ClusterDns::kAck;
    if (!ack || command.node_given || !command.service) options.upstreams.push_back(*command.node);
    if (command.service) options.upstreams.push_back(*command.service);
    if (ack) {
        if (const auto checked = k8s::check_ack(options.upstreams); !checked) {
            complain(kName, checked.error());
            return kExitUnknown;
        }
        // Where ACK runs its managed CoreDNS is not told; elsewhere a link-local address is another machine's, or nobody's.
        if (options.upstreams.front().ip.is_link_local())
            complain(kName,
                     "a link-local address is reached by a CoreDNS that runs on the same node alone; for ACK's managed "
                     "CoreDNS give --service with an address of the VPC");
    } else if (!command.service) {
        complain(kName, "without --service a node whose resolver is down has no private names");
    }
    print_data(k8s::corefile(names, options));
    return kExitGood;
}

}  // namespace postern::agent

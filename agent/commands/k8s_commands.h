// SPDX-License-Identifier: Apache-2.0
// The commands that concern a Kubernetes cluster as plain structs (cli.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/commands/publish_commands.h"
#include "agent/k8s/cluster_access.h"
#include "agent/k8s/corefile.h"
#include "agent/k8s/manifests.h"
#include "core/ip_address.h"

namespace postern::agent {

/// `postern publish kubernetes`, and with `ack_dns` `publish ack-dns`.
struct PublishClusterCommand {
    PublishCommon common;  // its answers always follow the health
    k8s::ClusterWish cluster;
    std::string publisher;  // in the Lease; "": this host's name, which in a pod is the pod's
    bool ack_dns = false;
    bool keep = false;  // until SIGTERM
};
struct K8sCorefileCommand {
    std::string config = kDefaultConfigPath;
    k8s::CorefileOptions options;
    std::optional<core::SocketAddress> node, service;
    bool node_given = false;
};
struct K8sManifestsCommand {
    std::string config = kDefaultConfigPath;
    k8s::Objects objects = k8s::Objects::kNodes;
};
/// `postern k8s node`: prepares a node for a pod without root.
struct K8sNodeCommand {
    std::optional<core::IpAddress> address;  // nullopt: no interface is made
    std::string interface_name = "postern-pods";
    std::vector<std::string> folders;
    std::uint32_t owner = 10053;  // the user of the image (packaging/container)
};
struct K8sAliveCommand {
    core::SocketAddress server;
    Micros timeout_us = 3 * core::kSecond;
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The objects of packaging/k8s/kustomize with the links of a configuration in their ConfigMaps. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::agent::k8s {

enum class Objects {
    kNodes,      // kustomize/base: the DaemonSet, and the Deployment behind the cluster-wide Service
    kPublisher,  // kustomize/publisher
};

/// What of a configuration file belongs into a ConfigMap: all but [agent], [dns] and [http], which differ between the
/// objects and are theirs.
struct PodConfig {
    std::string text;
    std::vector<std::string> left_out;  // names of tables, once each
};
PodConfig pod_config(std::string_view file);

/// Several YAML documents, for `kubectl apply -f -`. `links`: of pod_config().
std::string manifests(Objects objects, std::string_view links);

/// The configuration files in them, as the pods read them: to be checked before they are printed.
std::vector<std::string> configs_of(std::string_view manifests);

}  // namespace postern::agent::k8s

// SPDX-License-Identifier: Apache-2.0
// Where a cluster's API server is, and as whom it is asked: the pod's own service account, or what the command line gives.
#pragma once

#include <string>

#include "agent/net/environment.h"
#include "core/error.h"

namespace postern::agent::k8s {

inline constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/// As given; "" for the pod's own.
struct ClusterWish {
    std::string server, token_file, ca_file, space;
};

struct ClusterAccess {
    std::string server;      // "https://10.96.0.1:443"
    std::string token_file;  // "": asked without a token
    std::string ca_file;     // "": the system's
    std::string space;       // the namespace
    bool own = false;        // the cluster that this pod runs in: never through a proxy
};

/// `folder`: kServiceAccount. Errors: kUsage, with what has to be given; kFileUnreadable.
core::Result<ClusterAccess> find_cluster(const ClusterWish& wish, const Environment& environment,
                                         const std::string& folder);

}  // namespace postern::agent::k8s

// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/cluster_access.h"

#include <unistd.h>

#include "agent/net/http_client.h"
#include "core/file_system.h"
#include "core/text.h"

namespace postern::agent::k8s {
namespace {

using core::Code;

constexpr std::size_t kMaxName = 4096;

bool is_there(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

core::Result<ClusterAccess> find_cluster(const ClusterWish& wish, const Environment& environment,
                                         const std::string& folder) {
    ClusterAccess out{wish.server, wish.token_file, wish.ca_file, wish.space};
    if (out.server.empty()) {
        const std::string host = environment("KUBERNETES_SERVICE_HOST"), port = environment("KUBERNETES_SERVICE_PORT");
        if (host.empty() || port.empty())
            return core::fail(Code::kUsage,
                              "this is no pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set",
                              "run it in a pod, or give --server URL, --token-file and --ca-file");
        const bool v6 = host.find(':') != std::string::npos;
        out.server = "https://" + (v6 ? "[" + host + "]" : host) + ":" + port;
        out.own = true;
    }
    const auto url = split_url(out.server);
    if (!url)
        return core::fail(Code::kUsage, core::message("{} is no URL of an API server", out.server),
                          "expected https://HOST[:PORT]");
    if (url->scheme != "https" && !is_loopback_host(url->host))
        return core::fail(Code::kUsage, core::message("{} would send the token in the clear", out.server),
                          "expected https://HOST[:PORT] (plain http only on loopback, as of kubectl proxy)");
    while (out.server.ends_with('/'))
        out.server.pop_back();
    if (out.token_file.empty() && is_there(folder + "/token")) out.token_file = folder + "/token";
    if (out.own && out.token_file.empty())
        return core::fail(Code::kUsage, core::message("there is no {}", folder + "/token"),
                          "the pod needs a service account: automountServiceAccountToken: true; or give --token-file");
    if (out.ca_file.empty() && is_there(folder + "/ca.crt")) out.ca_file = folder + "/ca.crt";
    if (out.space.empty()) {
        auto text = core::read_file(folder + "/namespace", kMaxName);
        if (!text)
            return core::fail(Code::kUsage, "the namespace of the objects is not known", "give --namespace NAME");
        out.space = core::trimmed(*text);
    }
    return out;
}

}  // namespace postern::agent::k8s

// SPDX-License-Identifier: Apache-2.0
// A cluster's API over HTTP, for one namespace. Blocking: it turns the loop until it is answered, so that what else lives
// on the loop goes on. The token's file is read for each request, for the kubelet writes it anew before it expires; it is in
// no error and no log.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "agent/k8s/cluster.h"
#include "agent/k8s/cluster_access.h"
#include "agent/k8s/kube_reply.h"
#include "agent/net/http_transport.h"
#include "core/clock.h"
#include "core/secret.h"

namespace postern::agent::k8s {

class KubeApi final : public Cluster {
  public:
    /// `turn`: one iteration of the loop, which may wait; false: interrupted.
    KubeApi(core::Clock& clock, HttpTransport& http, ClusterAccess access, std::function<bool()> turn);

    core::Result<std::optional<JsonView>> read(const ObjectName& name) override;
    core::Result<std::vector<JsonView>> own(Kind kind) override;
    core::Result<Written> create(Kind kind, const std::string& object) override;
    core::Result<Written> change(const ObjectName& name, const std::string& patch) override;
    core::Result<Written> remove(const ObjectName& name, const std::string& uid, const std::string& version) override;
    core::Micros asked_to_wait_us() const override { return wait_us_; }

    const ClusterAccess& access() const { return access_; }

  private:
    struct Call {
        const char* method = "GET";
        std::string path, body;
        const char* type = "application/json";
        core::Message what;
    };
    std::string path_of(Kind kind) const;
    core::Result<KubeReply> ask(const Call& call);
    core::Result<KubeReply> ask_once(const Call& call);
    core::Result<Written> write(const Call& call);

    core::Clock& clock_;
    HttpTransport& http_;
    ClusterAccess access_;
    std::function<bool()> turn_;
    core::Secret token_;  // alive as long as it may be in use: texts are searched for it
    core::Micros wait_us_ = 0;
};

}  // namespace postern::agent::k8s

// SPDX-License-Identifier: Apache-2.0
// postern's objects in a cluster, as an interface: tests have one in memory. The real one is kube_api.cpp. Each write says
// which version of the object it is meant for, so that it can't undo what another publisher wrote meanwhile.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/text/json_view.h"
#include "core/clock.h"
#include "core/error.h"

namespace postern::agent::k8s {

enum class Kind { kService, kEndpointSlice, kLease, kCustomDns };

struct ObjectName {
    Kind kind = Kind::kService;
    std::string name;
    bool operator==(const ObjectName&) const = default;
};

enum class Written { kDone, kConflict };  // kConflict: it is another version, or was made by another; read it again

/// Blocking. Errors: those of the network, kCredentialsInvalid, kApiDenied, kApiThrottled, kApiUnavailable, kApiBadReply,
/// kApiRejected, kApiNotFound (the cluster does not know the kind, or the namespace), kCancelled. Writes whose reply is lost
/// may have been done: the next look tells.
class Cluster {
  public:
    virtual ~Cluster() = default;
    /// nullopt: there is none.
    virtual core::Result<std::optional<JsonView>> read(const ObjectName& name) = 0;
    /// The objects of that kind with the labels of kOwnLabels, in our namespace.
    virtual core::Result<std::vector<JsonView>> own(Kind kind) = 0;
    virtual core::Result<Written> create(Kind kind, const std::string& object) = 0;
    /// `patch`: RFC 7396, with metadata.resourceVersion.
    virtual core::Result<Written> change(const ObjectName& name, const std::string& patch) = 0;
    /// Only that very object in that version; one that is gone already is a success.
    virtual core::Result<Written> remove(const ObjectName& name, const std::string& uid,
                                         const std::string& version) = 0;
    /// After kApiThrottled: how long the server asked to wait; 0 if it did not say.
    virtual core::Micros asked_to_wait_us() const { return 0; }
};

/// "service db" for messages.
std::string describe(const ObjectName& name);

}  // namespace postern::agent::k8s

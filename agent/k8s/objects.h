// SPDX-License-Identifier: Apache-2.0
// A link as a headless Service without selector and its EndpointSlices: what they ought to be, and the write that makes
// them so. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/k8s/cluster.h"
#include "core/error.h"
#include "core/ip_address.h"

namespace postern::agent::k8s {

/// What every object of postern carries, as a selector.
inline constexpr const char* kOwnLabels = "app.kubernetes.io/managed-by=postern,app.kubernetes.io/component=publisher";
inline constexpr std::size_t kMaxSliceAddresses = 1000;  // the API's limit for a slice

struct ServiceAddress {
    core::IpAddress ip;
    std::string zone;   // "": not known
    bool ready = true;  // the verdict's
    bool operator==(const ServiceAddress&) const = default;
};

struct ServiceWish {
    std::string name;  // of the Service
    std::string space;
    std::string link, host;
    std::uint16_t port = 443;
    std::vector<ServiceAddress> addresses;  // at least one ready
};

/// The name of a link's Service (RFC 1035): lower case, '-' for what it may not have.
std::string service_name(std::string_view link);
/// The name of its slice: one for each family.
std::string slice_name(const std::string& service, bool v6);

/// What the API server would refuse, or a rule of ours: kApiRejected. An address of loopback, link-local or multicast; none
/// that is ready; too many.
core::Result<void> check(const ServiceWish& wish);

/// The write that makes an object what it ought to be.
struct ObjectStep {
    enum class What { kNothing, kCreate, kChange, kRemove, kForeign };
    What what = What::kNothing;
    ObjectName name;
    std::string body;          // kCreate: the object; kChange: the patch
    std::string uid, version;  // kRemove
    core::Message why;         // kForeign: why it is left as it is
    core::Message told;        // what is done, for people
};

ObjectStep service_step(const ServiceWish& wish, const std::optional<JsonView>& there);
/// A family without addresses has no slice.
ObjectStep slice_step(const ServiceWish& wish, bool v6, const std::optional<JsonView>& there);
/// kNothing for what is not ours, or not there.
ObjectStep removal_step(const ObjectName& name, const std::optional<JsonView>& there);

bool is_ours(const JsonView& object);
/// metadata.name, metadata.annotations["postern/host"] …; "" if absent.
std::string name_of(const JsonView& object);
std::string annotation(const JsonView& object, const char* key);
std::string version_of(const JsonView& object);

}  // namespace postern::agent::k8s

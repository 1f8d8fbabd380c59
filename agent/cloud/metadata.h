// SPDX-License-Identifier: Apache-2.0
// The instance metadata service (IMDSv2, with the v1 fallback of the official clients). Plain HTTP to a link-local
// style address: one second for each request, never through a proxy, every value bounded and trimmed. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/http_transport.h"
#include "core/ip_address.h"
#include "core/secret.h"

namespace postern::agent {

struct MetadataOptions {
    std::string url = "http://100.100.100.200";
    bool v1_disabled = false;  // ALIBABA_CLOUD_IMDSV1_DISABLED: no request without a session token
};

/// Where this machine is. A value that the service does not give is empty.
struct InstanceIdentity {
    std::string region, zone, vpc;
    std::vector<core::IpAddress> nameservers;  // of the VPC, at most 8
};

class MetadataClient {
  public:
    using TextCallback = std::function<void(core::Result<std::string>)>;
    using IdentityCallback = std::function<void(core::Result<InstanceIdentity>)>;

    MetadataClient(core::Clock& clock, HttpTransport& http, MetadataOptions options);
    /// No callback runs after it.
    ~MetadataClient();

    /// One value below /latest/meta-data/, trimmed. kApiNotFound for 404, kApiUnavailable if there is no answer,
    /// kApiDenied if a token is required and was refused, kApiBadReply for an invalid value.
    void get(const std::string& path, TextCallback done);
    /// From the one document meta-data/all if there is one, else value by value. Missing values are ""; an error only
    /// if the service does not answer. Asked once and remembered: an instance does not move.
    void identity(IdentityCallback done);
    /// What identity() has found so far.
    const InstanceIdentity& known_identity() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// The value in a metadata body, trimmed; nullopt if empty, over 16 KiB, or with control bytes.
std::optional<std::string> metadata_value(std::string_view body);

/// The identity in a meta-data/all document; empty fields where there is no usable value. Accepts any bytes.
InstanceIdentity parse_identity(std::string_view all);

/// "cn-hangzhou": lower-case letters, digits and dashes. Checked because host names are built from it.
bool is_region_id(std::string_view text);

}  // namespace postern::agent

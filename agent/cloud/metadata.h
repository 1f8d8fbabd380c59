// The instance metadata service (IMDSv2, with the v1 fallback that the official clients have). Plain HTTP on a link-local
// style address: one second for everything, never through a proxy, every value bounded and trimmed. Loop thread.
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
    bool v1_disabled = false;  // ALIBABA_CLOUD_IMDSV1_DISABLED: without a session token nothing is asked
};

/// Where this machine is. Empty where the service does not know.
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

    /// One value below /latest/meta-data/, trimmed. kApiNotFound for 404, kApiUnavailable when nobody answers,
    /// kApiDenied when a token is required and was refused, kApiBadReply for what can't be a value.
    void get(const std::string& path, TextCallback done);
    /// From the one document of meta-data/all where there is one, else value by value. What is missing is ""; an error only
    /// when the service does not answer. Asked once, then remembered: an instance does not move.
    void identity(IdentityCallback done);
    /// What identity() found so far.
    const InstanceIdentity& known_identity() const;

  private:
    struct State;
    std::shared_ptr<State> state_;
};

/// The value in a metadata body: outer blanks, CR and LF cut; nothing if empty, over 16 KiB, or with control bytes.
std::optional<std::string> metadata_value(std::string_view body);

/// What the document of meta-data/all says; empty where it says nothing usable. Any bytes.
InstanceIdentity parse_identity(std::string_view all);

/// "cn-hangzhou": lower-case letters, digits and dashes. Guards host names that are built from it.
bool is_region_id(std::string_view text);

}  // namespace postern::agent

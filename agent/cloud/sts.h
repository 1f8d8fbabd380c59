// SPDX-License-Identifier: Apache-2.0
// STS: AssumeRole (signed with version 2, as the official credential libraries do) and AssumeRoleWithOIDC (unsigned;
// the OIDC token authenticates). Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/cloud/acs3_signer.h"
#include "agent/cloud/credentials.h"
#include "agent/net/http_transport.h"
#include "core/random.h"

namespace postern::agent {

/// The role to assume.
struct RoleRequest {
    std::string role_arn, session_name, policy, external_id;
    int duration_s = 3600;  // 900 or more
    std::string host;       // sts_host()
    std::string source;     // for Credentials::provider
};

/// "sts.aliyuncs.com", or "sts.REGION…" / "sts-vpc.REGION…". An empty region: that of ALIBABA_CLOUD_STS_REGION.
std::string sts_host(const std::string& region, bool vpc, const Environment& environment);

class StsClient {
  public:
    using Callback = CredentialSource::Callback;

    /// `base_url`: "" for https:// + RoleRequest::host.
    StsClient(core::Clock& clock, core::Random& random, HttpTransport& http, std::string base_url, std::string ca_file);

    /// A refused date is corrected once, from the reply's Date. No callback runs after destruction.
    void assume_role(const Credentials& as, const RoleRequest& role, Callback done);
    void assume_role_with_oidc(const core::Secret& oidc_token, const std::string& provider_arn, const RoleRequest& role,
                               Callback done);

  private:
    using Query = std::function<NameValues()>;  // with the time and a nonce for each attempt

    NameValues signed_query(const Credentials& as, const RoleRequest& role);
    void send(Query query, const NameValues& form, const RoleRequest& role, const std::string& action, Callback done,
              bool clock_tried = false);
    core::Micros now_us() const;
    bool learn_clock(const HttpResponse& refusal);

    core::Clock& clock_;
    core::Random& random_;
    HttpTransport& http_;
    std::string base_url_, ca_file_;
    core::Micros clock_offset_us_ = 0;  // the service's time minus ours
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// The string to sign of version 2, and its signature: base64(HMAC-SHA1(secret + "&", text)).
std::string rpc_v2_string_to_sign(const std::string& method, const NameValues& parameters);
std::string rpc_v2_signature(const std::string& method, const NameValues& parameters, const core::Secret& secret);

/// {"Credentials":{…}} of both actions.
core::Result<Credentials> parse_sts_reply(std::string_view body);

}  // namespace postern::agent

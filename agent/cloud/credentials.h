// SPDX-License-Identifier: Apache-2.0
// The credentials that sign requests. A chain of sources in the order of the official SDKs; the first that works is
// used and remembered. Temporary credentials are renewed in the background before they expire; concurrent callers
// share one fetch. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/cloud/metadata.h"
#include "agent/net/environment.h"
#include "agent/net/http_transport.h"
#include "core/backoff.h"
#include "core/clock.h"
#include "core/message.h"
#include "core/random.h"
#include "core/secret.h"

namespace postern::agent {

struct Credentials {
    std::string access_key_id;
    core::Secret access_key_secret;
    core::Secret security_token;  // empty: a permanent key
    core::Micros expires_wall_us = core::kNever;
    std::string provider;   // "environment", "ecs_ram_role", …
    std::string principal;  // "role postern-reader"; "" when the source has no name for it
};

/// One source. Calls back once, maybe before fetch() returns, unless the source is destroyed.
class CredentialSource {
  public:
    using Callback = std::function<void(core::Result<Credentials>)>;

    virtual ~CredentialSource() = default;
    virtual std::string_view name() const = 0;
    /// kCredentialsMissing: not configured, the next source is asked. Any other error: configured but failing.
    virtual void fetch(Callback done) = 0;
};

/// Why a source was used or not; for `check-config --online` and error texts.
struct CredentialAttempt {
    std::string source;
    bool used = false;
    bool set_up = false;  // configured; failing unless used
    core::Message why_not;
    core::Message hint;  // the next step, if the error has one

    core::Message told() const { return hint.empty() ? why_not : core::message("{} ({})", why_not, hint); }
};

class CredentialChain {
  public:
    using Callback = CredentialSource::Callback;

    /// `keep`: objects that the sources refer to.
    CredentialChain(core::Clock& clock, core::Random& random, std::vector<std::unique_ptr<CredentialSource>> sources,
                    std::shared_ptr<void> keep = {});
    /// No callback runs after it.
    ~CredentialChain();

    /// Credentials valid for at least three more minutes; if a renewal fails, older ones that have not expired yet.
    /// kCredentialsMissing, with every source and its reason, if there are none.
    void get(Callback done);
    /// The API refused this key or its token: the next get() asks its source again, whatever the expiry says.
    void invalidate(const std::string& access_key_id);
    /// The attempts of the last fetch, in order.
    const std::vector<CredentialAttempt>& attempts() const { return attempts_; }
    /// Every source, in the order they are asked.
    std::vector<std::string> source_names() const;
    /// The source in use, "" before the first success.
    std::string source() const { return current_ ? current_->provider : std::string(); }

  private:
    bool fresh() const;
    void fetch();
    void ask(std::size_t index);
    void fetched(std::size_t index, core::Result<Credentials> result);
    void exhausted();
    void renew_in(core::Micros delay_us);
    void finish(const core::Result<Credentials>& result);

    core::Clock& clock_;
    core::Random& random_;
    std::shared_ptr<void> keep_;
    std::vector<std::unique_ptr<CredentialSource>> sources_;
    std::optional<Credentials> current_;
    std::size_t remembered_ = 0;  // index of current_'s source
    core::Micros fetched_mono_us_ = 0;
    bool refused_ = false;  // by the API
    bool fetching_ = false;
    bool asking_all_ = false;  // the remembered source failed: every source is asked
    std::vector<Callback> waiting_;
    std::vector<CredentialAttempt> attempts_, asked_;
    core::Timer renewal_;
    core::Backoff backoff_;
    std::shared_ptr<bool> alive_;  // sources and callers may call back after destruction
};

struct CredentialContext;

struct CredentialOptions {
    std::string sts_url;  // "": STS of the region, as the variables and profiles say
    std::string ca_file;  // for STS; "": the system's
    /// Runs a program for profiles of mode External; if empty, they are refused. See CommandRunner.
    std::function<void(std::vector<std::string>, std::function<void(core::Result<std::string>)>)> run = {};
};

/// The chain of the official SDKs in its order: environment, OIDC, ~/.aliyun/config.json,
/// ~/.alibabacloud/credentials, ECS RAM role, credentials URI - with the SDKs' switches.
std::unique_ptr<CredentialChain> default_credential_chain(core::Clock& clock, core::Random& random, HttpTransport& http,
                                                          MetadataClient& metadata, Environment environment,
                                                          CredentialOptions options = {});

/// ALIBABA_CLOUD_ACCESS_KEY_ID, _SECRET and, optional, ALIBABA_CLOUD_SECURITY_TOKEN.
std::unique_ptr<CredentialSource> environment_credentials(Environment environment);
/// The role of this ECS instance. `role` "": ask the metadata service for its name.
std::unique_ptr<CredentialSource> ecs_role_credentials(MetadataClient& metadata, std::string role);

/// The JSON of the metadata service and of a credentials URI: Code Success and all three keys, or an error. A URI
/// may omit Code.
core::Result<Credentials> parse_role_credentials(std::string_view body, bool code_required);

/// "true" in any case.
bool is_true(std::string_view text);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/credentials.h"

#include <algorithm>
#include <utility>

#include "agent/cloud/credential_sources.h"
#include "core/log.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Micros;

// The platform issues the next credential 30 min before the old one expires; both are valid meanwhile.
constexpr Micros kRenewBefore = 15 * core::kMinute;
constexpr Micros kUseless = 3 * core::kMinute;  // a request started now must not find it expired
// at most one fetch a minute from a source whose credentials look expired
constexpr Micros kAskAgain = core::kMinute;
constexpr Micros kRenewAtLeast = 10 * core::kSecond;

class EnvironmentSource final : public CredentialSource {
  public:
    explicit EnvironmentSource(Environment environment) : environment_(std::move(environment)) {}
    std::string_view name() const override { return "environment"; }
    void fetch(Callback done) override {
        Credentials out;
        out.access_key_id = environment_("ALIBABA_CLOUD_ACCESS_KEY_ID");
        out.access_key_secret = core::Secret(environment_("ALIBABA_CLOUD_ACCESS_KEY_SECRET"));
        out.security_token = core::Secret(environment_("ALIBABA_CLOUD_SECURITY_TOKEN"));
        out.provider = name();
        if (out.access_key_id.empty()) {
            return done(core::fail(Code::kCredentialsMissing, "ALIBABA_CLOUD_ACCESS_KEY_ID is not set"));
        }
        if (out.access_key_secret.empty()) {
            return done(core::fail(Code::kCredentialsMissing, "ALIBABA_CLOUD_ACCESS_KEY_SECRET is not set"));
        }
        done(std::move(out));
    }

  private:
    Environment environment_;
};

bool is_role_name(const std::string& text) {
    return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
               c == '.';
    });
}

class EcsRoleSource final : public CredentialSource {
  public:
    EcsRoleSource(MetadataClient& metadata, std::string role) : metadata_(metadata), role_(std::move(role)) {}
    std::string_view name() const override { return "ecs_ram_role"; }
    void fetch(Callback done) override {
        if (!role_.empty()) return keys_of(role_, std::move(done));
        // Asked every time: another role may have been attached.
        metadata_.get("ram/security-credentials/", [this, alive = std::weak_ptr<bool>(alive_),
                                                    done = std::move(done)](core::Result<std::string> value) mutable {
            if (alive.expired()) return;
            if (!value && value.error().code == Code::kApiNotFound) {
                return done(core::fail(Code::kCredentialsInvalid, "no RAM role is attached to this instance"));
            }
            if (!value) return done(core::fail(std::move(value.error())));
            const std::string role = value->substr(0, value->find_first_of("\r\n"));
            if (!is_role_name(role)) {
                return done(core::fail(Code::kApiBadReply, "the metadata service gave no role name"));
            }
            keys_of(role, std::move(done));
        });
    }

  private:
    void keys_of(const std::string& role, Callback done) {
        metadata_.get("ram/security-credentials/" + core::percent_encode(role), [role, done = std::move(done)](
                                                                                    core::Result<std::string> value) {
            if (!value && value.error().code == Code::kApiNotFound) {
                return done(core::fail(Code::kCredentialsInvalid,
                                       core::message("the RAM role {} is not attached to this instance", role)));
            }
            if (!value) return done(core::fail(std::move(value.error())));
            auto keys = parse_role_credentials(*value, true);
            if (!keys) return done(core::fail(std::move(keys.error())));
            keys->provider = "ecs_ram_role";
            keys->principal = "role " + role;
            done(std::move(keys));
        });
    }

    MetadataClient& metadata_;
    std::string role_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A source that is switched off: listed with the reason.
class SwitchedOffSource final : public CredentialSource {
  public:
    SwitchedOffSource(std::string name, std::string variable)
        : name_(std::move(name)), variable_(std::move(variable)) {}
    std::string_view name() const override { return name_; }
    void fetch(Callback done) override {
        done(core::fail(Code::kCredentialsMissing, core::message("switched off by {}", variable_)));
    }

  private:
    std::string name_, variable_;
};

}  // namespace

bool is_true(std::string_view text) {
    return core::same_word(text, "true");
}

std::unique_ptr<CredentialSource> environment_credentials(Environment environment) {
    return std::make_unique<EnvironmentSource>(std::move(environment));
}

std::unique_ptr<CredentialSource> ecs_role_credentials(MetadataClient& metadata, std::string role) {
    return std::make_unique<EcsRoleSource>(metadata, std::move(role));
}

CredentialChain::CredentialChain(core::Clock& clock, core::Random& random,
                                 std::vector<std::unique_ptr<CredentialSource>> sources, std::shared_ptr<void> keep)
    : clock_(clock),
      random_(random),
      keep_(std::move(keep)),
      sources_(std::move(sources)),
      renewal_(clock),
      backoff_(10 * core::kSecond, 5 * core::kMinute),
      alive_(std::make_shared<bool>(true)) {}

CredentialChain::~CredentialChain() {
    *alive_ = false;
}

bool CredentialChain::fresh() const {
    if (!current_ || refused_) return false;
    if (current_->expires_wall_us == core::kNever) return true;
    // Second condition: our clock may be wrong.
    return current_->expires_wall_us - clock_.wall_us() > kUseless || clock_.mono_us() - fetched_mono_us_ < kAskAgain;
}

void CredentialChain::get(Callback done) {
    if (fresh()) return done(*current_);
    waiting_.push_back(std::move(done));
    fetch();
}

void CredentialChain::invalidate(const std::string& access_key_id) {
    if (current_ && current_->access_key_id == access_key_id) refused_ = true;
}

std::vector<std::string> CredentialChain::source_names() const {
    std::vector<std::string> out;
    for (const auto& source : sources_)
        out.emplace_back(source->name());
    return out;
}

void CredentialChain::fetch() {
    if (std::exchange(fetching_, true)) return;
    asked_.clear();
    asking_all_ = !current_;
    ask(current_ ? remembered_ : 0);
}

void CredentialChain::ask(std::size_t index) {
    if (index >= sources_.size()) return exhausted();
    sources_[index]->fetch([this, index, alive = std::weak_ptr<bool>(alive_)](core::Result<Credentials> result) {
        if (!alive.expired()) fetched(index, std::move(result));
    });
}

void CredentialChain::fetched(std::size_t index, core::Result<Credentials> result) {
    const std::string source(sources_[index]->name());
    if (!result) {
        core::Error why = result.error();
        core::Message hint = std::exchange(why.hint, {});
        asked_.push_back({source, false, why.code != Code::kCredentialsMissing, why.told(), std::move(hint)});
        if (asking_all_) return ask(index + 1);
        const bool usable = current_ && !refused_ && current_->expires_wall_us > clock_.wall_us();
        if (!usable) {  // no usable credentials left: ask every source
            asking_all_ = true;
            asked_.clear();
            return ask(0);
        }
        return exhausted();
    }
    asked_.push_back({source, true, true, "", ""});
    attempts_ = asked_;
    const bool same_key = current_ && current_->access_key_id == result->access_key_id;
    if (!current_ || current_->provider != result->provider) {
        core::log_info("credentials_used", "requests are signed with credentials from " + result->provider,
                       {{"source", result->provider}, {"principal", result->principal}});
    }
    current_ = std::move(*result);
    remembered_ = index;
    refused_ = false;
    fetched_mono_us_ = clock_.mono_us();
    if (current_->expires_wall_us != core::kNever) {
        if (!same_key) backoff_.reset();
        const Micros left = current_->expires_wall_us - clock_.wall_us();
        // Before kRenewBefore the service returns the same credential; a short-lived one is renewed at half its time.
        const Micros delay = left > kRenewBefore + kRenewAtLeast ? left - kRenewBefore
                             : same_key                          ? backoff_.next(random_)
                                                                 : std::max(left / 2, kRenewAtLeast);
        renew_in(delay);
    }
    finish(*current_);
}

/// No source has credentials.
void CredentialChain::exhausted() {
    attempts_ = asked_;
    if (current_ && !refused_ && current_->expires_wall_us > clock_.wall_us()) {
        // Until it expires, callers get the old one without a fetch each time.
        fetched_mono_us_ = clock_.mono_us();
        if (backoff_.fresh()) {  // log once per outage
            core::log_warning(
                "credentials_renewal_failed", attempts_.empty() ? "" : attempts_.back().told(),
                {{"source", current_->provider}, {"expires", core::format_utc(current_->expires_wall_us)}});
        }
        renew_in(backoff_.next(random_));
        return finish(*current_);
    }
    // Configured sources with their reasons, the others by name only.
    core::Message failing;
    std::string absent;
    for (auto it = attempts_.begin(); it != attempts_.end(); ++it) {
        const CredentialAttempt& attempt = *it;
        if (attempt.set_up) {
            // What several are told to do stands once, behind the last of them.
            const bool again = std::any_of(
                it + 1, attempts_.end(), [&](const auto& later) { return later.set_up && later.hint == attempt.hint; });
            core::add_sentence(failing,
                               core::message("{}: {}", attempt.source, again ? attempt.why_not : attempt.told()));
        } else {
            core::add_item(absent, attempt.source);
        }
    }
    if (!absent.empty()) core::add_sentence(failing, core::message("not set up: {}", absent));
    finish(core::fail(Code::kCredentialsMissing, core::message("no Alibaba Cloud credentials: {}", failing),
                      "attach a RAM role to this ECS instance, or set ALIBABA_CLOUD_ACCESS_KEY_ID and "
                      "ALIBABA_CLOUD_ACCESS_KEY_SECRET for the agent"));
}

void CredentialChain::renew_in(Micros delay_us) {
    renewal_.start_in(delay_us, [this] { fetch(); });
}

void CredentialChain::finish(const core::Result<Credentials>& result) {
    fetching_ = false;
    const auto alive = alive_;
    const auto copy = result;  // a callback may change current_. NOLINT(performance-unnecessary-copy-initialization)
    for (auto& done : std::exchange(waiting_, {})) {
        done(copy);
        if (!*alive) return;
    }
}

std::unique_ptr<CredentialChain> default_credential_chain(core::Clock& clock, core::Random& random, HttpTransport& http,
                                                          MetadataClient& metadata, Environment environment,
                                                          CredentialOptions options) {
    struct Parts {
        Parts(core::Clock& c, core::Random& r, HttpTransport& h, MetadataClient& m, Environment e, CredentialOptions o)
            : sts(c, r, h, std::move(o.sts_url), std::move(o.ca_file)),
              context{c, h, m, sts, std::move(e), std::move(o.run)} {}
        StsClient sts;
        CredentialContext context;
    };
    auto parts = std::make_shared<Parts>(clock, random, http, metadata, environment, std::move(options));
    std::vector<std::unique_ptr<CredentialSource>> sources;
    sources.push_back(environment_credentials(environment));
    sources.push_back(oidc_credentials(parts->context));
    sources.push_back(cli_profile_credentials(parts->context));
    sources.push_back(ini_credentials(parts->context));
    if (const char* variable = "ALIBABA_CLOUD_ECS_METADATA_DISABLED"; is_true(environment(variable))) {
        sources.push_back(std::make_unique<SwitchedOffSource>("ecs_ram_role", variable));
    } else {
        sources.push_back(ecs_role_credentials(metadata, environment("ALIBABA_CLOUD_ECS_METADATA")));
    }
    sources.push_back(uri_credentials(parts->context));
    return std::make_unique<CredentialChain>(clock, random, std::move(sources), std::move(parts));
}

}  // namespace postern::agent

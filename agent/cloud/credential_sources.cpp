// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/credential_sources.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "agent/text/values.h"
#include "core/file_system.h"
#include "core/log.h"
#include "core/printable.h"

namespace postern::agent {
namespace {

using core::Code;
using Callback = CredentialSource::Callback;

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::int64_t kMaxUnixTime = 253'402'300'799;  // the year 9999
constexpr const char* kNoMetadata = "ALIBABA_CLOUD_ECS_METADATA_DISABLED";
constexpr int kMinDuration = 900, kMaxDuration = 43200, kDefaultDuration = 3600;  // s, of a role
constexpr int kMaxChain = 5;  // profiles that assume a role from another profile

tl::unexpected<core::Error> missing(core::Message why) {
    return core::fail(Code::kCredentialsMissing, std::move(why));
}
tl::unexpected<core::Error> wrong(core::Message why) {
    return core::fail(Code::kCredentialsInvalid, std::move(why));
}

std::string field(const ProfileFields& fields, const char* name) {
    const auto it = fields.find(name);
    return it == fields.end() ? std::string() : it->second;
}

/// "" if there is none: a service under systemd has no HOME.
std::string home(const Environment& environment) {
    std::string out = environment("HOME");
    if (out.empty() && ::geteuid() == 0) out = "/root";
    return out;
}

/// Reads the file; logs a warning if other users may read it.
core::Result<std::string> read_secret_file(const std::string& path) {
    auto text = core::read_file(path, kMaxFile);
    struct stat info {};
    if (text && ::stat(path.c_str(), &info) == 0 && (info.st_mode & 0044) != 0) {
        core::log_warning("credentials_file_exposed", path + " may be read by others than its owner: chmod 600 it",
                          {{"path", path}});
    }
    return text;
}

/// ~/.aliyun/config.json, "" if there is no HOME.
std::string cli_config_file(const Environment& environment) {
    std::string path = environment("ALIBABA_CLOUD_CONFIG_FILE");
    if (path.empty() && !home(environment).empty()) path = home(environment) + "/.aliyun/config.json";
    return path;
}

/// The ini file under the names that the official libraries use; empty if there is no HOME.
std::vector<std::string> ini_files(const Environment& environment) {
    if (std::string path = environment("ALIBABA_CLOUD_CREDENTIALS_FILE"); !path.empty()) return {std::move(path)};
    if (home(environment).empty()) return {};
    const std::string base = home(environment) + "/.alibabacloud/credentials";
    return {base, base + ".ini"};
}

/// Not set up, unless the file is there and keeps us out.
tl::unexpected<core::Error> unreadable(const std::string& path, const core::Error& error) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? wrong(error.whole()) : missing(error.whole());
}

class StaticSource final : public CredentialSource {
  public:
    explicit StaticSource(Credentials keys) : keys_(std::move(keys)) {}
    std::string_view name() const override { return keys_.provider; }
    void fetch(Callback done) override {
        if (keys_.access_key_id.empty() || keys_.access_key_secret.empty()) {
            return done(wrong("the profile lacks the AccessKey's ID or secret"));
        }
        done(keys_);
    }

  private:
    Credentials keys_;
};

/// Base of the asynchronous sources: a late callback checks that its source still exists.
class GuardedSource : public CredentialSource {
  protected:
    template <class Then>
    auto guarded(Then then) {
        return [alive = std::weak_ptr<bool>(alive_), then = std::move(then)](auto result) mutable {
            if (!alive.expired()) then(std::move(result));
        };
    }

  private:
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class AssumeRoleSource final : public GuardedSource {
  public:
    AssumeRoleSource(CredentialContext& context, std::unique_ptr<CredentialSource> base, RoleRequest role)
        : context_(context), base_(std::move(base)), role_(std::move(role)) {}
    std::string_view name() const override { return role_.source; }
    void fetch(Callback done) override {
        base_->fetch(guarded([this, done = std::move(done)](core::Result<Credentials> keys) {
            if (!keys) return done(std::move(keys));
            context_.sts.assume_role(*keys, role_, guarded(done));
        }));
    }

  private:
    CredentialContext& context_;
    std::unique_ptr<CredentialSource> base_;
    RoleRequest role_;
};

class OidcSource final : public GuardedSource {
  public:
    /// The token is read from the file, if one is named: it may be renewed there.
    OidcSource(CredentialContext& context, std::string token_file, core::Secret token, std::string provider_arn,
               RoleRequest role)
        : context_(context),
          token_file_(std::move(token_file)),
          token_(std::move(token)),
          provider_arn_(std::move(provider_arn)),
          role_(std::move(role)) {}
    std::string_view name() const override { return role_.source; }
    void fetch(Callback done) override {
        const std::pair<const char*, const std::string*> needed[] = {
            {"ALIBABA_CLOUD_OIDC_TOKEN_FILE", &token_file_},
            {"ALIBABA_CLOUD_OIDC_PROVIDER_ARN", &provider_arn_},
            {"ALIBABA_CLOUD_ROLE_ARN", &role_.role_arn}};
        for (const auto& [variable, value] : needed) {
            if (value->empty() && (value != &token_file_ || token_.empty()))
                return done(missing(core::message("{} is not set", std::string(variable))));
        }
        if (token_file_.empty())
            return context_.sts.assume_role_with_oidc(token_, provider_arn_, role_, guarded(std::move(done)));
        // Read each time: Kubernetes rotates it.
        auto token = core::read_file(token_file_, kMaxFile);
        if (!token) return done(wrong(core::message("the OIDC token: {}", token.error().whole())));
        while (!token->empty() && (token->back() == '\n' || token->back() == '\r' || token->back() == ' '))
            token->pop_back();
        if (token->empty()) return done(wrong(core::message("the OIDC token file {} is empty", token_file_)));
        context_.sts.assume_role_with_oidc(core::Secret(std::move(*token)), provider_arn_, role_,
                                           guarded(std::move(done)));
    }

  private:
    CredentialContext& context_;
    std::string token_file_;
    core::Secret token_;
    std::string provider_arn_;
    RoleRequest role_;
};

class ExternalSource final : public GuardedSource {
  public:
    ExternalSource(CredentialContext& context, std::string command) : context_(context), command_(std::move(command)) {}
    std::string_view name() const override { return "external"; }
    void fetch(Callback done) override {
        auto argv = split_command(command_);
        if (!argv) return done(wrong(core::message("process_command: {}", argv.error().what)));
        if (argv->empty() || argv->front().empty()) return done(wrong("the profile has no process_command"));
        if (!context_.run) return done(wrong("profiles of mode External are not supported here"));
        const std::string program = argv->front();
        context_.run(std::move(*argv), guarded([program, done = std::move(done)](core::Result<std::string> output) {
                         if (!output) return done(wrong(core::message("{}: {}", program, output.error().whole())));
                         auto keys = parse_external_output(*output);
                         if (!keys) return done(wrong(core::message("{}: {}", program, keys.error().what)));
                         done(std::move(keys));
                     }));
    }

  private:
    CredentialContext& context_;
    std::string command_;
};

class UriSource final : public GuardedSource {
  public:
    UriSource(CredentialContext& context, std::string url) : context_(context), url_(std::move(url)) {}
    std::string_view name() const override { return "credentials_uri"; }
    void fetch(Callback done) override {
        HttpRequest request;
        request.url = url_;
        if (url_.empty()) return done(missing("ALIBABA_CLOUD_CREDENTIALS_URI is not set"));
        request.connect_timeout_us = 5 * core::kSecond;
        request.timeout_us = 10 * core::kSecond;
        request.max_body = 64 << 10;
        context_.http.send(std::move(request), guarded([done = std::move(done)](core::Result<HttpResponse> reply) {
                               if (!reply) return done(wrong(reply.error().whole()));
                               if (reply->status != 200) return done(wrong(core::message("HTTP {}", reply->status)));
                               auto keys = parse_role_credentials(reply->body, false);
                               if (keys) keys->provider = "credentials_uri";
                               done(std::move(keys));
                           }));
    }

  private:
    CredentialContext& context_;
    std::string url_;
};

Credentials static_keys(const std::string& id, const std::string& secret, const std::string& token) {
    Credentials out;
    out.access_key_id = id;
    out.access_key_secret = core::Secret(secret);
    out.security_token = core::Secret(token);
    out.provider = "profile";
    return out;
}

/// Seconds; nullopt for what the token service does not take. "" and 0 mean the default.
std::optional<int> duration_of(const std::string& text) {
    if (text.empty()) return kDefaultDuration;
    int seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    if (seconds == 0) return kDefaultDuration;
    return seconds < kMinDuration || seconds > kMaxDuration ? std::nullopt : std::optional(seconds);
}

RoleRequest role_of(const CredentialContext& c, const std::string& arn, const std::string& session,
                    const std::string& duration, const std::string& region, bool vpc) {
    RoleRequest role;
    role.role_arn = arn.empty() ? c.environment("ALIBABA_CLOUD_ROLE_ARN") : arn;
    role.session_name = session.empty() ? c.environment("ALIBABA_CLOUD_ROLE_SESSION_NAME") : session;
    if (role.session_name.empty()) role.session_name = "postern-" + std::to_string(c.clock.wall_us());
    role.duration_s = duration_of(duration).value_or(kDefaultDuration);
    role.host = sts_host(region, vpc, c.environment);
    role.source = "ram_role_arn";
    return role;
}

/// The instance role named in a file; the chain's environment variables apply to it, too.
core::Result<std::unique_ptr<CredentialSource>> instance_role(const CredentialContext& c, const std::string& name) {
    if (is_true(c.environment(kNoMetadata)))
        return wrong(core::message("{} forbids to ask for the instance's role", std::string(kNoMetadata)));
    return ecs_role_credentials(c.metadata, name.empty() ? c.environment("ALIBABA_CLOUD_ECS_METADATA") : name);
}

/// OIDC of a profile. What it leaves out the variables may say; `file_key` is its name for the token's file.
core::Result<std::unique_ptr<CredentialSource>> profile_oidc(CredentialContext& c, const ProfileFields& p,
                                                             const char* file_key, RoleRequest role) {
    const auto given = [&](const char* key, const char* variable) {
        const std::string value = field(p, key);
        return value.empty() ? c.environment(variable) : value;
    };
    const std::string token = field(p, "oidc_token");
    const std::string file = token.empty() ? given(file_key, "ALIBABA_CLOUD_OIDC_TOKEN_FILE") : field(p, file_key);
    std::string provider = given("oidc_provider_arn", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN");
    if (token.empty() && file.empty())
        return wrong(core::message("{} is not set, nor ALIBABA_CLOUD_OIDC_TOKEN_FILE", std::string(file_key)));
    if (provider.empty()) return wrong("oidc_provider_arn is not set, nor ALIBABA_CLOUD_OIDC_PROVIDER_ARN");
    if (role.role_arn.empty()) return wrong("it names no role, nor does ALIBABA_CLOUD_ROLE_ARN");
    return std::make_unique<OidcSource>(c, file, core::Secret(token), std::move(provider), std::move(role));
}

/// The key that a sign-in through a browser left in the profile. A service can't sign in again: a person does, with the
/// command line tool, and the file is read anew.
core::Result<std::unique_ptr<CredentialSource>> signed_in_key(const CredentialContext& c, const ProfileFields& p) {
    const core::Message use =
        "a service can't sign in through a browser: sign in again with the command line tool, or use AK, a RAM role or "
        "OIDC";
    Credentials keys = static_keys(field(p, "access_key_id"), field(p, "access_key_secret"), field(p, "sts_token"));
    const std::string mode = field(p, "mode"), until = field(p, "sts_expiration");
    if (keys.access_key_id.empty() || keys.access_key_secret.empty() || keys.security_token.empty())
        return wrong(core::message("mode {} has no key of a sign-in; {}", mode, use));
    if (!until.empty() && until != "0") {
        std::int64_t seconds = 0;
        const auto [end, error] = std::from_chars(until.data(), until.data() + until.size(), seconds);
        if (error != std::errc{} || end != until.data() + until.size() || seconds < 0 || seconds > kMaxUnixTime)
            return wrong("its sts_expiration is no time");
        keys.expires_wall_us = seconds * core::kSecond;
        if (keys.expires_wall_us <= c.clock.wall_us())
            return wrong(core::message("the key of its last sign-in ended at {}; {}",
                                       core::format_time(keys.expires_wall_us), use));
    }
    return std::make_unique<StaticSource>(std::move(keys));
}

/// A source whose file selects another source.
class DelegatingSource : public GuardedSource {
  protected:
    void delegate(core::Result<std::unique_ptr<CredentialSource>> inner, const core::Message& where, Callback done) {
        if (!inner) {
            core::Error error = inner.error();
            error.what = core::message("{}: {}", where, error.what);
            return done(core::fail(std::move(error)));
        }
        inner_ = std::move(*inner);
        inner_->fetch(guarded([this, where, done = std::move(done)](core::Result<Credentials> keys) {
            if (!keys) {
                core::Error error = keys.error();
                // It is configured but failing: not "missing", whatever the inner source reports.
                error.code = Code::kCredentialsInvalid;
                error.what = core::message("{}: {}", where, error.what);
                return done(core::fail(std::move(error)));
            }
            keys->provider = std::string(name());
            done(std::move(keys));
        }));
    }

  private:
    std::unique_ptr<CredentialSource> inner_;
};

class CliProfileSource final : public DelegatingSource {
  public:
    explicit CliProfileSource(CredentialContext& context) : context_(context) {}
    std::string_view name() const override { return "cli_profile"; }
    void fetch(Callback done) override {
        const auto& environment = context_.environment;
        if (is_true(environment("ALIBABA_CLOUD_CLI_PROFILE_DISABLED"))) return done(missing("switched off"));
        const std::string path = cli_config_file(environment);
        if (path.empty()) return done(missing("HOME is not set"));
        const auto text = read_secret_file(path);
        if (!text) return done(unreadable(path, text.error()));
        const auto config = parse_cli_config(*text);
        if (!config) return done(wrong(core::message("{}: {}", path, config.error().what)));
        std::string profile = environment("ALIBABA_CLOUD_PROFILE");
        if (profile.empty()) profile = config->current;
        delegate(source_of(*config, profile, 0), core::message("profile {} in {}", profile, path), std::move(done));
    }

  private:
    core::Result<std::unique_ptr<CredentialSource>> source_of(const CliConfig& config, const std::string& name,
                                                              int depth) {
        const auto it = config.profiles.find(name);
        if (it == config.profiles.end()) return wrong(core::message("there is no profile {}", shown(name)));
        const ProfileFields& p = it->second;
        const std::string mode = field(p, "mode");
        const std::string id = field(p, "access_key_id"), secret = field(p, "access_key_secret");
        const auto role = [&] {
            RoleRequest r =
                role_of(context_, field(p, "ram_role_arn"), field(p, "ram_session_name"), field(p, "expired_seconds"),
                        field(p, "sts_region"), is_true(field(p, "enable_vpc")));
            r.policy = field(p, "policy");
            r.external_id = field(p, "external_id");
            return r;
        };
        const bool takes_role = mode.find("RamRoleArn") != std::string::npos || mode == "OIDC";
        if (takes_role && !duration_of(field(p, "expired_seconds")))
            return wrong("expired_seconds: the token service takes 900 to 43200 s");
        if (mode == "StsToken" && field(p, "sts_token").empty()) return wrong("it has no sts_token");
        if (mode == "AK" || mode == "StsToken") {
            return std::make_unique<StaticSource>(static_keys(id, secret, mode == "AK" ? "" : field(p, "sts_token")));
        }
        if (mode == "RamRoleArn") {
            auto base = std::make_unique<StaticSource>(static_keys(id, secret, field(p, "sts_token")));
            return std::make_unique<AssumeRoleSource>(context_, std::move(base), role());
        }
        if (mode == "EcsRamRole") return instance_role(context_, field(p, "ram_role_name"));
        if (mode == "RamRoleArnWithRoleName") {
            auto base = instance_role(context_, field(p, "ram_role_name"));
            if (!base) return base;
            return std::make_unique<AssumeRoleSource>(context_, std::move(*base), role());
        }
        if (mode == "CredentialsURI") {
            const std::string url = field(p, "credentials_uri");
            return std::make_unique<UriSource>(
                context_, url.empty() ? context_.environment("ALIBABA_CLOUD_CREDENTIALS_URI") : url);
        }
        if (mode == "OIDC") return profile_oidc(context_, p, "oidc_token_file", role());
        if (mode == "ChainableRamRoleArn") {
            if (depth >= kMaxChain) return wrong("its source profiles chain too far, or in a circle");
            auto base = source_of(config, field(p, "source_profile"), depth + 1);
            if (!base) return base;
            return std::make_unique<AssumeRoleSource>(context_, std::move(*base), role());
        }
        if (mode == "External") return std::make_unique<ExternalSource>(context_, field(p, "process_command"));
        if (mode == "CloudSSO" || mode == "OAuth") return signed_in_key(context_, p);
        return wrong(core::message("unsupported profile mode {}", shown(mode)));
    }

    CredentialContext& context_;
};

class IniSource final : public DelegatingSource {
  public:
    explicit IniSource(CredentialContext& context) : context_(context) {}
    std::string_view name() const override { return "profile"; }
    void fetch(Callback done) override {
        const auto& environment = context_.environment;
        const auto paths = ini_files(environment);
        if (paths.empty()) return done(missing("HOME is not set"));
        std::string path = paths[0];
        core::Result<std::string> text = read_secret_file(path);
        if (!text && paths.size() > 1 && text.error().code == Code::kFileMissing) {
            if (auto other = read_secret_file(paths[1])) {
                path = paths[1];
                text = std::move(other);
            }
        }
        if (!text) return done(unreadable(path, text.error()));
        std::string section = environment("ALIBABA_CLOUD_PROFILE");
        if (section.empty()) section = "default";
        const auto sections = parse_ini(*text);
        const auto it = sections.find(section);
        if (it == sections.end())
            return done(
                wrong(core::message("{} has no section [{}]", path, std::string(core::whole_characters(section, 60)))));
        delegate(source_of(it->second), core::message("[{}] in {}", section, path), std::move(done));
    }

  private:
    core::Result<std::unique_ptr<CredentialSource>> source_of(const ProfileFields& s) {
        const std::string type = field(s, "type");
        if (field(s, "enable") == "false") return missing("switched off by enable = false");
        const auto keys = [&] {
            return static_keys(field(s, "access_key_id"), field(s, "access_key_secret"), field(s, "security_token"));
        };
        const auto role = [&] {
            RoleRequest r = role_of(context_, field(s, "role_arn"), field(s, "role_session_name"), "", "", false);
            r.policy = field(s, "policy");
            return r;
        };
        if (type == "access_key" || type == "sts") return std::make_unique<StaticSource>(keys());
        if (type == "ecs_ram_role") return instance_role(context_, field(s, "role_name"));
        if (type == "ram_role_arn") {
            return std::make_unique<AssumeRoleSource>(context_, std::make_unique<StaticSource>(keys()), role());
        }
        if (type == "oidc_role_arn") return profile_oidc(context_, s, "oidc_token_file_path", role());
        return wrong(type.empty() ? core::Message("it has no type")
                                  : core::message("unsupported type {}", shown(type)));
    }

    CredentialContext& context_;
};

}  // namespace

std::vector<std::string> credential_files(const Environment& environment) {
    std::vector<std::string> out = ini_files(environment);
    for (std::string path : {cli_config_file(environment), environment("ALIBABA_CLOUD_OIDC_TOKEN_FILE")}) {
        if (!path.empty()) out.push_back(std::move(path));
    }
    return out;
}

std::unique_ptr<CredentialSource> oidc_credentials(CredentialContext& context) {
    RoleRequest role = role_of(context, "", "", "", "", false);
    role.source = "oidc_role_arn";
    return std::make_unique<OidcSource>(context, context.environment("ALIBABA_CLOUD_OIDC_TOKEN_FILE"), core::Secret(),
                                        context.environment("ALIBABA_CLOUD_OIDC_PROVIDER_ARN"), std::move(role));
}
std::unique_ptr<CredentialSource> cli_profile_credentials(CredentialContext& context) {
    return std::make_unique<CliProfileSource>(context);
}
std::unique_ptr<CredentialSource> ini_credentials(CredentialContext& context) {
    return std::make_unique<IniSource>(context);
}
std::unique_ptr<CredentialSource> uri_credentials(CredentialContext& context) {
    return std::make_unique<UriSource>(context, context.environment("ALIBABA_CLOUD_CREDENTIALS_URI"));
}

}  // namespace postern::agent

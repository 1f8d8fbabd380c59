// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/sts.h"

#include <utility>

#include "agent/cloud/aliyun_reply.h"
#include "agent/crypto/digest.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;

constexpr const char* kVersion = "2015-04-01";

std::string role_name(const std::string& arn) {
    const auto at = arn.rfind('/');
    return at == std::string::npos ? arn : arn.substr(at + 1);
}

NameValues form_of(const RoleRequest& role) {
    NameValues form{{"RoleArn", role.role_arn},
                    {"RoleSessionName", role.session_name},
                    {"DurationSeconds", std::to_string(role.duration_s)}};
    if (!role.policy.empty()) form.emplace_back("Policy", role.policy);
    if (!role.external_id.empty()) form.emplace_back("ExternalId", role.external_id);
    return form;
}

core::Message hint_for(const ApiError& error, const RoleRequest& role) {
    if (classify(error) == ApiFailure::kClock) return "fix NTP: this host's clock is off by more than 15 min";
    if (error.code.find("NoPermission") != std::string::npos || error.code.starts_with("Forbidden")) {
        return core::message("let the trust policy of {} name this identity, and grant it sts:AssumeRole",
                             role.role_arn);
    }
    if (error.code.starts_with("EntityNotExist")) return core::message("check that {} exists", role.role_arn);
    if (error.code.find("OIDC") != std::string::npos || error.code.starts_with("AuthenticationFail")) {
        return "check the OIDC provider's issuer and client ID, and the token file";
    }
    return core::message("check the key and the role {}", role.role_arn);
}

}  // namespace

std::string rpc_v2_string_to_sign(const std::string& method, const NameValues& parameters) {
    return method + "&%2F&" + core::percent_encode(canonical_query(parameters));
}

std::string rpc_v2_signature(const std::string& method, const NameValues& parameters, const core::Secret& secret) {
    return to_base64(hmac_sha1(secret.expose() + "&", rpc_v2_string_to_sign(method, parameters)));
}

std::string sts_host(const std::string& region, bool vpc, const Environment& environment) {
    const std::string where = region.empty() ? environment("ALIBABA_CLOUD_STS_REGION") : region;
    if (!is_region_id(where)) return "sts.aliyuncs.com";
    const bool inside = vpc || is_true(environment("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"));
    return (inside ? "sts-vpc." : "sts.") + where + ".aliyuncs.com";
}

StsClient::StsClient(core::Clock& clock, core::Random& random, HttpTransport& http, std::string base_url,
                     std::string ca_file)
    : clock_(clock), random_(random), http_(http), base_url_(std::move(base_url)), ca_file_(std::move(ca_file)) {
    while (base_url_.ends_with('/'))
        base_url_.pop_back();
}

void StsClient::assume_role(const Credentials& as, const RoleRequest& role, Callback done) {
    send([this, as, role] { return signed_query(as, role); }, form_of(role), role, "AssumeRole", std::move(done));
}

NameValues StsClient::signed_query(const Credentials& as, const RoleRequest& role) {
    NameValues query{{"Action", "AssumeRole"},
                     {"Version", kVersion},
                     {"Format", "JSON"},
                     {"Timestamp", core::format_time(now_us())},
                     {"SignatureMethod", "HMAC-SHA1"},
                     {"SignatureVersion", "1.0"},
                     {"SignatureNonce", random_.hex(32)},
                     {"AccessKeyId", as.access_key_id}};
    if (!as.security_token.empty()) query.emplace_back("SecurityToken", as.security_token.expose());
    const NameValues form = form_of(role);
    NameValues all = query;
    all.insert(all.end(), form.begin(), form.end());
    query.emplace_back("Signature", rpc_v2_signature("POST", all, as.access_key_secret));
    return query;
}

void StsClient::assume_role_with_oidc(const core::Secret& oidc_token, const std::string& provider_arn,
                                      const RoleRequest& role, Callback done) {
    NameValues form = form_of(role);
    form.emplace_back("OIDCProviderArn", provider_arn);
    form.emplace_back("OIDCToken", oidc_token.expose());
    const auto query = [this]() -> NameValues {
        return {{"Action", "AssumeRoleWithOIDC"},
                {"Version", kVersion},
                {"Format", "JSON"},
                {"Timestamp", core::format_time(now_us())},
                {"SignatureNonce", random_.hex(32)}};
    };
    send(query, form, role, "AssumeRoleWithOIDC", std::move(done));
}

core::Micros StsClient::now_us() const {
    return clock_.wall_us() + clock_offset_us_;
}

bool StsClient::learn_clock(const HttpResponse& refusal) {
    const auto server = parse_http_date(refusal.header("date"));
    if (!server) return false;
    clock_offset_us_ = *server - clock_.wall_us();
    core::log_warning("clock_offset_learned",
                      "the token service refuses this host's time (InvalidTimeStamp.Expired). Fix NTP: the clock is " +
                          describe_clock_offset(clock_offset_us_),
                      {{"offset_s", std::to_string(clock_offset_us_ / core::kSecond)}});
    return true;
}

void StsClient::send(Query query, const NameValues& form, const RoleRequest& role, const std::string& action,
                     Callback done, bool clock_tried) {
    HttpRequest request;
    request.method = "POST";
    request.url = (base_url_.empty() ? "https://" + role.host : base_url_) + "/?" + canonical_query(query());
    request.headers = {{"accept", "application/json"}, {"content-type", "application/x-www-form-urlencoded"}};
    request.body = canonical_query(form);
    request.connect_timeout_us = 5 * core::kSecond;
    request.timeout_us = 10 * core::kSecond;
    request.max_body = 64 << 10;
    request.ca_file = ca_file_;
    http_.send(std::move(request), [this, alive = std::weak_ptr<bool>(alive_), query, form, role, action, clock_tried,
                                    done = std::move(done)](core::Result<HttpResponse> reply) {
        if (alive.expired()) return;
        const auto told = [&](core::Message what) {
            return core::message("{} at {}: {}", action, role.host, std::move(what));
        };
        if (!reply) {
            core::Error error = reply.error();
            error.what = told(error.what);
            return done(core::fail(std::move(error)));
        }
        if (reply->status != 200) {
            const ApiError error = read_api_error(reply->status, reply->body);
            if (classify(error) == ApiFailure::kClock && !clock_tried && learn_clock(*reply)) {
                return send(query, form, role, action, done, true);
            }
            const core::Message what = error.code.empty()
                                           ? core::message("HTTP {} with {}", error.http_status, error.instead)
                                       : error.message.empty() ? core::Message(error.code)
                                                               : core::message("{}: {}", error.code, error.message);
            return done(core::fail(Code::kCredentialsInvalid, told(what), hint_for(error, role)));
        }
        auto keys = parse_sts_reply(reply->body);
        if (!keys) return done(core::fail(Code::kCredentialsInvalid, told(keys.error().what)));
        keys->provider = role.source;
        keys->principal = "role " + role_name(role.role_arn);
        done(std::move(keys));
    });
}

}  // namespace postern::agent

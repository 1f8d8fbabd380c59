// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/aliyun_api.h"

#include <map>
#include <utility>

#include "agent/cloud/aliyun_reply.h"
#include "agent/net/http_client.h"
#include "core/backoff.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;
using core::Micros;

constexpr Micros kCallBudget = 30 * core::kSecond;  // no attempt starts after it
constexpr Micros kMaxWait = 10 * core::kSecond;     // a longer throttling wait is reported to the caller
constexpr Micros kMaxThrottle = 30 * core::kMinute;
constexpr Micros kPublicFirst = 10 * core::kMinute;  // then the VPC host is tried again
constexpr Micros kClockIsFine = core::kMinute;
constexpr Micros kHalfSecond = core::kSecond / 2;  // the Date header has whole seconds
constexpr int kRetries = 2;
constexpr std::size_t kMaxCodes = 200;  // distinct metric labels taken from replies
constexpr const char* kDryRunPassed = "DryRunOperation";

struct Host {
    std::string base;       // "https://host[:port]"
    std::string authority;  // signed; the Host header
};

/// False for a broken connection: that host is reachable and is retried with a new signature.
bool try_next_host(Code code) {
    return code == Code::kDnsFailed || code == Code::kConnectFailed || code == Code::kTlsFailed ||
           code == Code::kTimeout;
}

/// The product part ("privatelink-vpc") of one of the cloud's regional hosts, "" for any other host.
std::string own_label(const UrlParts& url) {
    const auto dot = url.host.find('.');
    const bool own = url.host.ends_with(".aliyuncs.com") && url.host.starts_with("privatelink");
    return own && dot != std::string::npos ? url.host.substr(0, dot) : "";
}
std::string vpc_suffix(const std::string& label) {
    return label.ends_with("-vpc") ? "-vpc" : "";
}

}  // namespace

struct AliyunApi::State : std::enable_shared_from_this<State> {
    struct Call {
        explicit Call(core::Clock& clock) : timer(clock), backoff(300 * core::kMillisecond, 3 * core::kSecond) {}
        AliyunProduct product;
        std::string action, resource;
        NameValues parameters;
        Callback done;
        Explain explain;
        Credentials credentials;
        std::vector<Host> hosts;
        std::size_t host = 0;
        std::vector<Error> host_errors;
        int retries_left = kRetries;
        bool clock_tried = false, token_tried = false;
        Micros deadline_us = 0;
        core::Timer timer;
        core::Backoff backoff;
        HttpTransport::RequestId request = 0;
    };
    using CallId = std::uint64_t;

    core::Clock& clock;
    core::Random& random;
    HttpTransport& http;
    CredentialChain& credentials;
    MetadataClient& metadata;
    AliyunOptions options;
    std::string learned_region;
    bool closed = false;
    std::map<CallId, std::unique_ptr<Call>> calls;
    CallId next_id = 1;
    RequestCounts counts;
    Micros clock_offset_us = 0;
    Micros not_before_us = 0;
    std::map<std::string, Micros> public_first_until;  // by product

    State(core::Clock& c, core::Random& r, HttpTransport& h, CredentialChain& k, MetadataClient& m, AliyunOptions o)
        : clock(c), random(r), http(h), credentials(k), metadata(m), options(std::move(o)) {}

    /// A callback for asynchronous results: ignored after close or once the call has ended.
    template <class Then>
    auto guarded(CallId id, Then then) {
        return [weak = weak_from_this(), id, then](auto result) {
            const auto self = weak.lock();
            if (!self || self->closed) return;
            const auto it = self->calls.find(id);
            if (it != self->calls.end()) then(*self, id, *it->second, std::move(result));
        };
    }

    std::string region() const { return options.region.empty() ? learned_region : options.region; }

    void finish(CallId id, core::Result<JsonView> result) {
        auto node = calls.extract(id);
        if (node.empty()) return;
        const auto done = std::move(node.mapped()->done);
        node.mapped().reset();
        done(std::move(result));
    }

    void start(CallId id, Call& call) {
        call.deadline_us = clock.mono_us() + kCallBudget;
        if (!region().empty()) return with_region(id, call);
        metadata.identity(guarded(id, [](State& self, CallId i, Call& c, core::Result<InstanceIdentity> identity) {
            if (!identity || identity->region.empty()) {
                const core::Message why =
                    identity ? core::Message("the metadata service does not give one") : identity.error().what;
                return self.finish(i,
                                   core::fail(Code::kConfigBadValue, core::message("the region is not known: {}", why),
                                              "set region in [aliyun] of the configuration"));
            }
            self.learned_region = identity->region;
            self.with_region(i, c);
        }));
    }

    void with_region(CallId id, Call& call) {
        if (!is_region_id(region())) {
            return finish(
                id, core::fail(Code::kConfigBadValue, core::message("\"{}\" is not a region", region().substr(0, 60)),
                               "a region looks like cn-hangzhou"));
        }
        call.hosts = hosts_of(call.product);
        if (call.hosts.empty()) {
            return finish(id, core::fail(Code::kConfigBadValue, "api_endpoint is not an https URL",
                                         "expected https://host[:port] (plain http only on loopback)"));
        }
        with_credentials(id);
    }

    void with_credentials(CallId id) {
        credentials.get(guarded(id, [](State& self, CallId i, Call& c, core::Result<Credentials> keys) {
            if (!keys) {
                self.count(c.action, std::string(to_string(keys.error().code)));
                return self.finish(i, core::fail(std::move(keys.error())));
            }
            c.credentials = std::move(*keys);
            self.attempt(i, c);
        }));
    }

    std::vector<Host> hosts_of(const AliyunProduct& product) const {
        if (!options.api_endpoint.empty()) {
            const auto url = split_url(options.api_endpoint);
            if (!url) return {};
            if (url->scheme != "https" && !is_loopback_host(url->host)) return {};
            std::string authority = url->authority;
            // The configured host is PrivateLink's and serves no other product.
            if (const auto label = own_label(*url); !label.empty() && !product.outside.empty()) {
                authority = vpc_suffix(label).empty() ? product.outside : product.inside;
            } else if (!label.empty()) {
                authority.replace(0, label.size(), product.name + vpc_suffix(label));
            }
            return {{url->scheme + "://" + authority, authority}};
        }
        const std::string rest = "." + region() + ".aliyuncs.com";
        const bool central = !product.outside.empty();
        const std::string inside = central ? product.inside : product.name + "-vpc" + rest;
        const std::string outside = central ? product.outside : product.name + rest;
        const auto it = public_first_until.find(product.name);
        if (it != public_first_until.end() && clock.mono_us() < it->second) {
            return {{"https://" + outside, outside}, {"https://" + inside, inside}};
        }
        return {{"https://" + inside, inside}, {"https://" + outside, outside}};
    }

    /// Signs and sends, now or when throttling allows.
    void attempt(CallId id, Call& call) {
        const Micros wait = not_before_us - clock.mono_us();
        if (wait > kMaxWait) {
            return finish(
                id,
                core::fail(Code::kApiThrottled,
                           core::message("{} not sent: the API wants a pause of another {} s", call.action,
                                         wait / core::kSecond),
                           "all hosts of the account share 1000 requests a minute in a region: raise poll_interval"));
        }
        if (wait > 0) return attempt_in(id, call, wait);
        const Host& host = call.hosts[call.host];
        HttpRequest request = signed_request(call, host);
        call.request = http.send(std::move(request),
                                 guarded(id, [](State& self, CallId i, Call& c, core::Result<HttpResponse> reply) {
                                     c.request = 0;
                                     if (!reply) return self.unreachable(i, c, std::move(reply.error()));
                                     self.answered(i, c, *reply);
                                 }));
    }
    void attempt_in(CallId id, Call& call, Micros delay_us) {
        call.timer.start_in(delay_us, [this, id] {
            const auto it = calls.find(id);
            if (it != calls.end()) attempt(id, *it->second);
        });
    }

    HttpRequest signed_request(const Call& call, const Host& host) {
        NameValues parameters = call.parameters;
        parameters.emplace_back("RegionId", region());
        const std::string date = core::format_time(clock.wall_us() + clock_offset_us);
        Acs3Request to_sign{.method = "POST",
                            .uri = "/",
                            .query = canonical_query(std::move(parameters)),
                            .headers = {{"host", host.authority},
                                        {"accept", "application/json"},
                                        {"x-acs-action", call.action},
                                        {"x-acs-version", call.product.version},
                                        {"x-acs-date", date},
                                        {"x-acs-signature-nonce", random.hex(32)},
                                        {"x-acs-content-sha256", std::string(kEmptyPayloadHash)}},
                            .payload_hash = std::string(kEmptyPayloadHash)};
        const Credentials& keys = call.credentials;
        if (!keys.security_token.empty()) {
            to_sign.headers.emplace_back("x-acs-security-token", keys.security_token.expose());
        }
        HttpRequest request;
        request.method = "POST";
        request.url = host.base + "/?" + to_sign.query;
        request.ca_file = options.ca_file;
        request.send_once = true;
        const std::string authorization = acs3_authorization(to_sign, keys.access_key_id, keys.access_key_secret);
        to_sign.headers.erase(to_sign.headers.begin());  // the transport writes Host from the URL
        request.headers = std::move(to_sign.headers);
        request.headers.emplace_back("Authorization", authorization);
        return request;
    }

    ApiContext context(const Call& call) const {
        return {.product = call.product.name,
                .action = call.action,
                .host = call.hosts[call.host].authority,
                .region = region(),
                .resource = call.resource,
                .credentials = call.credentials.provider,
                .principal = call.credentials.principal,
                .clock_offset_us = clock_offset_us};
    }

    bool may_retry(Call& call) {
        if (call.retries_left == 0 || clock.mono_us() > call.deadline_us) return false;
        --call.retries_left;
        return true;
    }

    void unreachable(CallId id, Call& call, Error error) {
        count(call.action, std::string(to_string(error.code)));
        const bool retry = error.code == Code::kHttpFailed;
        const bool other_host = try_next_host(error.code) && call.host + 1 < call.hosts.size();
        call.host_errors.push_back(std::move(error));
        if (other_host) {
            ++call.host;
            return attempt(id, call);
        }
        if (retry && may_retry(call)) {
            call.host = 0;
            call.host_errors.clear();
            return attempt_in(id, call, call.backoff.next(random));
        }
        finish(id, core::fail(no_host(call)));
    }

    /// The first host should work from inside a VPC: both errors are reported, a hint that they share once.
    Error no_host(const Call& call) const {
        Error first = call.host_errors.front(), last = call.host_errors.back();
        const bool no_name = first.code == Code::kDnsFailed && last.code == Code::kDnsFailed;
        if (first.hint == last.hint) first.hint.clear();
        if (call.host_errors.size() > 1) last.what = core::message("{}; then: {}", first.whole(), last.what);
        last.what = core::message("{}: {}", call.action, last.what);
        // The hosts' names are made of it.
        if (no_name && options.api_endpoint.empty())
            last.hint = core::message("is the region {} spelled right? {}", region(), last.hint);
        return last;
    }

    void answered(CallId id, Call& call, const HttpResponse& reply) {
        if (reply.status == 200) {
            auto json = JsonView::parse(reply.body);
            if (json && !error_in_success(*json)) {
                count(call.action, "ok");
                keep_clock(reply);
                if (call.hosts.size() > 1) remember_host(call);
                return finish(id, std::move(*json));
            }
            return failed(id, call, reply, json ? *error_in_success(*json) : read_api_error(200, reply.body));
        }
        const ApiError error = read_api_error(reply.status, reply.body);
        if (error.code != kDryRunPassed) return failed(id, call, reply, error);
        count(call.action, "ok");
        finish(id, JsonView::parse(reply.body));
    }

    Error words(const Call& call, const ApiError& error) const {
        return call.explain ? call.explain(error, context(call)) : explain(error, context(call));
    }

    void failed(CallId id, Call& call, const HttpResponse& reply, const ApiError& error) {
        count(call.action, error.code.empty() ? "http_" + std::to_string(error.http_status) : error.code);
        const ApiFailure kind = classify(error);
        switch (kind) {
            case ApiFailure::kThrottled:
                return throttled(id, call, reply, error);
            case ApiFailure::kClock:
                if (learn_clock(reply) && !std::exchange(call.clock_tried, true)) return attempt(id, call);
                break;
            case ApiFailure::kToken:
                credentials.invalidate(call.credentials.access_key_id);
                if (!std::exchange(call.token_tried, true)) return with_credentials(id);
                break;
            case ApiFailure::kKey:
                credentials.invalidate(call.credentials.access_key_id);
                break;
            case ApiFailure::kTransient:
            case ApiFailure::kPermanent: {
                // a damaged reply, or one from a proxy in front of the API
                const bool not_the_api = error.code.empty();
                if (reply.status == 503 && throttle_wait_us(reply, clock.wall_us()) > 0) {
                    if (call.host + 1 == call.hosts.size()) return throttled(id, call, reply, error);
                    ++call.host;  // the pause is that host's
                    return attempt(id, call);
                }
                if ((kind == ApiFailure::kTransient || not_the_api) && may_retry(call)) {
                    // A host that answers only with errors counts as unreachable: the last attempt goes to
                    // the next host.
                    if (call.retries_left == 0 && call.host + 1 < call.hosts.size()) ++call.host;
                    return attempt_in(id, call, call.backoff.next(random));
                }
                break;
            }
        }
        finish(id, core::fail(words(call, error)));
    }

    void throttled(CallId id, Call& call, const HttpResponse& reply, const ApiError& error) {
        Micros wait = throttle_wait_us(reply, clock.wall_us());
        if (wait == 0) wait = call.backoff.next(random) * 3;
        // Hosts throttled together get the same wait: jitter spreads their retries.
        wait = std::min(wait, kMaxThrottle);
        wait += static_cast<Micros>(random.below(static_cast<std::uint64_t>(wait / 4 + 1)));
        not_before_us = std::max(not_before_us, clock.mono_us() + wait);
        if (wait <= kMaxWait && may_retry(call)) {
            const std::string why = error.code.empty() ? "HTTP " + std::to_string(reply.status) : error.code;
            core::log_info("api_throttled", "the API asks for a pause (" + why + ")",
                           {{"wait_ms", std::to_string(wait / core::kMillisecond)}});
            return attempt_in(id, call, wait);
        }
        finish(id, core::fail(words(call, error)));
    }

    /// From the Date header of a refusal. False if there is none.
    bool learn_clock(const HttpResponse& reply) {
        const auto server = parse_http_date(reply.header("date"));
        if (!server) return false;
        clock_offset_us = *server + kHalfSecond - clock.wall_us();
        core::log_warning(
            "clock_offset_learned",
            "the API refuses this host's time (InvalidTimeStamp.Expired); requests carry the API's own time. Fix NTP: the clock is " +
                describe_clock_offset(clock_offset_us),
            {{"offset_s", std::to_string(clock_offset_us / core::kSecond)}});
        return true;
    }
    /// While an offset is in use, every reply shows whether it is still needed.
    void keep_clock(const HttpResponse& reply) {
        if (clock_offset_us == 0) return;
        const auto server = parse_http_date(reply.header("date"));
        if (!server) return;
        clock_offset_us = *server + kHalfSecond - clock.wall_us();
        if (clock_offset_us < kClockIsFine && clock_offset_us > -kClockIsFine) {
            clock_offset_us = 0;
            core::log_info("clock_offset_gone", "this host's clock is right again");
        }
    }
    void remember_host(const Call& call) {
        const std::string& used = call.hosts[call.host].authority;
        const bool is_public =
            call.product.outside.empty() ? used.find("-vpc.") == std::string::npos : used == call.product.outside;
        if (!is_public) {
            public_first_until.erase(call.product.name);
        } else if (call.host > 0) {
            public_first_until[call.product.name] = clock.mono_us() + kPublicFirst;
        }
    }
    void count(const std::string& action, const std::string& code) {
        const std::pair key{action, code};
        const auto it = counts.find(key);
        if (it != counts.end()) {
            ++it->second;
        } else {
            ++counts[counts.size() < kMaxCodes ? key : std::pair{action, std::string("other")}];
        }
    }
};

AliyunApi::AliyunApi(core::Clock& clock, core::Random& random, HttpTransport& http, CredentialChain& credentials,
                     MetadataClient& metadata, AliyunOptions options)
    : state_(std::make_shared<State>(clock, random, http, credentials, metadata, std::move(options))) {}

AliyunApi::~AliyunApi() {
    state_->closed = true;
    for (const auto& [id, call] : state_->calls) {
        if (call->request != 0) state_->http.cancel(call->request);
        call->timer.stop();
    }
}

void AliyunApi::configure(AliyunOptions options) {
    const AliyunOptions& old = state_->options;
    // The pause was that of another host.
    if (options.region != old.region || options.api_endpoint != old.api_endpoint) state_->not_before_us = 0;
    state_->options = std::move(options);
    state_->public_first_until.clear();
}

void AliyunApi::call(const AliyunProduct& product, const std::string& action, NameValues parameters,
                     const std::string& resource, Callback done, Explain explain) {
    const auto keep = state_;
    const State::CallId id = keep->next_id++;
    auto& call = keep->calls[id] = std::make_unique<State::Call>(keep->clock);
    call->product = product;
    call->action = action;
    call->parameters = std::move(parameters);
    call->resource = resource;
    call->done = std::move(done);
    call->explain = std::move(explain);
    keep->start(id, *call);
}

RequestCounts AliyunApi::requests() const {
    return state_->counts;
}
Micros AliyunApi::clock_offset_us() const {
    return state_->clock_offset_us;
}
std::string AliyunApi::region() const {
    return state_->region();
}
Micros AliyunApi::not_before_mono_us() const {
    return state_->not_before_us;
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/metadata.h"

#include <sstream>
#include <utility>

#include "agent/text/json_view.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Micros;

constexpr Micros kPatience = core::kSecond;  // a link-local service on the same machine: slower means absent
constexpr std::size_t kMaxBody = 64 << 10;
constexpr std::size_t kMaxValue = 16 << 10;  // meta-data/all is the largest, some KiB
constexpr std::size_t kMaxNameservers = 8;
constexpr int kTokenTtlS = 21600;
constexpr Micros kTokenReuse = (kTokenTtlS - 600) * core::kSecond;
// After a refused or failed PUT the next one waits: hosts without IMDSv2 would otherwise wait a second
// for every value.
constexpr Micros kTokenRetry = core::kMinute;
constexpr const char* kTokenHeader = "X-aliyun-ecs-metadata-token";

}  // namespace

namespace {

constexpr const char* kParts[] = {"region-id", "zone-id", "vpc-id", "dns-conf/nameservers"};

bool has(const InstanceIdentity& identity, std::string_view part) {
    return !(part == "region-id" ? identity.region.empty()
             : part == "zone-id" ? identity.zone.empty()
             : part == "vpc-id"  ? identity.vpc.empty()
                                 : identity.nameservers.empty());
}

/// Invalid values are ignored: host names are built from them.
void take(InstanceIdentity& identity, std::string_view part, const std::string& value) {
    if (part == "dns-conf/nameservers") {
        std::istringstream words(value);  // one per line
        for (std::string word; words >> word && identity.nameservers.size() < kMaxNameservers;) {
            if (const auto ip = core::IpAddress::parse(word); ip && ip->is_host()) identity.nameservers.push_back(*ip);
        }
    } else if (is_region_id(value)) {
        (part == "region-id" ? identity.region : part == "zone-id" ? identity.zone : identity.vpc) = value;
    }
}

}  // namespace

InstanceIdentity parse_identity(std::string_view all) {
    InstanceIdentity out;
    const auto json = JsonView::parse(all, kMaxBody, 16);
    if (!json) return out;
    for (const std::string part : kParts) {
        const auto slash = part.find('/');
        const JsonView node = slash == std::string::npos
                                  ? json->at(part.c_str())
                                  : json->at(part.substr(0, slash).c_str()).at(part.substr(slash + 1).c_str());
        if (const auto value = metadata_value(node.text())) take(out, part, *value);
    }
    return out;
}

std::optional<std::string> metadata_value(std::string_view body) {
    if (body.size() > kMaxBody) return std::nullopt;
    body = core::trimmed(body);
    if (body.empty() || body.size() > kMaxValue) return std::nullopt;
    for (const char c : body) {
        const auto byte = static_cast<unsigned char>(c);
        if ((byte < 0x20 && c != '\r' && c != '\n' && c != '\t') || byte == 0x7f) return std::nullopt;
    }
    return std::string(body);
}

bool is_region_id(std::string_view text) {
    if (text.empty() || text.size() > 40 || text.front() == '-' || text.back() == '-') return false;
    for (const char c : text) {
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-')) return false;
    }
    return true;
}

// Callbacks waiting inside the state refer to it directly; callbacks held by the transport lock a weak pointer, so
// the state outlives any callback that destroys the client.
struct MetadataClient::State : std::enable_shared_from_this<State> {
    bool closed = false;
    core::Clock& clock;
    HttpTransport& http;
    MetadataOptions options;
    core::Secret token;
    Micros token_until = 0;
    Micros token_retry_at = 0;
    bool asking_token = false;
    core::Message token_problem;  // why there is no token
    std::vector<std::function<void()>> waiting_token;
    InstanceIdentity identity;
    bool identity_known = false;
    std::vector<IdentityCallback> waiting_identity;

    State(core::Clock& c, HttpTransport& h, MetadataOptions o) : clock(c), http(h), options(std::move(o)) {
        while (options.url.ends_with('/'))
            options.url.pop_back();
    }

    HttpRequest request(const char* method, const std::string& path) const {
        HttpRequest r;
        r.method = method;
        r.url = options.url + path;
        r.connect_timeout_us = r.timeout_us = kPatience;
        r.max_body = kMaxBody;
        r.allow_proxy = false;  // a proxy would see the role's keys
        return r;
    }
    /// Sends, and calls `then` unless the client was destroyed.
    template <class Then>
    void send(HttpRequest r, Then then) {
        http.send(std::move(r),
                  [weak = weak_from_this(), then = std::move(then)](core::Result<HttpResponse> reply) mutable {
                      const auto self = weak.lock();
                      if (self && !self->closed) then(*self, std::move(reply));
                  });
    }

    /// `then` runs when there is a token, or when it is clear that there is none.
    void with_token(std::function<void()> then) {
        const Micros now = clock.mono_us();
        if ((!token.empty() && now < token_until) || now < token_retry_at) return then();
        waiting_token.push_back(std::move(then));
        if (std::exchange(asking_token, true)) return;
        HttpRequest r = request("PUT", "/latest/api/token");
        r.headers.emplace_back("X-aliyun-ecs-metadata-token-ttl-seconds", std::to_string(kTokenTtlS));
        send(std::move(r), [](State& self, core::Result<HttpResponse> reply) { self.token_came(std::move(reply)); });
    }
    void token_came(core::Result<HttpResponse> reply) {
        asking_token = false;
        const auto value = reply && reply->status == 200 ? metadata_value(reply->body) : std::nullopt;
        if (value && value->find_first_of(" \r\n\t<") == std::string::npos) {
            token = core::Secret(*value);
            token_until = clock.mono_us() + kTokenReuse;
        } else {
            token = core::Secret();
            token_retry_at = clock.mono_us() + kTokenRetry;
            token_problem = reply ? core::message("the session token was answered with HTTP {}", reply->status)
                                  : reply.error().what;
        }
        for (auto& then : std::exchange(waiting_token, {})) {
            if (!closed) then();
        }
    }

    void get(const std::string& path, TextCallback done, int tries_left) {
        with_token(
            [this, path, done = std::move(done), tries_left]() mutable { get_now(path, std::move(done), tries_left); });
    }
    void get_now(const std::string& path, TextCallback done, int tries_left, bool use_token = true) {
        if (token.empty() && options.v1_disabled) {
            return done(core::fail(Code::kApiDenied, core::message("no metadata session token: {}", token_problem),
                                   "ALIBABA_CLOUD_IMDSV1_DISABLED forbids to ask without one"));
        }
        HttpRequest r = request("GET", "/latest/meta-data/" + path);
        const bool had_token = use_token && !token.empty();
        if (had_token) r.headers.emplace_back(kTokenHeader, token.expose());
        send(std::move(r), [path, done = std::move(done), tries_left, had_token](
                               State& self, core::Result<HttpResponse> reply) mutable {
            self.value_came(path, std::move(done), tries_left, had_token, std::move(reply));
        });
    }
    void value_came(const std::string& path, TextCallback done, int tries_left, bool had_token,
                    core::Result<HttpResponse> reply) {
        if (!reply) {
            return done(core::fail(Code::kApiUnavailable, core::message("no instance metadata: {}", reply.error().what),
                                   core::message("only ECS instances have the metadata service at {}", options.url)));
        }
        if (reply->status == 401 && had_token && tries_left > 0) {
            token = core::Secret();  // expired, or the instance was moved: ask for a new one, once
            token_until = token_retry_at = 0;
            return get(path, std::move(done), tries_left - 1);
        }
        if (had_token && reply->status != 200 && reply->status != 404 && !options.v1_disabled) {
            return get_now(path, std::move(done), 0, false);  // as the official libraries do
        }
        const core::Message what = core::message("instance metadata {}", path);
        if (reply->status == 404) return done(core::fail(Code::kApiNotFound, core::message("{} does not exist", what)));
        if (reply->status == 401 || reply->status == 403) {
            return done(core::fail(
                Code::kApiDenied, core::message("{}: HTTP {}", what, reply->status),
                !token.empty() ? core::Message("the metadata service is switched off for this instance")
                               : core::message("this instance demands a session token, and {}", token_problem)));
        }
        if (reply->status != 200) {
            return done(core::fail(Code::kApiUnavailable, core::message("{}: HTTP {}", what, reply->status),
                                   "the metadata service is failing"));
        }
        auto value = metadata_value(reply->body);
        if (!value || value->front() == '<') {
            return done(
                core::fail(Code::kApiBadReply, core::message("{} is no plain value", what),
                           core::message("something other than the metadata service answers at {}", options.url)));
        }
        done(std::move(*value));
    }

    void ask_identity() {
        get(
            "all",
            [this](core::Result<std::string> all) {
                // No answer at all: the single values would time out, too. After any other error they may work.
                if (!all && all.error().code == Code::kApiUnavailable) return identity_done(std::move(all.error()));
                if (all) identity = parse_identity(*all);
                ask_rest(0, std::nullopt);
            },
            1);
    }
    // Get missing values one after the other: four small ones, once per process.
    void ask_rest(std::size_t index, std::optional<core::Error> trouble) {
        if (index == std::size(kParts)) return identity_done(std::move(trouble));
        if (has(identity, kParts[index])) return ask_rest(index + 1, std::move(trouble));
        get(
            kParts[index],
            [this, index, trouble = std::move(trouble)](core::Result<std::string> value) mutable {
                if (value) {
                    take(identity, kParts[index], *value);
                } else if (!trouble && value.error().code != Code::kApiNotFound) {
                    trouble = value.error();
                }
                ask_rest(index + 1, std::move(trouble));
            },
            1);
    }
    void identity_done(std::optional<core::Error> trouble) {
        identity_known = !identity.region.empty();
        for (auto& done : std::exchange(waiting_identity, {})) {
            if (closed) return;
            if (trouble && !identity_known) {
                done(core::fail(*trouble));
            } else {
                done(identity);
            }
        }
    }
};

MetadataClient::MetadataClient(core::Clock& clock, HttpTransport& http, MetadataOptions options)
    : state_(std::make_shared<State>(clock, http, std::move(options))) {}

MetadataClient::~MetadataClient() {
    state_->closed = true;
}

void MetadataClient::get(const std::string& path, TextCallback done) {
    const auto keep = state_;
    keep->get(path, std::move(done), 1);
}

void MetadataClient::identity(IdentityCallback done) {
    const auto keep = state_;
    if (keep->identity_known) return done(keep->identity);
    state_->waiting_identity.push_back(std::move(done));
    if (state_->waiting_identity.size() == 1) state_->ask_identity();
}

const InstanceIdentity& MetadataClient::known_identity() const {
    return state_->identity;
}

}  // namespace postern::agent

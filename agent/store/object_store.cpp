// SPDX-License-Identifier: Apache-2.0
#include "agent/store/object_store.h"

#include <algorithm>
#include <map>
#include <utility>

#include "agent/cloud/aliyun_reply.h"
#include "agent/crypto/digest.h"
#include "agent/net/http_client.h"
#include "agent/store/folder_store.h"
#include "agent/store/oss4_signer.h"
#include "agent/store/sigv4_signer.h"
#include "agent/store/store_reply.h"
#include "core/log.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Micros;

constexpr std::size_t kMaxEtag = 256, kMaxReply = 64 << 10;
constexpr Micros kLongestOffset = core::kDay;
constexpr std::string_view kS3Region = "us-east-1";

/// "20260102T030405Z"
std::string basic_time(Micros wall_us) {
    std::string out;
    for (const char c : core::format_utc(wall_us).substr(0, 19)) {
        if (c != '-' && c != ':') out += c;
    }
    return out + "Z";
}

bool is_etag(std::string_view text) {
    return !text.empty() && text.size() <= kMaxEtag &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

/// Scheme and authority, and the path as it is signed and sent.
struct Target {
    std::string base, path;
};

bool is_name(const std::string& host) {
    return !core::IpAddress::parse(host) && !is_loopback_host(host);
}

Target target_of(const ObjectPlace& place, const StoreOptions& options, const std::string& region) {
    const std::string key = encode_object_path("/" + place.key);
    const auto given = split_url(options.endpoint);
    if (place.kind == StoreKind::kOss) {
        const std::string host = given ? given->authority : "oss-" + region + "-internal.aliyuncs.com";
        if (given && !is_name(given->host)) return {given->scheme + "://" + host, "/" + place.bucket + key};
        return {(given ? given->scheme : "https") + "://" + place.bucket + "." + host, key};
    }
    if (given) return {given->scheme + "://" + given->authority, "/" + place.bucket + key};
    const std::string host = "s3." + region + ".amazonaws.com";
    // A certificate's "*" is one label: a bucket with dots goes into the path.
    if (place.bucket.find('.') != std::string::npos) return {"https://" + host, "/" + place.bucket + key};
    return {"https://" + place.bucket + "." + host, key};
}

/// "?a=b%2Fc", or "".
std::string query_text(const NameValues& query) {
    std::string out;
    for (const auto& [name, value] : query)
        out += (out.empty() ? "?" : "&") + core::percent_encode(name) + "=" + core::percent_encode(value);
    return out;
}

std::string authority_of(const std::string& url) {
    const auto parts = split_url(url);
    return parts ? parts->authority : std::string();
}

}  // namespace

struct ObjectStore::State : std::enable_shared_from_this<State> {
    using Reply = std::function<void(core::Result<HttpResponse>, const StoreContext&)>;
    struct Call {
        ObjectPlace place;
        std::string method = "GET";
        std::string body;
        NameValues headers;         // that belong to the signature where there is one, in lower case
        NameValues unsigned_extra;  // that never do
        NameValues query;           // raw
        std::size_t max_body = kMaxReply;
        StoreContext context;
        Reply done;
    };
    using Shared = std::shared_ptr<Call>;

    core::Clock& clock;
    HttpTransport& http;
    CredentialChain& credentials;
    MetadataClient& metadata;
    Environment environment;
    StoreOptions options;
    core::Loop* pool = nullptr;
    Micros offset_us = 0;
    std::map<std::uint64_t, HttpTransport::RequestId> sent;
    std::uint64_t next_call = 1;

    State(core::Clock& c, HttpTransport& h, CredentialChain& k, MetadataClient& m, Environment e)
        : clock(c), http(h), credentials(k), metadata(m), environment(std::move(e)) {}

    void begin(Call call) {
        auto shared = std::make_shared<Call>(std::move(call));
        shared->context.place = shared->place;
        if (shared->place.kind == StoreKind::kHttp) return send(shared, {}, shared->place.url, nullptr);
        with_region(shared);
    }

    void with_region(const Shared& call) {
        std::string region = options.region;
        if (region.empty() && call->place.kind == StoreKind::kS3) {
            region = environment("AWS_REGION");
            if (region.empty()) region = environment("AWS_DEFAULT_REGION");
            if (region.empty()) region = kS3Region;
        }
        if (!region.empty()) return with_keys(call, region);
        metadata.identity([weak = weak_from_this(), call](core::Result<InstanceIdentity> identity) {
            const auto self = weak.lock();
            if (!self) return;
            if (identity && !identity->region.empty()) return self->with_keys(call, identity->region);
            self->finish(call, core::fail(Code::kConfigBadValue,
                                          core::message("the region of {} is not known", call->place.text()),
                                          "set region in [fleet] or [aliyun] of the configuration"));
        });
    }

    void with_keys(const Shared& call, const std::string& region) {
        if (!is_region_id(region))
            return finish(
                call, core::fail(Code::kConfigBadValue, core::message("\"{}\" is not a region", region.substr(0, 60)),
                                 "a region looks like cn-hangzhou"));
        call->context.region = region;
        if (options.anonymous) return send_signed(call, nullptr);
        if (call->place.kind == StoreKind::kS3 && !environment("AWS_ACCESS_KEY_ID").empty()) {
            Credentials keys;
            keys.access_key_id = environment("AWS_ACCESS_KEY_ID");
            keys.access_key_secret = core::Secret(environment("AWS_SECRET_ACCESS_KEY"));
            keys.security_token = core::Secret(environment("AWS_SESSION_TOKEN"));
            keys.provider = "AWS_ACCESS_KEY_ID";
            return send_signed(call, &keys);
        }
        credentials.get([weak = weak_from_this(), call](core::Result<Credentials> keys) {
            const auto self = weak.lock();
            if (!self) return;
            if (keys) return self->send_signed(call, &*keys);
            core::Error error = keys.error();
            if (error.code == Code::kCredentialsMissing)
                error.hint =
                    core::message("{}; a list that everybody may read: access = \"anonymous\" in [fleet]", error.hint);
            self->finish(call, core::fail(std::move(error)));
        });
    }

    void send_signed(const Shared& call, const Credentials* keys) {
        const Target target = target_of(call->place, options, call->context.region);
        const std::string url = target.base + target.path + query_text(call->query);
        NameValues headers = call->headers;
        if (keys == nullptr) return send(call, std::move(headers), url, nullptr);
        call->context.credentials = keys->provider;
        const std::string date = basic_time(clock.wall_us() + offset_us);
        const std::string& token = keys->security_token.expose();
        if (call->place.kind == StoreKind::kOss) {
            headers.emplace_back("x-oss-content-sha256", kUnsignedPayload);
            headers.emplace_back("x-oss-date", date);
            if (!token.empty()) headers.emplace_back("x-oss-security-token", token);
            const Oss4Request request{
                call->method, call->place.bucket, call->place.key, call->query, headers, call->context.region, date};
            headers.emplace_back("authorization",
                                 oss4_authorization(request, keys->access_key_id, keys->access_key_secret));
        } else {
            const std::string hash = sha256_hex(call->body);
            headers.emplace_back("x-amz-content-sha256", hash);
            headers.emplace_back("x-amz-date", date);
            if (!token.empty()) headers.emplace_back("x-amz-security-token", token);
            SigV4Request request{call->method, target.path, call->query, headers, hash, call->context.region, date};
            request.headers.emplace_back("host", authority_of(url));
            headers.emplace_back("authorization",
                                 sigv4_authorization(request, keys->access_key_id, keys->access_key_secret));
        }
        send(call, std::move(headers), url, keys);
    }

    void send(const Shared& call, NameValues headers, const std::string& url, const Credentials* keys) {
        HttpRequest request;
        request.method = call->method;
        request.url = url;
        request.headers = std::move(headers);
        request.headers.insert(request.headers.end(), call->unsigned_extra.begin(), call->unsigned_extra.end());
        if (call->place.kind == StoreKind::kHttp)
            request.headers.insert(request.headers.end(), call->headers.begin(), call->headers.end());
        request.body = std::move(call->body);
        request.timeout_us = options.timeout_us;
        request.max_body = call->max_body;
        request.ca_file = options.ca_file;
        const std::uint64_t number = next_call++;
        sent[number] = http.send(std::move(request), [weak = weak_from_this(), call, number,
                                                      id = keys == nullptr ? std::string() : keys->access_key_id](
                                                         core::Result<HttpResponse> response) {
            const auto self = weak.lock();
            if (!self) return;
            self->sent.erase(number);
            if (response) self->learn(*response, id);
            self->finish(call, std::move(response));
        });
    }

    /// What a refusal teaches for the next request.
    void learn(const HttpResponse& response, const std::string& access_key_id) {
        if (response.status < 400) return;
        const StoreContext nobody;
        const Code code = explain_refusal(response, nobody).code;
        if ((code == Code::kCredentialsInvalid || code == Code::kCredentialsExpired) && !access_key_id.empty())
            credentials.invalidate(access_key_id);
        if (code != Code::kApiClock) return;
        const auto server = parse_http_date(response.header("date"));
        const Micros offset = server ? *server - clock.wall_us() : 0;
        if (!server || std::abs(offset) > kLongestOffset) return;
        offset_us = offset;
        core::log_warning(
            "clock_offset_learned",
            "the object store refuses this host's time. Fix NTP: the clock is " + describe_clock_offset(offset_us),
            {{"offset_s", std::to_string(offset_us / core::kSecond)}});
    }

    /// A file: at once, or in the pool.
    template <class Value, class Work>
    void on_file(Work work, std::function<void(core::Result<Value>)> done) {
        if (pool == nullptr) return done(work());
        auto result = std::make_shared<std::optional<core::Result<Value>>>();
        pool->run_in_pool([result, work = std::move(work)] { *result = work(); },
                          [weak = weak_from_this(), result, done = std::move(done)] {
                              if (!weak.expired()) done(std::move(**result));
                          });
    }

    /// One page after the other.
    void list_on(const ObjectPlace& folder, std::size_t most, StoredNames got, const std::string& next, ListDone done) {
        Call call;
        call.place = folder;
        call.place.key.clear();
        call.max_body = kMaxListReply;
        call.context.lists = true;
        if (!next.empty()) call.query.emplace_back("continuation-token", next);
        call.query.insert(call.query.end(), {{"delimiter", "/"},
                                             {"list-type", "2"},
                                             {"max-keys", std::to_string(kMaxListedObjects)},
                                             {"prefix", folder.key}});
        call.done = [weak = weak_from_this(), folder, most, got = std::move(got), next, done = std::move(done)](
                        core::Result<HttpResponse> response, const StoreContext& context) mutable {
            const auto self = weak.lock();
            if (!self) return;
            if (!response) return done(core::fail(std::move(response.error())));
            if (response->status != 200) {
                StoreContext asked = context;
                asked.place = folder;
                return done(core::fail(explain_refusal(*response, asked)));
            }
            auto page = read_list_reply(response->body);
            if (!page) return done(core::fail(std::move(page.error())));
            const std::size_t before = got.objects.size();
            for (auto& object : page->objects) {
                if (!object.key.starts_with(folder.key) || object.key.size() == folder.key.size()) continue;
                object.key.erase(0, folder.key.size());
                if (object.key.find('/') != std::string::npos) continue;
                if (got.objects.size() == most) {
                    got.more = true;
                    break;
                }
                if (!is_etag(object.etag)) object.etag.clear();
                got.objects.push_back(std::move(object));
            }
            // A page without anything new would be asked for without end.
            if (page->next.empty() || page->next == next || got.more || got.objects.size() == before) {
                got.more = got.more || !page->next.empty();
                return done(std::move(got));
            }
            self->list_on(folder, most, std::move(got), page->next, std::move(done));
        };
        begin(std::move(call));
    }

    static void finish(const Shared& call, core::Result<HttpResponse> response) {
        const auto done = std::exchange(call->done, {});
        if (done) done(std::move(response), call->context);
    }
};

ObjectStore::ObjectStore(core::Clock& clock, HttpTransport& http, CredentialChain& credentials,
                         MetadataClient& metadata, Environment environment)
    : state_(std::make_shared<State>(clock, http, credentials, metadata, std::move(environment))) {}

ObjectStore::~ObjectStore() {
    for (const auto& [number, id] : state_->sent)
        state_->http.cancel(id);
}

void ObjectStore::configure(StoreOptions options) {
    state_->options = std::move(options);
}

void ObjectStore::use_pool(core::Loop& loop) {
    state_->pool = &loop;
}

core::Micros ObjectStore::clock_offset_us() const {
    return state_->offset_us;
}

void ObjectStore::get(const ObjectPlace& place, const std::string& etag, std::size_t max_bytes, GetDone done) {
    if (place.kind == StoreKind::kFile)
        return state_->on_file<StoredObject>(
            [place, etag, max_bytes] { return read_from_folder(place, etag, max_bytes); }, std::move(done));
    State::Call call;
    call.place = place;
    call.max_body = std::max(max_bytes, kMaxReply);
    const bool asks = is_etag(etag);
    if (asks) call.unsigned_extra.emplace_back("if-none-match", etag);
    call.done = [done = std::move(done), etag, asks, max_bytes](core::Result<HttpResponse> response,
                                                                const StoreContext& context) {
        if (!response) return done(core::fail(std::move(response.error())));
        if (response->status == 304 && asks) return done(StoredObject{{}, etag, true});
        if (response->status != 200) {
            if (response->status / 100 == 2 || response->status == 304)
                return done(core::fail(
                    Code::kApiBadReply,
                    core::message("HTTP {} for {}, which was not asked for", response->status, context.place.text()),
                    "something other than an object store answers there"));
            return done(core::fail(explain_refusal(*response, context)));
        }
        if (response->body.size() > max_bytes)
            return done(core::fail(Code::kTooLarge,
                                   core::message("{} is larger than {} bytes", context.place.text(), max_bytes),
                                   "check that it is the object that was meant"));
        const std::string got = response->header("etag");
        done(StoredObject{std::move(response->body), is_etag(got) ? got : std::string(), false});
    };
    state_->begin(std::move(call));
}

void ObjectStore::list(const ObjectPlace& folder, std::size_t most, ListDone done) {
    if (folder.kind == StoreKind::kFile)
        return state_->on_file<StoredNames>([folder, most] { return list_folder(folder, most); }, std::move(done));
    if (folder.kind == StoreKind::kHttp)
        return done(core::fail(Code::kUsage,
                               core::message("{} is an HTTPS server, which has no list of its objects", folder.text()),
                               "name the store behind it: oss://BUCKET/PREFIX/ or s3://BUCKET/PREFIX/"));
    state_->list_on(folder, most, {}, "", std::move(done));
}

void ObjectStore::put(const ObjectPlace& place, std::string bytes, Put how, PutDone done) {
    if (place.kind == StoreKind::kFile)
        return state_->on_file<StoredAs>(
            [place, bytes = std::move(bytes), how] { return write_to_folder(place, bytes, how == Put::kOnlyNew); },
            std::move(done));
    State::Call call;
    call.place = place;
    call.method = "PUT";
    call.body = std::move(bytes);
    call.context.writes = true;
    call.headers.emplace_back("content-type", "application/json");
    if (how == Put::kOnlyNew && place.kind == StoreKind::kOss)
        call.headers.emplace_back("x-oss-forbid-overwrite", "true");
    if (how == Put::kOnlyNew && place.kind != StoreKind::kOss) call.unsigned_extra.emplace_back("if-none-match", "*");
    call.done = [done = std::move(done), how](core::Result<HttpResponse> response, const StoreContext& context) {
        if (!response) return done(core::fail(std::move(response.error())));
        const bool oss = context.place.kind == StoreKind::kOss;
        if (response->status / 100 == 2)
            return done(StoredAs{false, oss && !response->header("x-oss-version-id").empty()});
        if (how == Put::kOnlyNew && says_exists(*response)) return done(StoredAs{true, false});
        done(core::fail(explain_refusal(*response, context)));
    };
    state_->begin(std::move(call));
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/kube_api.h"

#include <nlohmann/json.hpp>

#include "agent/k8s/objects.h"
#include "core/file_system.h"
#include "core/secret.h"
#include "core/text.h"

namespace postern::agent::k8s {
namespace {

using core::Code;

constexpr std::size_t kMaxToken = 64 << 10;
constexpr const char* kPage = "100";
constexpr int kMaxPages = 50, kMaxRestarts = 3;         // of a list
constexpr core::Micros kShortWait = 5 * core::kSecond;  // is waited for at once, once

const char* plural(Kind kind) {
    switch (kind) {
        case Kind::kService:
            return "services";
        case Kind::kEndpointSlice:
            return "endpointslices";
        case Kind::kLease:
            return "leases";
        case Kind::kCustomDns:
            break;
    }
    return "customdnsconfigs";
}

}  // namespace

KubeApi::KubeApi(core::Clock& clock, HttpTransport& http, ClusterAccess access, std::function<bool()> turn)
    : clock_(clock), http_(http), access_(std::move(access)), turn_(std::move(turn)) {}

std::string KubeApi::path_of(Kind kind) const {
    switch (kind) {
        case Kind::kService:
            return "/api/v1/namespaces/" + access_.space + "/services";
        case Kind::kEndpointSlice:
            return "/apis/discovery.k8s.io/v1/namespaces/" + access_.space + "/endpointslices";
        case Kind::kLease:
            return "/apis/coordination.k8s.io/v1/namespaces/" + access_.space + "/leases";
        case Kind::kCustomDns:
            break;
    }
    return "/apis/networking.alibabacloud.com/v1beta1/customdnsconfigs";
}

core::Result<KubeReply> KubeApi::ask_once(const Call& call) {
    HttpRequest request;
    request.method = call.method;
    request.url = access_.server + call.path;
    request.body = call.body;
    request.ca_file = access_.ca_file;
    request.allow_proxy = !access_.own;
    request.headers = {{"Accept", "application/json"}};
    if (!call.body.empty()) request.headers.emplace_back("Content-Type", call.type);
    if (!access_.token_file.empty()) {
        auto token = core::read_file(access_.token_file, kMaxToken);
        if (!token) return core::fail(std::move(token.error()));
        token_ = core::Secret(std::string(core::trimmed(*token)));
        request.headers.emplace_back("Authorization", "Bearer " + token_.expose());
    }
    // On the heap: the answer may still come after an interruption.
    const auto answer = std::make_shared<std::optional<core::Result<HttpResponse>>>();
    core::Timer start(clock_);  // from the loop, as the transport expects
    std::optional<HttpTransport::RequestId> id;
    start.start_in(0, [&] {
        id = http_.send(std::move(request), [answer](core::Result<HttpResponse> r) { answer->emplace(std::move(r)); });
    });
    while (!*answer) {
        if (turn_()) continue;
        if (id && !*answer) http_.cancel(*id);
        return core::fail(Code::kCancelled, "interrupted");
    }
    if (!**answer) {
        core::Error error = (*answer)->error();
        error.what = core::message("{}: {}", call.what, error.what);
        return core::fail(std::move(error));
    }
    const HttpResponse& response = ***answer;
    return read_reply(response.status, response.body, response.header("retry-after"), call.what);
}

/// A 401 is asked once more with the token read again; a short pause that the server asks for is kept once.
core::Result<KubeReply> KubeApi::ask(const Call& call) {
    bool again = false, waited = false;
    wait_us_ = 0;
    for (;;) {
        auto reply = ask_once(call);
        if (!reply) return reply;
        if (reply->means == KubeReply::Means::kUnauthorised && !again) {
            again = true;
            continue;
        }
        if (reply->means == KubeReply::Means::kWait) {
            wait_us_ = reply->wait_us;
            if (!waited && wait_us_ <= kShortWait) {
                waited = true;
                bool over = false;
                core::Timer pause(clock_);
                pause.start_in(wait_us_, [&over] { over = true; });
                while (!over) {
                    if (!turn_()) return core::fail(Code::kCancelled, "interrupted");
                }
                continue;
            }
        }
        return reply;
    }
}

core::Result<std::optional<JsonView>> KubeApi::read(const ObjectName& name) {
    auto reply = ask({.path = path_of(name.kind) + "/" + name.name, .what = core::message("read {}", describe(name))});
    if (!reply) return core::fail(std::move(reply.error()));
    if (reply->means == KubeReply::Means::kAbsent) return std::nullopt;
    if (reply->means != KubeReply::Means::kDone) return core::fail(std::move(reply->error));
    return std::optional(reply->object);
}

core::Result<std::vector<JsonView>> KubeApi::own(Kind kind) {
    const core::Message what = core::message("list postern's {}", std::string(plural(kind)));
    const std::string base = path_of(kind) + "?labelSelector=" + core::percent_encode(kOwnLabels) + "&limit=" + kPage;
    std::vector<JsonView> out;
    std::string token;
    int restarts = 0;
    for (int page = 0; page < kMaxPages; ++page) {
        auto reply =
            ask({.path = token.empty() ? base : base + "&continue=" + core::percent_encode(token), .what = what});
        if (!reply) return core::fail(std::move(reply.error()));
        if (reply->means == KubeReply::Means::kExpired && restarts++ < kMaxRestarts) {
            out.clear();
            token.clear();
            continue;
        }
        if (reply->means != KubeReply::Means::kDone) return core::fail(std::move(reply->error));
        for (auto& item : reply->object.at("items").items())
            out.push_back(std::move(item));
        token = reply->object.at("metadata").at("continue").text();
        if (token.empty()) return out;
    }
    return core::fail(Code::kApiBadReply, core::message("{}: its pages do not end", what),
                      "something else answers for the API server: check --server");
}

core::Result<Written> KubeApi::write(const Call& call) {
    auto reply = ask(call);
    if (!reply) return core::fail(std::move(reply.error()));
    if (reply->means == KubeReply::Means::kDone) return Written::kDone;
    if (reply->means == KubeReply::Means::kConflict || reply->means == KubeReply::Means::kAbsent)
        return Written::kConflict;
    return core::fail(std::move(reply->error));
}

core::Result<Written> KubeApi::create(Kind kind, const std::string& object) {
    return write({.method = "POST",
                  .path = path_of(kind),
                  .body = object,
                  .what = core::message("create one of {}", std::string(plural(kind)))});
}

core::Result<Written> KubeApi::change(const ObjectName& name, const std::string& patch) {
    return write({.method = "PATCH",
                  .path = path_of(name.kind) + "/" + name.name,
                  .body = patch,
                  .type = "application/merge-patch+json",
                  .what = core::message("change {}", describe(name))});
}

core::Result<Written> KubeApi::remove(const ObjectName& name, const std::string& uid, const std::string& version) {
    const nlohmann::ordered_json options = {{"apiVersion", "v1"},
                                            {"kind", "DeleteOptions"},
                                            {"preconditions", {{"uid", uid}, {"resourceVersion", version}}}};
    auto reply = ask({.method = "DELETE",
                      .path = path_of(name.kind) + "/" + name.name,
                      .body = options.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace),
                      .what = core::message("delete {}", describe(name))});
    if (!reply) return core::fail(std::move(reply.error()));
    if (reply->means == KubeReply::Means::kDone || reply->means == KubeReply::Means::kAbsent) return Written::kDone;
    if (reply->means == KubeReply::Means::kConflict) return Written::kConflict;
    return core::fail(std::move(reply->error));
}

}  // namespace postern::agent::k8s

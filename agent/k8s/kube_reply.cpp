// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/kube_reply.h"

#include <algorithm>
#include <charconv>

#include "core/printable.h"

namespace postern::agent::k8s {
namespace {

using core::Code;
using core::Error;
using Means = KubeReply::Means;

constexpr std::size_t kMaxMessage = 300;
constexpr std::int64_t kDefaultWait = 1;

/// Its own words, for people.
std::string words_of(const JsonView& status) {
    return core::printable(status.at("message").text().substr(0, kMaxMessage));
}

core::Micros wait_of(const JsonView& status, const std::string& retry_after) {
    std::int64_t seconds = status.at("details").at("retryAfterSeconds").integer().value_or(kDefaultWait);
    (void)std::from_chars(retry_after.data(), retry_after.data() + retry_after.size(), seconds);
    return std::clamp<std::int64_t>(seconds, 1, kLongestWait / core::kSecond) * core::kSecond;
}

Error not_found(const JsonView& status, const core::Message& what) {
    if (status.at("details").at("kind").text() == "namespaces")
        return {Code::kApiNotFound, core::message("{}: {}", what, words_of(status)),
                "create the namespace, or give another one", 0};
    return {Code::kApiNotFound, core::message("{}: the cluster does not know this kind of object", what),
            "a CustomDNSConfig is there where ACK's managed CoreDNS is installed (v1.9.3.20 or later); elsewhere use "
            "postern publish kubernetes",
            0};
}

}  // namespace

KubeReply read_reply(int status, std::string_view body, const std::string& retry_after, const core::Message& what) {
    KubeReply out;
    auto parsed = JsonView::parse(body);
    const JsonView json = parsed ? *parsed : JsonView();
    const bool is_status = json.at("kind").text() == "Status";
    if (status >= 200 && status < 300) {
        if (!parsed || !json.is_object()) {
            out.error = {Code::kApiBadReply,
                         core::message("{}: {}", what,
                                       parsed ? core::Message("a reply that is no object") : parsed.error().what),
                         "something else answers for the API server: check --server", 0};
            return out;
        }
        out.means = Means::kDone;
        out.object = json;
        return out;
    }
    const std::string words = words_of(json);
    switch (status) {
        case 401:
            out.means = Means::kUnauthorised;
            out.error = {Code::kCredentialsInvalid, core::message("{}: the API server does not accept the token", what),
                         "is the service account still there, and the token file its own?", 0};
            return out;
        case 403:
            out.error = {Code::kApiDenied, core::message("{}: {}", what, words.empty() ? "HTTP 403" : words),
                         "grant it to the service account: postern-kubernetes(7) has the Role", 0};
            return out;
        case 404:
            // Of a kind that is not known the server says nothing, or no name.
            if (is_status && !json.at("details").at("name").text().empty() &&
                json.at("details").at("kind").text() != "namespaces") {
                out.means = Means::kAbsent;
                out.error = {Code::kApiNotFound, core::message("{}: {}", what, words), {}, 0};
            } else {
                out.error = not_found(json, what);
            }
            return out;
        case 409:
            out.means = Means::kConflict;
            out.error = {Code::kApiRejected, core::message("{}: {}", what, words), "another one writes it, too", 0};
            return out;
        case 410:
            out.means = Means::kExpired;
            out.error = {Code::kApiUnavailable, core::message("{}: {}", what, words), {}, 0};
            return out;
        default:
            break;
    }
    const core::Message said = core::message("{}: HTTP {}{}", what, status, words.empty() ? "" : ", " + words);
    if (status == 429 || (status == 503 && !retry_after.empty())) {
        out.means = Means::kWait;
        out.wait_us = wait_of(json, retry_after);
        out.error = {Code::kApiThrottled, said, "it is asked again", 0};
    } else if (status >= 500) {
        out.error = {Code::kApiUnavailable, said, "what was written stays; it is asked again", 0};
    } else if (is_status) {
        out.error = {Code::kApiRejected, said, {}, 0};
    } else {
        out.error = {Code::kApiBadReply, said, "something else answers for the API server: check --server", 0};
    }
    return out;
}

}  // namespace postern::agent::k8s

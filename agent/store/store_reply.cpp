// SPDX-License-Identifier: Apache-2.0
#include "agent/store/store_reply.h"

#include <fmt/format.h>

#include "core/printable.h"
#include "core/secret.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;
using core::Message;
using core::message;

constexpr std::size_t kMaxBody = 16 << 10, kMaxWord = 200;

/// The text of the first element with that name; stores answer with flat XML.
std::string element(std::string_view body, std::string_view name) {
    const std::string open = "<" + std::string(name) + ">";
    const auto begin = body.find(open);
    if (begin == std::string_view::npos) return {};
    const auto text = body.substr(begin + open.size());
    const auto end = text.find('<');
    if (end == std::string_view::npos || end > kMaxWord) return {};
    return core::printable(core::redact(text.substr(0, end)));
}

bool is_one_of(std::string_view code, std::initializer_list<std::string_view> codes) {
    for (const auto& one : codes) {
        if (one == code) return true;
    }
    return false;
}

}  // namespace

StoreRefusal read_refusal(const HttpResponse& response) {
    const std::string_view body = std::string_view(response.body).substr(0, kMaxBody);
    StoreRefusal out{.code = element(body, "Code"),
                     .endpoint = element(body, "Endpoint"),
                     .region = element(body, "Region"),
                     .request_id = element(body, "RequestId")};
    if (out.region.empty()) out.region = core::printable(response.header("x-amz-bucket-region").substr(0, kMaxWord));
    if (out.request_id.empty())
        out.request_id = core::printable(response.header("x-oss-request-id").substr(0, kMaxWord));
    if (out.endpoint.empty() && response.status / 100 == 3) {
        const std::string location = response.header("location");
        out.endpoint = core::printable(core::redact(location.substr(0, location.find('?')), kMaxWord));
    }
    return out;
}

bool says_exists(const HttpResponse& response) {
    const std::string code = read_refusal(response).code;
    // S3 says 409 for a write at the same moment: whoever was first, this one was not written.
    return response.status == 412 ||
           (response.status == 409 && is_one_of(code, {"FileAlreadyExists", "ConditionalRequestConflict"}));
}

Error explain_refusal(const HttpResponse& response, const StoreContext& context) {
    const StoreRefusal refusal = read_refusal(response);
    const std::string_view code = refusal.code;
    const int status = response.status;
    const std::string where = context.place.text();
    const std::string said = fmt::format("HTTP {}{}{}{}", status, code.empty() ? "" : " ", code,
                                         refusal.request_id.empty() ? "" : " (RequestId " + refusal.request_id + ")");
    const Message who = context.credentials.empty() ? Message("without a signature")
                                                    : message("with the credentials of {}", context.credentials);
    const auto error = [](Code c, Message what, Message hint) { return Error{c, std::move(what), std::move(hint), 0}; };
    if (status / 100 == 3 || is_one_of(code, {"PermanentRedirect", "AuthorizationHeaderMalformed"}) ||
        (!refusal.endpoint.empty() && code == "AccessDenied")) {
        const std::string at = refusal.endpoint.empty() ? refusal.region : refusal.endpoint;
        return error(Code::kApiRejected,
                     at.empty() ? message("{} is elsewhere: {}", where, said)
                                : message("{} is elsewhere: at {}: {}", where, at, said),
                     "name that place in [fleet]: endpoint, and region if it differs; redirects are not followed");
    }
    if (code == "RequestTimeTooSkewed" || code == "RequestTimeTooSkew")
        return error(Code::kApiClock, message("the store refuses this host's time for {}: {}", where, said),
                     "turn on time synchronization: timedatectl set-ntp true");
    if (is_one_of(code, {"SecurityTokenExpired", "ExpiredToken"}))
        return error(Code::kCredentialsExpired, message("the security token has expired: {}", said),
                     "it is renewed and sent again at the next beat");
    if (is_one_of(code, {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "InvalidSecurityToken"}))
        return error(Code::kCredentialsInvalid, message("the store refuses the key for {}, {}: {}", where, who, said),
                     context.region.empty()
                         ? Message("check the AccessKey and its secret; the region is not known")
                         : message("check the AccessKey and its secret; the region is {}", context.region));
    if (code == "NoSuchBucket")
        return error(Code::kApiNotFound, message("there is no bucket {}: {}", context.place.bucket, said),
                     message("check the name, and that the bucket is in the region {}", context.region));
    if (status == 404) {
        return error(
            Code::kApiNotFound, message("{} does not exist: {}", where, said),
            context.writes ? Message("check the path") : message("postern publish list --to {} writes it", where));
    }
    if (status == 401 || status == 403) {
        const Message hint =
            context.lists ? "it needs oss:ListObjects on the bucket, for this prefix, and oss:GetObject on the folder"
            : context.writes
                ? "a publisher needs oss:PutObject and oss:GetObject on the list's folder, a host that reports "
                  "oss:PutObject on that of the reports"
                : "a reader needs oss:GetObject on this key; a presigned URL may have expired";
        return error(Code::kApiDenied, message("{} is not allowed, {}: {}", where, who, said), hint);
    }
    if (status == 429 || is_one_of(code, {"SlowDown", "QpsLimitExceeded"}))
        return error(Code::kApiThrottled, message("the store wants fewer requests for {}: {}", where, said),
                     "it is asked again at the next beat");
    if (status >= 500)
        return error(Code::kApiUnavailable, message("the store fails for {}: {}", where, said),
                     "it is asked again at the next beat");
    return error(Code::kApiRejected, message("the store refuses the request for {}: {}", where, said),
                 "check the place in [fleet], and that an object store answers there");
}

}  // namespace postern::agent

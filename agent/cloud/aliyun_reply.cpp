// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/aliyun_reply.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "agent/cloud/metadata.h"
#include "core/printable.h"
#include "core/secret.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Error;
using core::IpAddress;
using core::Micros;

constexpr std::size_t kMaxWord = 300;
constexpr std::size_t kMaxToken = 4096;
constexpr std::int64_t kMaxTold = 24 * 3600;  // s

std::string word(const JsonView& node) {
    return core::redact(node.text(), kMaxWord);
}

/// Printable and one line: it goes to logs and terminals.
std::string tame(const std::string& text, std::size_t longest) {
    const std::string out = core::printable(core::redact(text, longest), ' ');
    return text.size() > longest ? out + "…" : out;
}

bool is_token_text(const std::string& code) {
    if (code.empty() || code.size() > 80) return false;
    for (const char c : code) {
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-'))
            return false;
    }
    return true;
}

std::optional<IpAddress> address(const std::string& text, bool v6) {
    const auto ip = IpAddress::parse(text);  // "false", which old replies contain, is not an address
    return ip && ip->is_v6() == v6 ? ip : std::nullopt;
}

bool starts(const std::string& code, std::string_view prefix) {
    return code.starts_with(prefix);
}
bool has(const std::string& code, std::string_view part) {
    return code.find(part) != std::string::npos;
}

bool is_denied(const ApiError& e) {
    return starts(e.code, "Forbidden") || starts(e.code, "NoPermission") || !e.denied_action.empty() ||
           (e.http_status == 403 && e.code.empty());
}
bool is_signature(const std::string& code) {
    return code == "SignatureDoesNotMatch" || code == "IncompleteSignature" || code == "InvalidSignatureMethod";
}
bool is_not_found(const std::string& code) {
    return code == "EndpointNotFound" || code == "EndpointServiceNotFound" || code == "InvalidEndpointId.NotFound";
}
bool is_region(const std::string& code) {
    return starts(code, "InvalidRegion") || starts(code, "UnsupportedRegion") || starts(code, "Region.") ||
           starts(code, "RegionId.");
}
/// The host does not serve the call, whatever it is about.
bool is_other_api(const std::string& code) {
    return starts(code, "InvalidApi") || starts(code, "InvalidProduct") || starts(code, "InvalidAction") ||
           starts(code, "InvalidVersion");
}

/// "cn-hangzhou" of "privatelink-vpc.cn-hangzhou.aliyuncs.com", "" for any other host.
std::string region_of_host(std::string_view host) {
    constexpr std::string_view kCloud = ".aliyuncs.com";
    const auto dot = host.find('.');
    if (!host.ends_with(kCloud) || dot == std::string_view::npos || dot + 1 + kCloud.size() >= host.size()) return {};
    const std::string_view region = host.substr(dot + 1, host.size() - kCloud.size() - dot - 1);
    const bool central = region == "vpc-proxy";  // a product that is the same in all regions, from inside a VPC
    return is_region_id(region) && !central ? std::string(region) : "";
}

}  // namespace

core::Result<EndpointReport> read_endpoint_attribute(const JsonView& reply) {
    EndpointReport out;
    out.endpoint_id = word(reply.at("EndpointId"));
    out.status = word(reply.at("EndpointStatus"));
    out.business_status = word(reply.at("EndpointBusinessStatus"));
    out.connection_status = word(reply.at("ConnectionStatus"));
    out.service_name = word(reply.at("ServiceName"));
    out.domain = word(reply.at("EndpointDomain"));
    out.zone_affinity = reply.at("ZoneAffinityEnabled").boolean();
    out.request_id = word(reply.at({"RequestId", "requestId"}));
    if (out.endpoint_id.empty() || out.status.empty()) {
        return core::fail(Code::kApiBadReply, "a reply that describes no endpoint");
    }
    return out;
}

core::Result<std::vector<JsonView>> read_page_items(const JsonView& reply, const char* plural, const char* singular,
                                                    const core::Message& what, std::string* next_token,
                                                    std::string* request_id) {
    JsonView list = reply.at(plural);
    if (list.is_object()) list = list.at(singular);  // the form used by this cloud's other products
    const bool empty_by_count = list.is_null() && reply.at("TotalCount").integer() == 0;
    if (!list.is_array() && !empty_by_count)
        return core::fail(Code::kApiBadReply, core::message("a reply without a list of {}", what));
    *request_id = word(reply.at({"RequestId", "requestId"}));
    *next_token = reply.at("NextToken").text();  // absent, null and "" all mean the last page
    if (next_token->size() > kMaxToken) return core::fail(Code::kApiBadReply, "a reply with an endless NextToken");
    auto items = list.items();
    for (const JsonView& item : items) {
        if (!item.is_object())
            return core::fail(Code::kApiBadReply, core::message("a reply whose {} are no objects", what));
    }
    return items;
}

core::Result<ZonesPage> read_zones_page(const JsonView& reply) {
    ZonesPage out;
    const auto items = read_page_items(reply, "Zones", "Zone", "zones", &out.next_token, &out.request_id);
    if (!items) return core::fail(items.error());
    for (const JsonView& item : *items) {
        out.zones.push_back({.zone_id = word(item.at("ZoneId")),
                             .status = word(item.at("ZoneStatus")),
                             .ipv4 = address(item.at("EniIp").text(), false),
                             .ipv6 = address(item.at("ZoneIpv6Address").text(), true),
                             .domain = word(item.at("ZoneDomain"))});
    }
    return out;
}

namespace {

bool matches(const JsonView& item, const EndpointQuery& query, const std::string& vpc) {
    const std::string type = item.at("EndpointType").text(), its_vpc = item.at("VpcId").text();
    if (!type.empty() && type != "Interface") return false;
    if (!its_vpc.empty() && its_vpc != vpc) return false;
    if (!query.service.empty() && item.at("ServiceName").text() != query.service) return false;
    JsonView list = item.at("Tags");
    if (list.is_object()) list = list.at("Tag");
    const auto tags = list.items();
    return std::all_of(query.tags.begin(), query.tags.end(), [&](const auto& wanted) {
        return std::any_of(tags.begin(), tags.end(), [&](const JsonView& tag) {
            return tag.at({"Key", "TagKey"}).text() == wanted.first &&
                   tag.at({"Value", "TagValue"}).text() == wanted.second;
        });
    });
}

}  // namespace

core::Result<EndpointsPage> read_endpoints_page(const JsonView& reply, const EndpointQuery& query,
                                                const std::string& vpc) {
    EndpointsPage out;
    const auto items = read_page_items(reply, "Endpoints", "Endpoint", "endpoints", &out.next_token, &out.request_id);
    if (!items) return core::fail(items.error());
    for (const JsonView& item : *items) {
        auto endpoint = read_endpoint_attribute(item);
        if (!endpoint) return core::fail(std::move(endpoint.error()));
        if (matches(item, query, vpc)) out.endpoints.push_back(std::move(*endpoint));
    }
    return out;
}

namespace {

ApiError from_json(int http_status, const JsonView& json) {
    ApiError out;
    out.http_status = http_status;
    out.code = json.at({"Code", "code"}).text();
    if (!is_token_text(out.code)) out.code.clear();
    out.request_id = tame(json.at({"RequestId", "requestId"}).text(), 80);
    // On a signature mismatch the gateway echoes the string to sign, which contains the security token.
    if (!is_signature(out.code)) out.message = tame(json.at({"Message", "message"}).text(), 200);
    const JsonView denied = json.at({"AccessDeniedDetail", "accessDeniedDetail"});
    out.denied_action = tame(denied.at({"AuthAction", "authAction"}).text(), 100);
    out.denied_principal = tame(denied.at({"AuthPrincipalDisplayName", "authPrincipalDisplayName"}).text(), 100);
    return out;
}

}  // namespace

ApiError read_api_error(int http_status, std::string_view body) {
    const auto json = JsonView::parse(body);
    if (json && json->is_object()) {
        ApiError out = from_json(http_status, *json);
        out.is_json = true;
        if (out.code.empty()) out.instead = "JSON without an error code";
        return out;
    }
    ApiError out;
    out.http_status = http_status;
    out.is_json = json.has_value();
    out.instead = json ? "JSON of another shape" : json.error().what;
    return out;
}

std::optional<ApiError> error_in_success(const JsonView& reply) {
    ApiError out = from_json(200, reply);
    if (out.code.empty() || out.code == "Success" || out.code == "200" || out.code == "OK") return std::nullopt;
    return out;
}

bool is_busy(const ApiError& e) {
    return e.code == "EndpointLocked" || e.code == "ConcurrentCallNotSupported" || e.code == "EndpointOperationDenied";
}

ApiFailure classify(const ApiError& e) {
    if (has(e.code, "Throttling") || (e.code.empty() && e.http_status == 429)) return ApiFailure::kThrottled;
    if (e.code == "InvalidTimeStamp.Expired") return ApiFailure::kClock;
    if (starts(e.code, "InvalidSecurityToken") || e.code == "MissingSecurityToken") return ApiFailure::kToken;
    if (starts(e.code, "InvalidAccessKeyId") || is_signature(e.code)) return ApiFailure::kKey;
    if (e.code == "SignatureNonceUsed" || e.code == "ServiceUnavailable" || e.code == "InternalError" ||
        e.code == "System.Busy" || is_busy(e)) {
        return ApiFailure::kTransient;
    }
    if (is_denied(e) || is_not_found(e.code)) return ApiFailure::kPermanent;
    return e.http_status >= 500 ? ApiFailure::kTransient : ApiFailure::kPermanent;
}

core::Message wrong_region(const ApiError& e, const ApiContext& c) {
    const bool about_region = is_region(e.code);
    const bool about_resource =
        has(e.code, "NotFound") && !is_other_api(e.code) && classify(e) == ApiFailure::kPermanent;
    if (!about_region && !about_resource) return {};
    if (const std::string its = region_of_host(c.host); !its.empty() && its != c.region) {
        return core::message(
            "{} is of region {}, but {} was asked for: set region and api_endpoint in [aliyun] to the endpoint's region",
            c.host, its, c.region);
    }
    if (!about_region) return {};
    return core::message("region {} is not known to {}: set region in [aliyun], or --region, to the endpoint's",
                         c.region, c.host);
}

Error explain(const ApiError& e, const ApiContext& c) {
    core::Message said = e.code;
    if (e.code.empty()) {
        said = core::message("HTTP {} with {}", e.http_status, e.instead);
    } else if (!e.message.empty()) {
        said = core::message("{}: {}", e.code, e.message);
    }
    if (!e.request_id.empty()) said = core::message(kWithRequestId, said, e.request_id);
    const core::Message what = core::message("{} at {}: {}", c.action, c.host, said);
    const core::Message who =
        c.principal.empty() ? core::message("the credentials from {}", c.credentials) : core::Message(c.principal);
    const auto error = [&](Code code, core::Message hint) { return Error{code, what, std::move(hint), 0}; };

    switch (classify(e)) {
        case ApiFailure::kThrottled:
            return error(Code::kApiThrottled,
                         "all hosts of the account share 1000 requests a minute in a region: raise poll_interval");
        case ApiFailure::kClock:
            return error(Code::kApiClock,
                         core::message("fix NTP: this host's clock is {}", describe_clock_offset(c.clock_offset_us)));
        case ApiFailure::kToken:
            return error(
                e.code == "InvalidSecurityToken.Expired" ? Code::kCredentialsExpired : Code::kCredentialsInvalid,
                c.credentials == "environment"
                    ? core::Message(
                          "the security token from the environment is not accepted: give the agent a new one, "
                          "or use a RAM role")
                    : core::message("the security token from {} is not accepted, nor is a renewed one: check the role, "
                                    "and this host's clock",
                                    c.credentials));
        case ApiFailure::kKey:
            return error(
                Code::kCredentialsInvalid,
                is_signature(e.code)
                    ? core::message("re-check the AccessKey secret from {}: it does not belong to the AccessKey ID",
                                    c.credentials)
                    : core::message(
                          "the AccessKey ID from {} does not exist or is disabled: re-check it in the RAM console",
                          c.credentials));
        case ApiFailure::kTransient:
            return error(Code::kApiUnavailable,
                         e.code.empty() ? "the API, or a proxy in its place, is failing" : "the API is failing");
        case ApiFailure::kPermanent:
            break;
    }
    if (is_denied(e) && !e.code.empty()) {
        const std::string action = e.denied_action.empty() ? c.product + ":" + c.action : e.denied_action;
        const core::Message whom = !c.principal.empty() ? core::Message(c.principal)
                                   : e.denied_principal.empty()
                                       ? core::message("the user of the AccessKey from {}", c.credentials)
                                       : core::Message(e.denied_principal);
        return error(Code::kApiDenied, core::message("grant {} to {} in the RAM console", action, whom));
    }
    if (const core::Message wrong = wrong_region(e, c); !wrong.empty()) {
        return error(is_not_found(e.code) ? Code::kApiNotFound : Code::kConfigBadValue, wrong);
    }
    if (is_not_found(e.code) || (has(e.code, "NotFound") && !is_other_api(e.code))) {
        return error(
            is_not_found(e.code) ? Code::kApiNotFound : Code::kApiRejected,
            core::message(
                "check that {} exists in region {} and belongs to the account of {}: what is of other regions and accounts is not found either",
                c.resource, c.region, who));
    }
    if (e.code.empty() && e.is_json) {
        return error(Code::kApiBadReply, "the reply was damaged, or the API changed");
    }
    if (e.code.empty()) {
        return error(Code::kApiBadReply,
                     "a proxy or another service answers for the API: check api_endpoint and https_proxy");
    }
    if (is_other_api(e.code)) {
        return error(Code::kApiRejected,
                     core::message("check region and api_endpoint: {} does not serve this API", c.host));
    }
    return error(Code::kApiRejected, core::message("see https://api.aliyun.com/troubleshoot?q={}", e.code));
}

Micros throttle_wait_us(const HttpResponse& response, Micros wall_us) {
    Micros longest = 0;
    const auto whole_number = [](const std::string& text) -> std::int64_t {
        std::int64_t value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc{} && end == text.data() + text.size() ? value : 0;
    };
    if (const auto ms = whole_number(response.header("x-acs-retry-after")); ms > 0 && ms < kMaxTold * 1000)
        longest = ms * core::kMillisecond;
    for (const char* name : {"x-ratelimit-user-api", "x-ratelimit-user"}) {
        const std::string value = response.header(name);
        const auto at = value.find("TimeLeft:");
        if (at == std::string::npos) continue;
        std::int64_t ms = 0;
        const auto first = std::min(value.find_first_not_of(' ', at + 9), value.size());
        if (std::from_chars(value.data() + first, value.data() + value.size(), ms).ec != std::errc{}) continue;
        if (ms > 0 && ms < kMaxTold * 1000) longest = std::max(longest, ms * core::kMillisecond);
    }
    if (longest != 0) return longest;
    // From proxies and load balancers in front: seconds, or a date by the clock of the one who says it.
    const std::string value = response.header("retry-after");
    Micros wait = 0;
    if (const auto until = parse_http_date(value)) {
        wait = *until - parse_http_date(response.header("date")).value_or(wall_us);
    } else if (const auto s = whole_number(value); s > 0 && s < kMaxTold) {
        wait = s * core::kSecond;
    }
    return wait > 0 && wait < kMaxTold * core::kSecond ? wait : 0;
}

std::optional<Micros> parse_http_date(const std::string& text) {
    std::tm tm{};
    const char* rest = strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (rest == nullptr || *rest != '\0') return std::nullopt;
    return static_cast<Micros>(timegm(&tm)) * core::kSecond;
}

core::Message describe_clock_offset(Micros server_minus_ours_us) {
    if (server_minus_ours_us == 0) return "off by more than 15 min";
    const Micros s = (server_minus_ours_us < 0 ? -server_minus_ours_us : server_minus_ours_us) / core::kSecond;
    const core::Message size = s >= 3600 ? core::message("{} h {} min", s / 3600, s % 3600 / 60)
                               : s >= 60 ? core::message("{} min {} s", s / 60, s % 60)
                                         : core::message("{} s", s);
    return server_minus_ours_us > 0 ? core::message("{} behind", size) : core::message("{} ahead", size);
}

}  // namespace postern::agent

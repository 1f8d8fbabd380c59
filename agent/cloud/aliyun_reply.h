// SPDX-License-Identifier: Apache-2.0
// Parses the replies of Alibaba Cloud's API and explains its errors. Pure; accepts any bytes. Errors are
// distinguished by Code, never by HTTP status alone: the status of a code differs between gateways.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/endpoint/endpoint_query.h"
#include "agent/endpoint/provider.h"
#include "agent/net/http_transport.h"
#include "agent/text/json_view.h"
#include "core/message.h"

namespace postern::agent {

/// The form of what explain() says of a refusal with a request ID: the ID is the second value.
inline constexpr const char* kWithRequestId = "{} (RequestId {})";

struct ZonesPage {
    std::vector<ZoneReport> zones;
    std::string next_token;  // "" on the last page
    std::string request_id;
};

/// The entries of one page of a list, plain or wrapped (`plural`: {`singular`: […]}), all of them objects; `what` is
/// for messages. A reply without the list is an error, not an empty list.
core::Result<std::vector<JsonView>> read_page_items(const JsonView& reply, const char* plural, const char* singular,
                                                    const core::Message& what, std::string* next_token,
                                                    std::string* request_id);

/// GetVpcEndpointAttribute, without zones (it has no addresses). kApiBadReply for any other reply.
core::Result<EndpointReport> read_endpoint_attribute(const JsonView& reply);
/// One page of ListVpcEndpointZones. A reply without a list of zones is an error, not "no zones".
core::Result<ZonesPage> read_zones_page(const JsonView& reply);

struct EndpointsPage {
    std::vector<EndpointReport> endpoints;  // without zones
    std::string next_token;                 // "" on the last page
    std::string request_id;
};
/// One page of ListVpcEndpoints: the interface endpoints that match the search. Whoever answers may not know a filter and
/// ignore it, so service, tags and VPC (where it is given) are compared here. A reply without a list is an error, not
/// "none".
core::Result<EndpointsPage> read_endpoints_page(const JsonView& reply, const EndpointQuery& query,
                                                const std::string& vpc);

struct ApiError {
    int http_status = 0;
    std::string code;     // "" if the body is not an API error
    std::string message;  // bounded; "" where it may contain the string to sign
    std::string request_id;
    std::string denied_action;  // "privatelink:ListVpcEndpointZones"
    std::string denied_principal;
    core::Message instead;  // what the body is if not JSON: "an HTML or XML page", …
    bool is_json = false;
};
ApiError read_api_error(int http_status, std::string_view body);
/// An error in a reply with status 200.
std::optional<ApiError> error_in_success(const JsonView& reply);

enum class ApiFailure {
    kPermanent,  // until something is changed
    kTransient,  // retry soon
    kThrottled,
    kClock,  // our date was refused
    kToken,  // new temporary credentials may help
    kKey,    // key or secret is wrong: read them again next time
};
ApiFailure classify(const ApiError& error);
/// Another operation on the endpoint is in progress: retry for minutes.
bool is_busy(const ApiError& error);

/// Values for the error texts.
struct ApiContext {
    std::string product = "privatelink";
    std::string action, host, region;
    std::string resource;              // "endpoint ep-…"
    std::string credentials;           // source, e.g. "ecs_ram_role"
    std::string principal;             // "role postern-reader"
    core::Micros clock_offset_us = 0;  // server minus ours
};
core::Error explain(const ApiError& error, const ApiContext& context);
/// What is wrong with the region, if the error is about it or the host is another region's; "" otherwise.
core::Message wrong_region(const ApiError& error, const ApiContext& context);

/// The wait that a reply asks for, 0 if none or more than a day: the longest of x-acs-retry-after and TimeLeft (both ms),
/// else Retry-After (seconds, or a date; `wall_us`: now, for a reply without Date).
core::Micros throttle_wait_us(const HttpResponse& response, core::Micros wall_us);
/// "Sun, 06 Nov 1994 08:49:37 GMT" as wall-clock microseconds; nullopt for another form.
std::optional<core::Micros> parse_http_date(const std::string& text);
/// "20 min 3 s behind"
core::Message describe_clock_offset(core::Micros server_minus_ours_us);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// Any bytes as a reply of the cloud API: an endpoint, a list, an error. Addresses that come out are those of hosts, words
// that come out fit a line of a log.
#include <cstdlib>

#include "agent/cloud/aliyun_reply.h"
#include "core/bytes.h"

using namespace postern;
using namespace postern::agent;

namespace {

void expect(bool good) {
    if (!good) std::abort();
}

void expect_one_line(const std::string& text) {
    for (const char c : text)
        expect(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

void judge(const EndpointReport& report) {
    const EndpointSet ready = ready_addresses(report, {});
    expect(ready.empty() != why_not_ready(report, {}).empty());
    for (const auto& address : ready)
        expect(address.ip.is_host());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    static constexpr int kStatuses[] = {200, 400, 401, 403, 404, 429, 500, 503};
    const std::string_view body = core::as_text({data + 1, size - 1});
    const auto json = JsonView::parse(body);
    if (const auto endpoint = json.and_then(read_endpoint_attribute)) judge(*endpoint);
    if (const auto page = json.and_then(read_zones_page)) {
        judge({.endpoint_id = "ep-1", .status = "Active", .connection_status = "Connected", .zones = page->zones});
    }
    const EndpointQuery query{.service = "", .tags = {{"env", "prod"}}, .vpc = ""};
    const auto read_page = [&](const JsonView& reply) { return read_endpoints_page(reply, query, "vpc-1"); };
    if (const auto page = json.and_then(read_page)) {
        judge({.endpoint_id = "endpoint of x", .search = true, .parts = page->endpoints});
    }
    const ApiError error = read_api_error(kStatuses[data[0] % std::size(kStatuses)], body);
    expect(error.code.size() <= 80 && error.message.size() < 260);
    expect(!error.code.empty() || !error.instead.empty());
    const core::Error words = explain(error, {.action = "ListVpcEndpointZones",
                                              .host = "h",
                                              .region = "r",
                                              .resource = "endpoint ep-1",
                                              .credentials = "environment"});
    expect_one_line(words.what);
    expect(!words.hint.empty());
    HttpResponse limited{429, {{"x-ratelimit-user", std::string(body)}}, ""};
    expect(throttle_wait_us(limited, 0) >= 0);
    parse_http_date(std::string(body));
    return 0;
}

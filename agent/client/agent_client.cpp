// SPDX-License-Identifier: Apache-2.0
#include "agent/client/agent_client.h"

#include <fmt/format.h>

#include <algorithm>

#include "agent/config/paths.h"
#include "agent/net/http_client.h"
#include "agent/text/json_view.h"
#include "core/any_address.h"
#include "core/file_system.h"
#include "core/printable.h"

namespace postern::agent {

namespace {
constexpr std::size_t kMaxQuoted = 200;  // of a reply
}

core::SocketAddress agent_address(const Config& config) {
    return core::on_this_host(config.http.listen);
}

core::Result<HttpResponse> ask_agent(const Config& config, const std::string& method, const std::string& path_and_query,
                                     core::Micros timeout_us) {
    core::Loop loop;
    std::optional<core::Result<HttpResponse>> reply;
    const core::SocketAddress address = agent_address(config);
    {
        core::SystemClock clock(loop);
        AresLookup lookup(loop, clock);  // an address needs no lookup
        HttpClient client(loop, clock, lookup, process_environment());
        HttpRequest request;
        request.method = method;
        request.url = "http://" + address.text() + path_and_query;
        request.headers = {{"X-Postern", "1"}};
        request.connect_timeout_us = std::min(timeout_us, 2 * core::kSecond);
        request.timeout_us = timeout_us;
        request.max_body = kMaxAgentReply;
        request.allow_proxy = false;
        client.send(std::move(request), [&reply](core::Result<HttpResponse> r) { reply.emplace(std::move(r)); });
        while (!reply && loop.run_once()) {
        }
    }
    loop.close();
    if (reply && *reply) return std::move(*reply);
    const pid_t holder = core::LockFile::holder(paths_of(config.agent).agent_lock);
    core::Error error;
    if (reply) error = reply->error();
    const bool refused = error.code == core::Code::kConnectFailed && error.sys != 0;
    // A timeout stays one: something is there and does not answer.
    if (error.code != core::Code::kTimeout) error.code = core::Code::kConnectFailed;
    error.what = refused ? core::message("the agent does not answer on http://{}", address.text())
                         : core::message("the agent does not answer on http://{}: {}", address.text(), error.what);
    error.hint = holder > 0
                     ? core::message("it is running as process {}: has [http] listen changed since it started?", holder)
                     : core::message("it is not running; start it: systemctl start postern, or postern run --config {}",
                                     config.path);
    return core::fail(std::move(error));
}

core::Error wrong_answer(const Config& config, const HttpResponse& reply) {
    const std::string where = agent_address(config).text();
    const std::string body = core::printable(core::whole_characters(reply.body, kMaxQuoted));
    return core::Error{core::Code::kHttpFailed,
                       core::message("http://{} answered with HTTP {}: {}", where, reply.status, body),
                       "is it postern of this version that listens there? see [http] listen, and restart it after an "
                       "upgrade",
                       0};
}

std::map<std::string, EndpointSet> ask_agent_addresses(const Config& config) {
    std::map<std::string, EndpointSet> out;
    const auto reply = ask_agent(config, "GET", "/api/v1/status", 2 * core::kSecond);
    if (!reply || reply->status != 200) return out;
    const auto status = JsonView::parse(reply->body, kMaxAgentReply);
    if (!status) return out;
    for (const JsonView& link : status->at("links").items()) {
        std::vector<EndpointAddress> addresses;
        for (const JsonView& a : link.at("addresses").items()) {
            if (const auto ip = core::IpAddress::parse(a.at("ip").text()))
                addresses.push_back({*ip, a.at("zone").text(), a.at("endpoint").text()});
        }
        out[link.at("name").text()] = make_endpoint_set(std::move(addresses));
    }
    return out;
}

}  // namespace postern::agent

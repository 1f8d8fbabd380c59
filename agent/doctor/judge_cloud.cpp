// SPDX-License-Identifier: Apache-2.0
// Credentials, the API, endpoints and their security groups.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "agent/account/endpoint_progress.h"
#include "agent/cloud/aliyun_reply.h"
#include "agent/doctor/judge.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

using core::Code;

/// The code for a refusal or failure of the API; "" if it is about an endpoint.
std::string_view api_code(Code code) {
    switch (code) {
        case Code::kApiNotFound:
            return "";
        case Code::kConfigBadValue:
            return "PN-API-REGION";
        case Code::kApiClock:
            return "PN-API-CLOCK";
        case Code::kApiDenied:
            return "PN-API-DENIED";
        case Code::kCredentialsInvalid:
        case Code::kCredentialsExpired:
            return "PN-API-KEY";
        case Code::kDnsFailed:
            return "PN-API-NAME";
        case Code::kTlsFailed:
            return "PN-API-TLS";
        case Code::kApiBadReply:
            return "PN-API-CAPTIVE";
        case Code::kApiThrottled:
            return "PN-API-THROTTLED";
        case Code::kConnectFailed:
        case Code::kTimeout:
        case Code::kSocket:
            return "PN-API-UNREACHABLE";
        default:
            return "PN-API-FAILED";
    }
}

std::string state_of(const EndpointReport& r) {
    return fmt::format("{}, {}, {}", r.status, r.business_status, r.connection_status);
}

std::string_view endpoint_code(const EndpointReport& r) {
    if (r.business_status == "FinancialLocked") return "PN-ENDPOINT-LOCKED";
    if (r.status != "Active") return r.status == "Deleting" ? "PN-ENDPOINT-GONE" : "PN-ENDPOINT-MAKING";
    if (r.connection_status == "Connected") return "";
    if (r.connection_status == "Pending" || r.connection_status == "Wait") return "PN-ENDPOINT-PENDING";
    if (r.connection_status == "Connecting") return "PN-ENDPOINT-MAKING";
    return "PN-ENDPOINT-CLOSED";
}

void judge_endpoint(const EndpointSeen& seen, const std::string& region, Findings& out) {
    Values v = {{"endpoint", seen.endpoint}, {"region", region}};
    if (!seen.info) {
        out.push_back(found("PN-ENDPOINT-GONE", seen.link, {}, std::move(v)));
        return;
    }
    const EndpointReport& r = seen.info->report;
    v["state"] = state_of(r);
    const auto add = [&](Finding f) {
        if (!r.request_id.empty()) f.evidence.emplace_back("request_id", r.request_id);
        out.push_back(std::move(f));
    };
    const std::string_view code = endpoint_code(r);
    add(code.empty() ? passed(Step::kEndpoint, seen.link, {}, v) : found(code, seen.link, {}, v));
    for (const ZoneReport& zone : r.zones) {
        if (!code.empty() || zone.status == "Connected") continue;
        Values of_zone = v;
        of_zone["zone"] = zone.zone_id;
        of_zone["state"] = zone.status;
        add(found("PN-ENDPOINT-ZONE", seen.link, {}, std::move(of_zone)));
    }
    if (!seen.access) return;
    v["reason"] = told_value(seen.access->judgement.reason);
    v["from"] = seen.access->from;
    switch (seen.access->judgement.access) {
        case Access::kYes:
            out.push_back(passed(Step::kSecurityGroup, seen.link, {}, std::move(v)));
            out.back().evidence.emplace_back("reason", told_value(seen.access->judgement.reason));
            return;
        case Access::kNo:
            return out.push_back(found("PN-SECURITY-GROUP-443", seen.link, {}, std::move(v)));
        case Access::kUnknown:
            break;
    }
    out.push_back(skipped(Step::kSecurityGroup, seen.link));
    out.back().evidence.emplace_back("reason", told_value(seen.access->judgement.reason));
}

}  // namespace

Findings judge_cloud(const CloudSeen& seen, bool agent_discovers) {
    Findings out;
    if (!seen.credentials && agent_discovers) {
        for (const Step step : {Step::kCredentials, Step::kApi, Step::kEndpoint, Step::kSecurityGroup})
            out.push_back(skipped(step, {}, {}, kAgentHas));
        return out;
    }
    if (!seen.credentials) {
        out.push_back(found("PN-CREDENTIALS-NONE", {}, {}, {{"problem", told_value(seen.credentials.error().what)}}));
        for (const Step step : {Step::kApi, Step::kEndpoint, Step::kSecurityGroup})
            out.push_back(skipped(step, {}, {}, "PN-CREDENTIALS-NONE"));
        return out;
    }
    if (seen.endpoints.empty()) {
        for (const Step step : {Step::kCredentials, Step::kApi, Step::kEndpoint})
            out.push_back(skipped(step));
        return out;
    }
    out.push_back(passed(Step::kCredentials, {}, {}, {{"provider", seen.credentials->provider}}));
    const auto failed = std::find_if(seen.endpoints.begin(), seen.endpoints.end(),
                                     [](const auto& e) { return !e.info && !api_code(e.info.error().code).empty(); });
    if (failed != seen.endpoints.end()) {
        const core::Error& error = failed->info.error();
        const std::string code(error.sys == EADDRNOTAVAIL                         ? "PN-LOCAL-PORTS"
                               : error.sys == EMFILE || error.sys == ENFILE       ? "PN-LOCAL-FILES"
                               : error.code == Code::kTlsFailed && error.sys != 0 ? "PN-API-UNREACHABLE"
                                                                                  : api_code(error.code));
        const bool clock = code == "PN-API-CLOCK";
        out.push_back(found(code, {}, {},
                            {{"problem", told_value(clock ? describe_clock_offset(seen.clock_offset_us) : error.what)},
                             {"and", clock ? catalogued("clock", "refused") : ""},
                             {"provider", seen.credentials->provider},
                             {"region", seen.region}}));
        if (clock) out.back().evidence.emplace_back("error", told_value(error.what));
        if (out.back().step != Step::kApi) out.push_back(skipped(Step::kApi, {}, {}, code));
        for (const Step step : {Step::kEndpoint, Step::kSecurityGroup})
            out.push_back(skipped(step, {}, {}, code));
        return out;
    }
    if (seen.clock_offset_us != 0)
        out.push_back(found("PN-API-CLOCK", {}, {},
                            {{"problem", told_value(describe_clock_offset(seen.clock_offset_us))},
                             {"and", catalogued("clock", "corrected")}}));
    else
        out.push_back(passed(Step::kApi, {}, {}, {{"region", seen.region}}));
    for (const EndpointSeen& endpoint : seen.endpoints)
        judge_endpoint(endpoint, seen.region, out);
    return out;
}

bool wants(const LinkConfig& link, const std::string& zone) {
    return link.zones.empty() || std::find(link.zones.begin(), link.zones.end(), zone) != link.zones.end();
}

Findings judge_drift(const LinkConfig& link, const std::vector<PathSeen>& paths, const CloudSeen& cloud) {
    Findings out;
    std::map<core::IpAddress, std::string> connected;  // with their zones
    std::vector<core::IpAddress> all;
    std::string endpoints;
    for (const EndpointSeen& seen : cloud.endpoints) {
        if (seen.link != link.name) continue;
        if (!seen.info || !endpoint_code(seen.info->report).empty()) return out;
        core::add_item(endpoints, seen.endpoint);
        for (const ZoneReport& zone : seen.info->report.zones) {
            for (const auto& ip : {zone.ipv4, zone.ipv6}) {
                if (!ip) continue;
                all.push_back(*ip);
                if (wants(link, zone.zone_id) && zone.status == "Connected") connected.emplace(*ip, zone.zone_id);
            }
        }
    }
    if (all.empty() || paths.empty()) return out;
    for (const PathSeen& path : paths) {
        const auto& ip = path.result.ip;
        connected.erase(ip);
        if (std::find(all.begin(), all.end(), ip) != all.end()) continue;
        out.push_back(
            found("PN-ADDRESS-STALE", link.name, ip.text(), {{"endpoint", endpoints}, {"zone", path.result.zone}}));
    }
    for (const auto& [ip, zone] : connected)
        out.push_back(found("PN-ADDRESS-MISSING", link.name, ip.text(), {{"endpoint", endpoints}, {"zone", zone}}));
    return out;
}

}  // namespace postern::agent::doctor

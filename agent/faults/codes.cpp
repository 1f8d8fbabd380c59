// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/codes.h"

#include <algorithm>
#include <array>

namespace postern::agent::doctor {

namespace {

using probe::Reason;
using enum Step;
using enum Owner;
constexpr State kFail = State::kFail;
constexpr State kWarn = State::kWarn;

constexpr std::string_view kNoAgent =
    "PN-AGENT-DOWN PN-AGENT-FOREIGN PN-AGENT-RESOLVER PN-STUB-SILENT PN-STUB-FOREIGN PN-CONFIG-OLDER PN-LOCAL-PORTS PN-LOCAL-FILES";
constexpr std::string_view kWrongPath =
    "PN-STUB-SILENT PN-STUB-FOREIGN PN-STUB-WRONG PN-STUB-VPC PN-HOSTS-SHADOW PN-RESOLV-OFF PN-RESOLV-SILENT PN-RESOLV-SUSPENDED PN-RESOLV-TRUCE "
    "PN-RESOLV-CHANGED PN-RESOLV-NSSWITCH PN-RESOLV-MODE PN-RESOLV-SECOND PN-RESOLV-ROTATE PN-LOCAL-PORTS PN-LOCAL-FILES";
/// Why names other than the private ones are not resolved.
constexpr std::string_view kNoForwarding =
    "PN-AGENT-DOWN PN-AGENT-RESOLVER PN-STUB-SILENT PN-STUB-FOREIGN PN-UPSTREAM-NONE PN-UPSTREAM-SILENT "
    "PN-UPSTREAM-REFUSED PN-UPSTREAM-SERVFAIL PN-UPSTREAM-NXDOMAIN PN-UPSTREAM-ONE-ADDRESS PN-AGENT-FOREIGN PN-LOCAL-PORTS PN-LOCAL-FILES";
constexpr std::string_view kNoApiName =
    "PN-CREDENTIALS-NONE PN-STUB-FORWARD PN-UPSTREAM-NONE PN-UPSTREAM-SILENT PN-UPSTREAM-REFUSED PN-UPSTREAM-SERVFAIL "
    "PN-UPSTREAM-NXDOMAIN PN-UPSTREAM-ONE-ADDRESS PN-LOCAL-PORTS PN-LOCAL-FILES";
/// Why the addresses are not known.
constexpr std::string_view kNoDiscovery =
    "PN-CREDENTIALS-NONE PN-API-REGION PN-API-NAME PN-API-UNREACHABLE PN-API-TLS PN-API-CAPTIVE PN-API-THROTTLED PN-API-KEY PN-API-DENIED PN-API-FAILED PN-ENDPOINT-GONE "
    "PN-ENDPOINT-PENDING PN-ENDPOINT-CLOSED PN-ENDPOINT-LOCKED PN-ENDPOINT-MAKING PN-ENDPOINT-ZONE";
/// Why nothing, or another server, is behind an address.
constexpr std::string_view kNotServed =
    "PN-ENDPOINT-GONE PN-ENDPOINT-PENDING PN-ENDPOINT-CLOSED PN-ENDPOINT-LOCKED PN-SECURITY-GROUP-443 PN-ADDRESS-STALE";
constexpr std::string_view kOtherServer = "PN-ADDRESS-STALE";

constexpr CodeInfo kCodes[] = {
    {"PN-CONFIG-UNREADABLE", kConfig, kFail, kYou},
    {"PN-CONFIG-MISTAKE", kConfig, kFail, kYou},
    {"PN-CONFIG-WARNING", kConfig, kWarn, kYou},
    {"PN-CONFIG-NO-LINK", kConfig, kWarn, kYou},
    {"PN-CONFIG-TOKEN", kConfig, kFail, kYou},
    {"PN-CONFIG-TOKEN-OPEN", kConfig, kWarn, kYou},
    {"PN-CONFIG-CA", kConfig, kFail, kYou},
    {"PN-CONFIG-RIGHTS", kConfig, kFail, kYou},

    {"PN-AGENT-DOWN", kAgent, kFail, kYou,
     "PN-CONFIG-UNREADABLE PN-CONFIG-MISTAKE PN-CONFIG-RIGHTS PN-LOCAL-PORTS PN-LOCAL-FILES"},
    {"PN-AGENT-HANGS", kAgent, kFail, kYou, "PN-LOCAL-PORTS PN-LOCAL-FILES"},
    {"PN-AGENT-FOREIGN", kAgent, kFail, kYou},
    {"PN-AGENT-ELSEWHERE", kAgent, kFail, kYou},
    {"PN-AGENT-RESOLVER", kAgent, kFail, kYou, "PN-AGENT-DOWN"},
    {"PN-AGENT-WARNING", kAgent, kWarn, kYou, "PN-CONFIG-RIGHTS PN-CONFIG-TOKEN PN-CONFIG-CA PN-CONFIG-OLDER"},
    {"PN-AGENT-DISCOVERY", kAgent, kWarn, kYou, kNoDiscovery},

    {"PN-CREDENTIALS-NONE", kCredentials, kFail, kYou},

    {"PN-API-REGION", kApi, kFail, kYou, "PN-CREDENTIALS-NONE"},
    {"PN-API-NAME", kApi, kFail, kCloudAdmin, kNoApiName},
    {"PN-API-UNREACHABLE", kApi, kFail, kCloudAdmin, kNoApiName},
    {"PN-API-TLS", kApi, kFail, kYou, "PN-CREDENTIALS-NONE PN-CONFIG-CA"},
    {"PN-API-CAPTIVE", kApi, kFail, kYou, "PN-CREDENTIALS-NONE"},
    {"PN-API-THROTTLED", kApi, kFail, kYou, "PN-CREDENTIALS-NONE"},
    {"PN-API-CLOCK", kApi, kFail, kYou, "PN-CREDENTIALS-NONE"},
    {"PN-API-KEY", kApi, kFail, kYou, "PN-CREDENTIALS-NONE"},
    {"PN-API-DENIED", kApi, kFail, kCloudAdmin, "PN-CREDENTIALS-NONE"},
    {"PN-API-FAILED", kApi, kFail, kAlibaba, "PN-CREDENTIALS-NONE"},

    {"PN-LIST-UNREACHABLE", kApi, kWarn, kCloudAdmin, "PN-CREDENTIALS-NONE"},
    {"PN-LIST-REFUSED", kApi, kWarn, kCloudAdmin},
    {"PN-LIST-OLD", kApi, kWarn, kCloudAdmin, "PN-LIST-UNREACHABLE PN-LIST-REFUSED"},

    // Of this host's report, and what only the reports of many hosts tell (agent/fleet/fleet_view).
    {"PN-REPORT-UNWRITTEN", kApi, kWarn, kCloudAdmin, "PN-CREDENTIALS-NONE"},
    {"PN-FLEET-NAME-DOWN", kApi, kFail, kCloudAdmin},
    {"PN-FLEET-DOWN-ALL", kApi, kWarn, kCloudAdmin},
    {"PN-FLEET-DOWN-ZONE", kApi, kWarn, kCloudAdmin},
    {"PN-FLEET-DOWN-HOST", kApi, kWarn, kYou},
    {"PN-FLEET-DOWN-SOME", kApi, kWarn, kYou},
    {"PN-FLEET-DOWN-FEW", kApi, kWarn, kYou},
    {"PN-FLEET-DOWN-LATE", kApi, kWarn, kYou},
    {"PN-FLEET-STALE", kApi, kWarn, kYou},
    {"PN-FLEET-REFUSED", kApi, kWarn, kCloudAdmin},
    {"PN-FLEET-PARTIAL", kApi, kWarn, kYou},

    {"PN-ENDPOINT-GONE", kEndpoint, kFail, kYou},
    {"PN-ENDPOINT-PENDING", kEndpoint, kFail, kYou},
    {"PN-ENDPOINT-CLOSED", kEndpoint, kFail, kYou},
    {"PN-ENDPOINT-LOCKED", kEndpoint, kFail, kYou},
    {"PN-ENDPOINT-MAKING", kEndpoint, kWarn, kAlibaba},
    {"PN-ENDPOINT-ZONE", kEndpoint, kWarn, kYou},
    {"PN-ENDPOINT-AFFINITY", kEndpoint, kWarn, kYou},

    {"PN-SECURITY-GROUP-443", kSecurityGroup, kFail, kCloudAdmin},

    {"PN-STUB-SILENT", kStub, kFail, kYou,
     "PN-AGENT-DOWN PN-AGENT-FOREIGN PN-AGENT-RESOLVER PN-LOCAL-PORTS PN-LOCAL-FILES"},
    {"PN-STUB-FOREIGN", kStub, kFail, kYou},
    {"PN-STUB-WRONG", kStub, kFail, kYou, kNoAgent},
    {"PN-STUB-VPC", kStub, kWarn, kCloudAdmin, kNoApiName},
    {"PN-STUB-FORWARD", kStub, kFail, kCloudAdmin, kNoForwarding},

    {"PN-HOSTS-SHADOW", kHosts, kFail, kYou},
    {"PN-HOSTS-FROZEN", kHosts, kWarn, kYou},
    {"PN-HOSTS-REVERSED", kHosts, kWarn, kYou},
    {"PN-HOSTS-UNREAD", kHosts, kWarn, kYou},

    {"PN-RESOLV-OFF", kResolvConf, kFail, kYou, kNoAgent},
    {"PN-RESOLV-SILENT", kResolvConf, kFail, kYou, kNoAgent},
    {"PN-RESOLV-SUSPENDED", kResolvConf, kFail, kYou, kNoAgent},
    {"PN-RESOLV-TRUCE", kResolvConf, kFail, kYou},
    {"PN-RESOLV-CHANGED", kResolvConf, kFail, kYou},
    {"PN-RESOLV-NSSWITCH", kResolvConf, kFail, kYou},
    {"PN-RESOLV-MODE", kResolvConf, kFail, kYou},
    {"PN-RESOLV-ROTATE", kResolvConf, kWarn, kYou},
    {"PN-RESOLV-SECOND", kResolvConf, kWarn, kYou},

    {"PN-SYSTEM-UNKNOWN-NAME", kSystem, kFail, kYou, kWrongPath},
    {"PN-SYSTEM-FAILED", kSystem, kFail, kYou, kWrongPath},
    {"PN-SYSTEM-PUBLIC", kSystem, kFail, kYou, kWrongPath},
    {"PN-SYSTEM-STALE", kSystem, kFail, kYou, kWrongPath},
    {"PN-SYSTEM-CACHED", kSystem, kFail, kYou, kWrongPath},

    {"PN-ADDRESS-NONE", kAddress, kFail, kYou,
     "PN-AGENT-DOWN PN-AGENT-FOREIGN PN-AGENT-HANGS PN-AGENT-ELSEWHERE PN-CONFIG-OLDER PN-CREDENTIALS-NONE PN-API-REGION PN-API-NAME PN-API-UNREACHABLE PN-API-TLS PN-API-CAPTIVE PN-API-THROTTLED PN-API-KEY PN-API-DENIED PN-API-FAILED "
     "PN-ENDPOINT-GONE PN-ENDPOINT-PENDING PN-ENDPOINT-CLOSED PN-ENDPOINT-LOCKED"},
    {"PN-ADDRESS-STALE", kAddress, kFail, kYou},
    {"PN-ADDRESS-MISSING", kAddress, kWarn, kYou},
    {"PN-ADDRESS-PUBLIC", kAddress, kWarn, kYou},
    {"PN-ADDRESS-ONE", kAddress, kWarn, kYou, "PN-ENDPOINT-AFFINITY"},

    {"PN-TCP-REFUSED", kTcp, kFail, kTdengine, kNotServed, Reason::kTcpRefused},
    {"PN-TCP-TIMEOUT", kTcp, kFail, kCloudAdmin, kNotServed, Reason::kTcpTimeout},
    {"PN-TCP-BLOCKED", kTcp, kFail, kCloudAdmin, kNotServed},
    {"PN-TCP-RESET", kTcp, kFail, kTdengine, kNotServed, Reason::kTcpReset},
    {"PN-TCP-NO-ROUTE", kTcp, kFail, kCloudAdmin, kNotServed, Reason::kNoRoute},
    {"PN-TCP-NET-UNREACHABLE", kTcp, kFail, kCloudAdmin, kNotServed, Reason::kNetUnreachable},
    {"PN-TCP-HOST-UNREACHABLE", kTcp, kFail, kCloudAdmin, kNotServed, Reason::kHostUnreachable},
    {"PN-TCP-PROHIBITED", kTcp, kFail, kCloudAdmin, "PN-SECURITY-GROUP-443 PN-ADDRESS-STALE", Reason::kProhibited},

    {"PN-TLS-TIMEOUT", kTls, kFail, kCloudAdmin, kNotServed, Reason::kTlsTimeout},
    {"PN-TLS-MTU", kTls, kFail, kCloudAdmin},
    {"PN-TLS-RESET", kTls, kFail, kTdengine, kNotServed, Reason::kTlsReset},
    {"PN-TLS-EOF", kTls, kFail, kTdengine, kNotServed, Reason::kTlsEof},
    {"PN-TLS-ALERT", kTls, kFail, kTdengine, kOtherServer, Reason::kTlsAlert},
    {"PN-TLS-PROTOCOL", kTls, kFail, kYou, kOtherServer, Reason::kTlsProtocol},
    {"PN-TLS-EXPIRED", kTls, kFail, kTdengine, "PN-API-CLOCK", Reason::kCertExpired},
    {"PN-TLS-NOT-YET-VALID", kTls, kFail, kYou, "PN-API-CLOCK", Reason::kCertNotYetValid},
    {"PN-TLS-NAME", kTls, kFail, kYou, kOtherServer, Reason::kCertNameMismatch},
    {"PN-TLS-UNTRUSTED", kTls, kFail, kYou, "PN-ADDRESS-STALE PN-CONFIG-CA", Reason::kCertUntrusted},
    {"PN-TLS-EXPIRING", kTls, kWarn, kTdengine},
    {"PN-TLS-LARGE-HELLO", kTls, kWarn, kCloudAdmin},

    {"PN-HTTP-TIMEOUT", kHttp, kFail, kTdengine, {}, Reason::kHttpTimeout},
    {"PN-HTTP-RESET", kHttp, kFail, kTdengine, {}, Reason::kHttpReset},
    {"PN-HTTP-PROTOCOL", kHttp, kFail, kYou, {}, Reason::kHttpProtocol},
    {"PN-HTTP-TRUNCATED", kHttp, kFail, kTdengine, {}, Reason::kHttpTruncated},
    {"PN-HTTP-REDIRECT", kHttp, kFail, kYou, {}, Reason::kHttpRedirect},
    {"PN-HTTP-4XX", kHttp, kFail, kYou, {}, Reason::kHttpStatus4xx},
    {"PN-HTTP-401", kHttp, kFail, kYou, {}, Reason::kHttpStatus401},
    {"PN-HTTP-403", kHttp, kFail, kYou, {}, Reason::kHttpStatus403},
    {"PN-HTTP-429", kHttp, kFail, kYou, {}, Reason::kHttpStatus429},
    {"PN-HTTP-5XX", kHttp, kFail, kTdengine, {}, Reason::kHttpStatus5xx},
    {"PN-HTTP-STATUS", kHttp, kFail, kYou, {}, Reason::kHttpStatusUnexpected},
    {"PN-HTTP-TOO-LARGE", kHttp, kFail, kYou, {}, Reason::kBodyTooLarge},
    {"PN-HTTP-JSON", kHttp, kFail, kTdengine, {}, Reason::kBodyInvalidJson},
    {"PN-HTTP-BODY", kHttp, kFail, kYou, {}, Reason::kBodyMismatch},
    {"PN-HTTP-NOT-TDENGINE", kHttp, kFail, kYou, kOtherServer, Reason::kNotTdengine},
    {"PN-HTTP-SLOW", kHttp, kWarn, kTdengine},

    {"PN-SQL-AUTH", kSql, kFail, kYou, {}, Reason::kSqlAuth},
    {"PN-SQL-PERMISSION", kSql, kFail, kYou, {}, Reason::kSqlPermission},
    {"PN-SQL-ERROR", kSql, kFail, kYou, {}, Reason::kSqlError},
    {"PN-SQL-UNAVAILABLE", kSql, kFail, kTdengine, {}, Reason::kSqlUnavailable},
    {"PN-SQL-NO-TOKEN", kSql, kWarn, kYou, "PN-CONFIG-TOKEN PN-CONFIG-RIGHTS", Reason::kTokenMissing},

    {"PN-WS-FAILED", kWs, kFail, kTdengine},
    {"PN-WS-UNASKED", kWs, kWarn, kTdengine},

    {"PN-LOCAL-FILES", kEnvironment, kFail, kYou, {}, Reason::kLocalFdLimit},
    {"PN-LOCAL-PORTS", kEnvironment, kFail, kYou, {}, Reason::kLocalPortExhausted},
    {"PN-LOCAL-MEMORY", kEnvironment, kFail, kYou, {}, Reason::kLocalOom},
    {"PN-LOCAL-CANCELLED", kEnvironment, kWarn, kYou, "PN-CONFIG-CA", Reason::kLocalCancelled},
    {"PN-ENV-PROXY", kEnvironment, kWarn, kYou},
    {"PN-ENV-NSCD", kEnvironment, kWarn, kYou},
    {"PN-ENV-TAILSCALE", kEnvironment, kWarn, kYou},
    {"PN-ENV-CONTAINER", kEnvironment, kWarn, kYou},
    {"PN-ENV-JVM", kEnvironment, kWarn, kYou},
    {"PN-ENV-HOOK", kEnvironment, kWarn, kYou},
    {"PN-APP-STUCK", kEnvironment, kWarn, kYou},
    {"PN-APP-BYPASS", kEnvironment, kWarn, kYou},
    {"PN-APP-KEEPALIVE", kEnvironment, kWarn, kYou},

    // What the agent sees of itself, of its links and of its upstreams.
    {"PN-CONFIG-OLDER", kConfig, kWarn, kYou},
    {"PN-CONFIG-REFUSED", kConfig, kWarn, kYou},
    {"PN-CONFIG-RESTART", kConfig, kWarn, kYou},
    {"PN-AGENT-PLAN", kAgent, kWarn, kYou},
    {"PN-AGENT-PLAN-REFUSED", kAgent, kWarn, kYou},
    {"PN-AGENT-PLAN-LATE", kAgent, kWarn, kYou},
    {"PN-AGENT-STATS", kAgent, kWarn, kYou},
    {"PN-AGENT-LISTEN", kAgent, kWarn, kYou},
    {"PN-UPSTREAM-NONE", kStub, kWarn, kYou},
    {"PN-UPSTREAM-SILENT", kStub, kFail, kCloudAdmin},
    {"PN-UPSTREAM-REFUSED", kStub, kFail, kCloudAdmin},
    {"PN-UPSTREAM-SERVFAIL", kStub, kFail, kCloudAdmin},
    {"PN-UPSTREAM-NXDOMAIN", kStub, kFail, kCloudAdmin},
    {"PN-UPSTREAM-ONE-ADDRESS", kStub, kFail, kCloudAdmin},
    {"PN-VPC-DOWN", kStub, kFail, kCloudAdmin},
    {"PN-VPC-NO-NAME", kStub, kWarn, kCloudAdmin},
    {"PN-VPC-UNKNOWN", kStub, kWarn, kCloudAdmin},
    {"PN-RESOLV-JOURNAL", kResolvConf, kWarn, kYou},
    {"PN-RESOLV-UNFINISHED", kResolvConf, kWarn, kYou},
    {"PN-RESOLV-BROKEN", kResolvConf, kWarn, kYou},
    {"PN-RESOLV-UNWATCHED", kResolvConf, kWarn, kYou},
    {"PN-RESOLV-UNASKED", kResolvConf, kWarn, kYou},
    {"PN-ADDRESS-EMPTY", kAddress, kWarn, kYou},
    {"PN-ADDRESS-STARTING", kAddress, kWarn, kYou},
    {"PN-ADDRESS-WAITING", kAddress, kWarn, kYou},
    {"PN-ADDRESS-DOWN", kAddress, kFail, kTdengine},
    {"PN-ADDRESS-PARTIAL", kAddress, kWarn, kTdengine},
    {"PN-ADDRESS-DEGRADED", kAddress, kWarn, kTdengine},
    // What a pod of Kubernetes gets.
    {"PN-K8S-NO-SERVER", kResolvConf, kFail, kYou},
    {"PN-K8S-LOOPBACK", kResolvConf, kFail, kYou},
    {"PN-K8S-SILENT", kSystem, kFail, kYou},
    {"PN-K8S-COREDNS", kSystem, kFail, kYou},
    {"PN-K8S-NODELOCAL", kSystem, kFail, kYou},
    {"PN-K8S-NODE-DNS", kSystem, kFail, kYou},
    {"PN-K8S-EGRESS", kTcp, kWarn, kYou},
    {"PN-K8S-SEARCH", kResolvConf, kFail, kYou},
    {"PN-K8S-NDOTS", kResolvConf, kWarn, kYou},
    {"PN-APP-FREEING", kEnvironment, kWarn, kYou},
};

}  // namespace

std::string_view to_string(State state) {
    constexpr std::array<std::string_view, 4> kWords = {"PASS", "WARN", "FAIL", "SKIP"};
    return kWords[static_cast<std::size_t>(state)];
}

std::string_view to_string(Step step) {
    constexpr std::array<std::string_view, static_cast<std::size_t>(Step::kCount)> kWords = {
        "config", "agent",  "credentials", "api",         "endpoint",   "security_group",
        "stub",   "system", "hosts",       "resolv_conf", "address",    "tcp",
        "tls",    "http",   "sql",         "ws",          "environment"};
    return kWords[static_cast<std::size_t>(step)];
}

std::string_view to_string(Owner owner) {
    constexpr std::array<std::string_view, 4> kWords = {"you", "cloud_admin", "tdengine", "alibaba"};
    return kWords[static_cast<std::size_t>(owner)];
}

std::span<const CodeInfo> all_codes() {
    return kCodes;
}

const CodeInfo* find_code(std::string_view code) {
    const auto* found =
        std::find_if(std::begin(kCodes), std::end(kCodes), [&](const auto& c) { return c.code == code; });
    return found == std::end(kCodes) ? nullptr : found;
}

const CodeInfo& code_of(probe::Reason reason) {
    return *std::find_if(std::begin(kCodes), std::end(kCodes), [&](const auto& c) { return c.reason == reason; });
}

bool is_remark(std::string_view code) {
    return code == "PN-CONFIG-WARNING" || code == "PN-RESOLV-UNASKED";
}

bool told_before(const Fault& a, const Fault& b) {
    const auto rank = [](const Fault& f) {
        if (f.code == "PN-CONFIG-OLDER") return 0;
        if (is_remark(f.code)) return 4;
        return f.state == State::kFail ? 1 : f.state == State::kWarn ? 2 : 3;
    };
    return rank(a) < rank(b);
}

std::string step_code(Step step) {
    std::string out = "PN-";
    for (const char c : to_string(step))
        out += c == '_' ? '-' : static_cast<char>(c - 'a' + 'A');
    return out;
}

}  // namespace postern::agent::doctor

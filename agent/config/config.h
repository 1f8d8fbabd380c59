// SPDX-License-Identifier: Apache-2.0
// The configuration as the program uses it: read from TOML (config.cpp) and checked; all defaults are here. Keys and
// meanings are in postern.toml(5). Durations are microseconds.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/endpoint/endpoint_query.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"
#include "core/log.h"
#include "core/secret.h"
#include "probe/probe_types.h"
#include "probe/verdict.h"

namespace postern::agent {

using core::Micros;

inline constexpr const char* kDefaultConfigPath = "/etc/postern/postern.toml";

struct AgentConfig {
    std::string state_dir = "/var/lib/postern";
    std::string runtime_dir = "/run/postern";
    core::Level log_level = core::Level::kInfo;
    core::LogFormat log_format = core::LogFormat::kText;
    bool log_successes = false;  // each successful probe, in the probe log
};

struct DnsConfig {
    std::vector<core::SocketAddress> listen;     // default 127.0.0.153:53
    std::vector<core::SocketAddress> upstreams;  // empty: auto, the host's own resolvers
    std::vector<core::IpPrefix> allow;           // default loopback
    Micros ttl_us = 10 * core::kSecond;
    std::uint64_t cache_bytes = 16u << 20;
    Micros serve_stale_us = core::kHour;
    Micros plan_ttl_us = 5 * core::kMinute;
    std::uint64_t query_log_sample = 0;  // 1 of N queries is kept for `postern queries`; 0: none
    bool forward_test = true;            // names below "test" go to the upstreams (for labs)
    bool trust_ad = false;               // AD of the upstreams is handed on: the way to them is protected
    bool second_nameserver = false;      // resolv.conf keeps the host's old server as second, where that is safe
};

struct HttpConfig {
    core::SocketAddress listen;            // default 127.0.0.1:9853
    std::vector<core::IpPrefix> allow;     // default loopback
    std::vector<std::string> allow_hosts;  // additional names for the Host check
};

struct AliyunConfig {
    std::string region;  // "": from the instance metadata
    Micros poll_interval_us = core::kMinute;
    Micros poll_max_interval_us = 5 * core::kMinute;
    std::string api_endpoint;  // "https://host[:port]"; "": the regional VPC host, then the public one
    std::string metadata_url = "http://100.100.100.200";
    std::string ca_file;  // for the API; "": the system's
};

/// The list of a fleet: where it is read from, and whose it is; and where this host's report goes.
struct FleetConfig {
    std::string list_url;                // oss://, s3://, https://; "": none
    std::vector<std::string> list_keys;  // "ed25519:…": a list signed by one of them is used
    std::string name = "default";        // of the fleet, as in the list
    Micros poll_interval_us = 15 * core::kSecond;
    bool fleet_only = false;  // the API is not asked for what the list lacks
    std::string endpoint;     // "https://host[:port]" of the store; "": by region
    std::string region;       // of the bucket; "": this host's
    std::string ca_file;      // "": the system's
    bool anonymous = false;   // requests without a signature
    bool report = false;      // this host reports; without report_url into "reports/" beside the list
    std::string report_url;   // the folder of the fleet's reports: oss://, s3://, https://, file:; ""
    Micros report_interval_us = 5 * core::kMinute;
    bool configured() const { return !list_url.empty(); }
    bool reporting() const { return report || !report_url.empty(); }
    /// The folder of the reports; "": this host does not report.
    std::string reports() const;
    bool operator==(const FleetConfig&) const = default;
};

/// The source of a link's token. At most one is set.
struct TokenSource {
    std::string file;
    std::string env;
    bool configured() const { return !file.empty() || !env.empty(); }
};

struct LinkProbeConfig {
    bool enabled = true;
    probe::Kind kind = probe::Kind::kTdengine;
    Micros interval_us = 10 * core::kSecond;
    Micros timeout_us = 3 * core::kSecond;
    Micros connect_timeout_us = 1200 * core::kMillisecond;
    int fall = 3;
    int rise = 2;
    Micros fast_interval_us = core::kSecond;
    std::uint16_t port = 443;
    std::string path = "/rest/sql";
    std::string sql = "select 1";
    std::vector<int> accepted_status{200};  // kind https only, as the next two
    std::string body_contains;
    std::vector<std::pair<std::string, std::string>> body_json;  // JSON pointer → the expected value as text
    std::string ca_file;
    std::string server_name;  // "": the link's host
    bool ws = false;          // probe by WebSocket, too
    Micros degraded_over_us = 500 * core::kMillisecond;
    double rate_below = 0;  // share of passed attempts; 0: no address is withdrawn for it
    Micros expiry_warning_us = 14 * core::kDay;
};

struct LinkConfig {
    std::string name;
    std::string host;  // lower case, no trailing dot
    // Exactly one source of addresses is set.
    std::vector<std::string> endpoints;      // PrivateLink endpoint IDs, merged
    EndpointQuery find;                      // a search for endpoints
    std::vector<core::IpAddress> addresses;  // fixed
    std::vector<std::string> targets;        // names whose A and AAAA records are followed, merged
    std::string zones_file;                  // a saved ListVpcEndpointZones reply
    std::vector<std::string> zones;          // selects discovered zones; empty: all
    bool answer = true;                      // false: the upstreams answer the name, and it is only verified
    bool free_stuck = false;                 // stuck connections to an address that can't be reached are ended
    TokenSource token;
    probe::LinkPolicy policy = probe::LinkPolicy::kAny;
    std::string compare;  // host of the public gateway; "": no comparison
    std::uint16_t compare_port = 443;
    Micros compare_interval_us = 10 * core::kMinute;
    LinkProbeConfig probe;
    int line = 0;  // of [[link]] in the file

    /// Whether a probe shows the state of what is behind the gateway: TDengine's asks for a token first.
    bool asks_service() const { return probe.kind != probe::Kind::kTdengine || token.configured(); }
};

/// One mistake in the file. Line 0: the whole file.
struct ConfigIssue {
    enum class Kind { kGeneral, kNoLink, kNoToken };  // those that doctor reports with their own codes are separate
    int line = 0;
    std::string key;
    core::Message what;
    Kind kind = Kind::kGeneral;
};

struct Config {
    std::string path;
    AgentConfig agent;
    DnsConfig dns;
    HttpConfig http;
    AliyunConfig aliyun;
    FleetConfig fleet;
    std::vector<LinkConfig> links;
    std::vector<ConfigIssue> warnings;  // accepted, but probably a mistake
    std::vector<ConfigIssue> notes;     // the cost of a choice; shown by check-config only

    // whether any link has addresses with zones: then the host's own zone matters
    bool needs_discovery() const;
    std::vector<std::string> hosts() const;           // of all links
    std::vector<std::string> answered_hosts() const;  // of those that postern answers
};

/// "FILE:LINE: key: what"
core::Message format_issue(const std::string& path, const ConfigIssue& issue);

/// The parsed file, or every mistake in it.
tl::expected<Config, std::vector<ConfigIssue>> parse_config(const std::string& path, std::string_view text);
/// Reads at most 1 MiB, then parses. An unreadable file is one issue with line 0.
tl::expected<Config, std::vector<ConfigIssue>> load_config(const std::string& path);

}  // namespace postern::agent

// Everything that doctor has looked at, as it was found; judging comes after. What is absent was not looked at.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/cloud/credentials.h"
#include "agent/commands/dns_query.h"
#include "agent/commands/endpoint_access.h"
#include "agent/config.h"
#include "agent/hostdns/report.h"
#include "agent/hostdns/takeover.h"
#include "probe/probe_types.h"

namespace postern::agent::doctor {

struct ConfigSeen {
    std::string file;
    bool used = true;                     // false: the target comes from the command line
    std::string problem;                  // why the file could not be read
    std::vector<ConfigIssue> mistakes, warnings;
    std::optional<Config> config;
    std::vector<std::pair<std::string, core::Error>> tokens;  // link and why its token can't be read
};

struct AgentSeen {
    core::SocketAddress listen;
    std::string problem;                  // why it does not answer
    std::string version;
    std::string resolver_problem;
    std::vector<std::string> warnings;
};

/// One endpoint of a link.
struct EndpointSeen {
    std::string link, endpoint;
    core::Result<EndpointInfo> info;
    std::optional<EndpointAccess> access;  // where there is an endpoint
};

struct CloudSeen {
    std::string region;
    core::Result<Credentials> credentials;  // as the environment of this command has them
    std::vector<EndpointSeen> endpoints;    // of the links that name them; empty: none does
};

/// One private name, with what it should be.
struct NameSeen {
    std::string link, name;
    std::vector<core::IpAddress> known;   // all addresses of the link, sorted; empty: none is known
    std::optional<core::Result<DnsReply>> stub;
    std::optional<Lookup> system;
};

struct DnsSeen {
    core::SocketAddress server;           // ours
    std::vector<NameSeen> names;
    std::optional<core::Result<DnsReply>> forwarded;  // a public name
};

struct HostSeen {
    HostDnsReport report;
    std::string resolv_conf;              // its text, through links
    std::string nsswitch;
    std::vector<std::string> interfaces;
    bool nscd = false;
    bool resolved = false;                // systemd-resolved stands between programs and us
    std::vector<std::pair<std::string, std::string>> environment;  // variables about proxies
};

struct PathSeen {
    probe::ProbeTarget target;
    probe::ProbeResult result;
};

}  // namespace postern::agent::doctor

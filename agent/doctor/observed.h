// SPDX-License-Identifier: Apache-2.0
// Everything that doctor has observed; judged later. An absent value was not observed.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/account/access.h"
#include "agent/cloud/credentials.h"
#include "agent/config/config.h"
#include "agent/faults/fault.h"
#include "agent/hostdns/report.h"
#include "agent/hostdns/takeover.h"
#include "agent/net/dns_query.h"
#include "agent/status/one_zone.h"
#include "core/message.h"
#include "probe/probe_types.h"

namespace postern::agent::doctor {

/// A file that the configuration names, and what is wrong with it.
struct FileSeen {
    std::string link, file;
    core::Message problem;
    std::string blocker;  // the file or folder that keeps the agent's user out
};

/// A token's file that users without a part in it may read.
struct TokenModeSeen {
    std::string link, file, mode;  // "0644"
    std::string owner, group;      // that leave the agent its right, numbers where they have no name
    std::string wanted;            // "0640"
};

struct ConfigSeen {
    std::string file;
    bool used = true;       // false: the target comes from the command line
    core::Message problem;  // why the file could not be read
    bool root = true;       // whether every file is readable
    bool no_right = false;  // the problem is a missing permission
    std::vector<ConfigIssue> mistakes, warnings;
    std::optional<Config> config;
    std::vector<std::pair<std::string, core::Error>> tokens;  // link and why its token can't be read
    std::vector<TokenModeSeen> open_tokens;                   // that others than the agent may read
    std::vector<FileSeen> ca_files;                           // that can't be used
    std::vector<FileSeen> hidden;                             // what the agent's user can't read, though it is there
    std::string agent_user, agent_group;                      // with whose rights that was; "": nobody's
    bool narrowed = false;                                    // the addresses are those of the command line
};

/// Connections of this host's applications to one address, as the agent sees them.
struct ConnectionsSeen {
    std::string link, host, ip;
    bool bypass = false;  // the address is the public gateway's
    std::uint64_t total = 0, stuck = 0, without_keepalive = 0;
    core::Micros stuck_for_us = 0;
    std::string users;  // "1001, 1002"
};

/// What is at the agent's address when it does not answer.
enum class AgentState { kAnswers, kDown, kHangs, kForeign, kElsewhere, kNoPorts, kNoFiles };

struct AgentSeen {
    core::SocketAddress listen;
    AgentState state = AgentState::kAnswers;
    core::Message problem;                                        // why it does not answer
    core::Message holder;                                         // "nginx (pid 12)": who has its port, if it is known
    int pid = 0;                                                  // of the running agent, by its lock
    bool older = false;                                           // it runs an older configuration than the file
    bool other_links = false;                                     // and its links, or their names, are others
    std::string config, loaded, changed;                          // its file, when it read it, when that was changed
    std::vector<std::pair<std::string, core::IpAddress>> serves;  // link and address whose database it reaches
    std::string version;
    std::vector<Fault> faults;                              // that doctor does not look at itself
    std::vector<std::pair<std::string, OneZone>> one_zone;  // by link
    std::vector<ConnectionsSeen> connections;               // to addresses that have any
    bool discovers = false;                                 // every link that uses the API has its answer
};

/// One endpoint of a link.
struct EndpointSeen {
    std::string link, endpoint;
    core::Result<EndpointInfo> info;
    std::optional<EndpointAccess> access;  // if there is an endpoint
};

struct CloudSeen {
    std::string region;
    core::Result<Credentials> credentials;  // from this command's environment
    core::Micros clock_offset_us = 0;       // the API's clock minus ours; 0 until it refused ours
    std::vector<EndpointSeen> endpoints;    // of the links that name them; empty: none does
    std::vector<EndpointReport> followed;   // those whose domain a link follows, where the API is in use and tells
};

/// One private name, with its expected addresses.
struct NameSeen {
    std::string link, name;
    std::vector<core::IpAddress> known;  // all addresses of the link, sorted; empty: none is known
    std::optional<core::Result<DnsReply>> stub;
    std::optional<SystemLookup> system;
    bool verify_only = false;  // the VPC's DNS answers it, not postern
    bool narrowed = false;     // `known` leaves zones of the endpoint out
    bool partial = false;      // `known` is what the command line gave: others may be right, too
};

struct DnsSeen {
    core::SocketAddress server;               // ours, as this host asks it
    core::Message holder;                     // "dnsmasq (pid 12)": who has its port, if another program has
    std::vector<core::SocketAddress> listen;  // all of ours
    std::vector<NameSeen> names;
    std::optional<core::Result<DnsReply>> forwarded;  // a public name
};

/// A process with a resolv.conf of its container, one for each such file.
struct ContainerSeen {
    int pid = 0;
    std::string name;  // its host name
    bool own_network = true;
    std::string resolv_conf;
};

/// A Java process configured to cache addresses forever.
struct JvmSeen {
    int pid = 0;
    std::string setting;
};

struct HostSeen {
    bool root = true;  // whether every file is readable
    HostDnsReport report;
    std::string resolv_conf;                 // its text, through links
    std::vector<core::IpAddress> addresses;  // of its interfaces
    std::string nsswitch;
    bool resolved = false;          // systemd-resolved is running
    core::Message hosts_problem;    // why /etc/hosts was not looked at
    std::vector<std::string> shut;  // files of lookups, or their folders, that ordinary users can't read
    std::vector<std::string> interfaces;
    std::vector<core::SocketAddress> upstreams;  // the upstreams of our DNS
    bool nscd = false;                           // it is running and keeps host names
    bool nscd_restart = false;                   // its file says that it does not, but it was started before that
    std::vector<std::string> hooks;              // sockets that resolved asks before any server (systemd >= 259)
    std::vector<ContainerSeen> containers;
    std::vector<JvmSeen> jvms;
    std::vector<std::pair<std::string, std::string>> environment;  // variables about proxies
};

struct PathSeen {
    probe::ProbeTarget target;
    probe::ProbeResult result;
    /// Of a tdengine link without `ws`: a second attempt with it, after a good one.
    std::optional<probe::ProbeResult> with_ws = {};
    std::optional<bool> small_packets_pass = {};  // if TLS was silent: whether a handshake in small segments succeeds
};

/// What a pod gets: its resolv.conf, and what the first server of that says of each name, asked with a final dot, and of
/// what its C library asks before that.
struct PodSeen {
    std::string resolv_conf;
    struct Name {
        std::string link, name;
        std::vector<core::IpAddress> known;  // sorted; empty: none is known
        bool partial = false;                // others may be right, too
        std::optional<core::Result<DnsReply>> reply;
        std::vector<core::Result<DnsReply>> searched;  // of the search domains, in order; ends with one that is silent
    };
    std::vector<Name> names;
};

}  // namespace postern::agent::doctor

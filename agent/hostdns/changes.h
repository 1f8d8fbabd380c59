// SPDX-License-Identifier: Apache-2.0
// A decision as concrete changes: files to write, commands to run, and how to check that each is in place. Pure
// except for is_in_place(), which only reads.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "agent/hostdns/decision.h"
#include "core/ip_address.h"

namespace postern::agent {

/// What the host will point at, and what of its own configuration is kept.
struct Target {
    core::SocketAddress listen;      // ours; port 53 unless everything goes through resolved
    std::vector<std::string> names;  // private names, without the final dot
    // a second nameserver line, for hosts that want to fail open without the rescue
    std::optional<core::IpAddress> second;
    std::string kept;  // a resolv.conf of which the other lines (search, options, …) stay
    bool operator==(const Target&) const = default;
};

struct FileChange {
    std::string path;
    FileState after;
};

struct HostCommand {
    Argv argv;
    std::string input;
    bool must = true;  // its failure fails the whole change
};

struct Changes {
    std::vector<FileChange> files;    // in this order, resolv.conf last
    std::vector<HostCommand> apply;   // then these; they may be repeated
    std::vector<HostCommand> undo;    // after the files have been restored
    Argv link_domains, link_servers;  // query commands for our link or delegate
    std::string link_mark;            // what stands before ours in their output
    std::string link_server;          // and behind it
    std::vector<std::string> domains;
    std::vector<std::string> record_paths;  // where resolvconf may keep it
    std::string record;                     // "" if there is none
};

/// `before`: /etc/resolv.conf now, for its owner and mode.
Changes changes_for(const Decision& decision, const Target& target, const FileState& before);

/// Whether link and record are in place; the journal's owner compares the files.
bool runtime_in_place(const HostSystem& host, const Changes& changes);

/// The search lines of the other records of openresolv: an exclusive record hides them.
std::string other_records(const HostSystem& host);

inline constexpr const char* kNmServerDropIn = "/etc/NetworkManager/conf.d/90-postern.conf";
inline constexpr const char* kNmDnsmasqDropIn = "/etc/NetworkManager/dnsmasq.d/90-postern.conf";
inline constexpr const char* kDhclientHook = "/etc/dhcp/dhclient-enter-hooks.d/postern";
inline constexpr const char* kNetdevFile = "/etc/systemd/network/00-postern.netdev";
inline constexpr const char* kNetworkFile = "/etc/systemd/network/00-postern.network";
inline constexpr const char* kPeerFile = "/etc/systemd/network/00-postern-peer.network";
inline constexpr const char* kDelegateFile = "/etc/systemd/dns-delegate.d/postern.dns-delegate";
/// All but resolv.conf: they did not exist before.
inline constexpr std::array kOwnFiles = {kNmServerDropIn, kNmDnsmasqDropIn, kDhclientHook, kDhcpcdHook,
                                         kNetdevFile,     kNetworkFile,     kPeerFile,     kDelegateFile};
/// Whether there is one at this path, one of kOwnFiles. The name of dhcpcd's hook is not ours alone.
bool is_own_file(const HostSystem& host, const std::string& path);
/// Whether resolvconf or openresolv has our record.
bool has_record(const HostSystem& host);
/// Our records of a resolvconf or openresolv that was removed: one that is installed later would use them.
std::vector<std::string> left_records(const HostSystem& host);
/// Commands that make the readers of these files notice their removal.
std::vector<HostCommand> commands_after_own_files(const std::vector<std::string>& removed);
/// Makes resolved forget the servers that it took from a resolv.conf of ours.
std::vector<HostCommand> restart_resolved();
/// Every path that a journal may name: root reads it, so it must not allow writes anywhere else.
bool may_change(const std::string& path);

}  // namespace postern::agent

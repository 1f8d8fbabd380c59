// A decision as concrete changes: which files become what, which commands follow, and how each is seen to be in place.
// Pure but for is_in_place(), which only looks.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "agent/hostdns/decision.h"
#include "core/ip_address.h"

namespace postern::agent {

/// What the host shall be pointed at, and what of its own is kept.
struct Target {
    core::SocketAddress listen;             // ours; port 53 unless everything goes through resolved
    std::vector<std::string> names;         // private names, without the final dot
    std::optional<core::IpAddress> second;  // a second nameserver line, for hosts that want to fail open by themselves
    std::string kept;                       // a resolv.conf whose other lines (search, options, …) stay
    bool operator==(const Target&) const = default;
};

struct FileChange {
    std::string path;
    FileState after;
};

struct HostCommand {
    Argv argv;
    std::string input;
    bool must = true;  // its failure is the failure of the whole
};

struct Changes {
    std::vector<FileChange> files;    // in this order, resolv.conf last
    std::vector<HostCommand> apply;   // then these; repeating them does no harm
    std::vector<HostCommand> undo;    // after the files have been given back
    Argv link_domains, link_servers;  // ask for them: our link's, "" when there is no link
    std::string link_server;          // what they have to say
    std::vector<std::string> domains;
    std::string record_path, record;  // resolvconf's, "" when there is none
};

/// `before`: /etc/resolv.conf as it is, for the owner and mode of ours.
Changes changes_for(const Decision& decision, const Target& target, const FileState& before);

/// Whether link and record are there as they shall be; files are compared by whoever keeps the journal.
bool runtime_in_place(const HostSystem& host, const Changes& changes);

/// The search lines of the other records of openresolv: an exclusive record hides them.
std::string other_records(const HostSystem& host);

inline constexpr const char* kNmServerDropIn = "/etc/NetworkManager/conf.d/90-postern.conf";
inline constexpr const char* kNmDnsmasqDropIn = "/etc/NetworkManager/dnsmasq.d/90-postern.conf";
inline constexpr const char* kDhclientHook = "/etc/dhcp/dhclient-enter-hooks.d/postern";
inline constexpr const char* kNetdevFile = "/etc/systemd/network/00-postern.netdev";
inline constexpr const char* kNetworkFile = "/etc/systemd/network/00-postern.network";
inline constexpr const char* kPeerFile = "/etc/systemd/network/00-postern-peer.network";
/// All of them but resolv.conf: nothing was there before us.
inline constexpr std::array kOwnFiles = {kNmServerDropIn, kNmDnsmasqDropIn, kDhclientHook,
                                         kNetdevFile,     kNetworkFile,     kPeerFile};
/// What makes their readers notice that they are gone.
std::vector<HostCommand> commands_after_own_files(const std::vector<std::string>& removed);
/// Every path that a journal may name: it is read by root, and must not become a way to write anywhere else.
bool may_change(const std::string& path);

}  // namespace postern::agent

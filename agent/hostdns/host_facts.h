// SPDX-License-Identifier: Apache-2.0
// Facts about a host that show who owns its DNS. Gathered once and passed around: deciding needs no host.
#pragma once

#include <array>
#include <string>

#include "agent/hostdns/host_system.h"

namespace postern::agent {

enum class ResolvconfTool { kNone, kDebian, kOpenresolv, kResolvectl };  // the last is an alias of resolved

struct HostFacts {
    FileState resolv_conf;         // /etc/resolv.conf itself
    std::string resolv_conf_text;  // through links
    std::string resolv_conf_path;  // where links lead; "" if nowhere
    core::Message trouble;         // why it could not be read

    bool mount_point = false;  // /etc/resolv.conf is itself a mount: a container's
    bool immutable = false;    // chattr +i
    bool read_only = false;    // /etc can't be written
    bool container = false;
    bool systemd = false;  // is pid 1
    bool musl = false;

    bool resolved = false;       // systemd-resolved is running
    int resolved_version = 0;    // systemd's; 0: not known
    bool networkd = false;       // systemd-networkd is running
    bool dns_delegates = false;  // resolved gives names to a server by a file alone (systemd >= 258)
    bool nss_resolve = false;    // nsswitch uses resolved before, or instead of, resolv.conf
    bool dummy_links = false;    // the kernel has the dummy driver; else veth

    bool networkmanager = false;
    std::string nm_mode;        // default, none, systemd-resolved, dnsmasq; "" unknown
    std::string nm_rc_manager;  // symlink, file, resolvconf, unmanaged, …; "" unknown

    ResolvconfTool resolvconf = ResolvconfTool::kNone;
    bool resolvconf_owns = false;   // and resolv.conf is its file
    bool dhclient = false;          // is running
    bool dhclient_hooks = false;    // Debian's folder of enter hooks is there
    bool dhcpcd = false;            // is running
    bool dhcpcd_hook_free = false;  // nobody else has its enter hook
    bool netconfig = false;         // SUSE's
    std::string writer;             // the program named in resolv.conf's comments
};

HostFacts gather_facts(const HostSystem& host);

inline constexpr const char* kResolvConf = "/etc/resolv.conf";
inline constexpr const char* kLeaseFile =
    "/run/postern-hostdns/lease.conf";  // of dhclient or dhcpcd, while we own the file
inline constexpr const char* kDhcpcdHook = "/etc/dhcpcd.enter-hook";
inline constexpr const char* kOwnHeader = "# Written by `postern dns enable`, removed by `postern dns disable`.\n";
inline constexpr const char* kRecord = "lo.postern";  // our record in resolvconf and openresolv
inline constexpr const char* kDebianRecords = "/run/resolvconf/interface";
inline constexpr std::array kOpenresolvRecords = {"/run/resolvconf/keys",         // openresolv >= 3.14
                                                  "/run/resolvconf/interfaces"};  // before
inline constexpr const char* kResolvedUplinks = "/run/systemd/resolve/resolv.conf";
inline constexpr const char* kNmServers = "/run/NetworkManager/no-stub-resolv.conf";

}  // namespace postern::agent

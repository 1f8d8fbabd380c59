// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_facts.h"

#include <cstdlib>

#include "agent/hostdns/nsswitch.h"
#include "agent/hostdns/resolv_conf.h"

namespace postern::agent {
namespace {

/// `busctl get-property` prints: s "default"
std::string nm_property(const HostSystem& host, const char* name) {
    const auto reply =
        host.ask({"busctl", "--timeout=2", "get-property", "org.freedesktop.NetworkManager",
                  "/org/freedesktop/NetworkManager/DnsManager", "org.freedesktop.NetworkManager.DnsManager", name});
    const std::size_t start = reply.output.find('"');
    const std::size_t end = reply.output.rfind('"');
    if (!reply.ok() || start == std::string::npos || end <= start) return {};
    return reply.output.substr(start + 1, end - start - 1);
}

/// Whether the resolved that runs knows delegates. One that validates does not get one: unlike a link, a delegate can
/// not except names from validation, and private names have no signatures.
bool has_delegates(const HostSystem& host) {
    const auto ask_resolved = [&](const char* verb, const char* name) {
        return host.ask({"busctl", "--timeout=2", verb, "org.freedesktop.resolve1", "/org/freedesktop/resolve1",
                         "org.freedesktop.resolve1.Manager", name});
    };
    return ask_resolved("call", "ListDelegates").ok() &&
           ask_resolved("get-property", "DNSSEC").output.rfind("s \"no\"", 0) == 0;
}

/// "systemd 247 (247.3-7+deb11u7)".
int version_of_resolved(const HostSystem& host) {
    const auto reply = host.ask({"resolvectl", "--version"});
    return reply.ok() && reply.output.rfind("systemd ", 0) == 0 ? std::atoi(reply.output.c_str() + 8) : 0;
}

bool kernel_has_dummy(const HostSystem& host) {
    if (!host.real_path("/sys/module/dummy").empty()) return true;
    std::string release = host.read("/proc/sys/kernel/osrelease").value_or("");
    release = release.substr(0, release.find('\n'));
    for (const char* list : {"modules.dep", "modules.builtin"}) {
        const auto text = host.read("/lib/modules/" + release + "/" + list);
        if (text && text->find("/dummy.ko") != text->npos) return true;
    }
    return false;
}

ResolvconfTool resolvconf_tool(const HostSystem& host) {
    if (!host.program_exists("resolvconf")) return ResolvconfTool::kNone;
    for (const char* path : {"/sbin/resolvconf", "/usr/sbin/resolvconf", "/usr/bin/resolvconf"}) {
        const std::string target = host.real_path(path);
        if (target.size() >= 10 && target.compare(target.size() - 10, 10, "resolvectl") == 0)
            return ResolvconfTool::kResolvectl;
    }
    // Debian's has no --version and says so on stderr.
    const auto version = host.ask({"resolvconf", "--version"});
    return version.output.find("openresolv") != std::string::npos ? ResolvconfTool::kOpenresolv
                                                                  : ResolvconfTool::kDebian;
}

}  // namespace

HostFacts gather_facts(const HostSystem& host) {
    HostFacts f;
    // resolved first: the query makes it write the files that are read next.
    f.resolved = host.process_runs("systemd-resolved");
    if (f.resolved) (void)host.ask({"resolvectl", "dns"});
    if (f.resolved) f.resolved_version = version_of_resolved(host);
    f.dns_delegates = f.resolved && has_delegates(host);
    f.networkd = host.process_runs("systemd-networkd");
    f.networkmanager = host.process_runs("NetworkManager");
    if (f.networkmanager) {
        f.nm_mode = nm_property(host, "Mode");
        f.nm_rc_manager = nm_property(host, "RcManager");
    }
    f.systemd = !host.real_path("/run/systemd/system").empty();
    if (auto state = host.look(kResolvConf)) {
        f.resolv_conf = std::move(*state);
    } else {
        f.trouble = state.error().whole();
    }
    f.resolv_conf_text = host.read(kResolvConf).value_or("");
    f.resolv_conf_path = host.real_path(kResolvConf);
    f.mount_point = host.is_mount_point(kResolvConf);
    f.immutable = host.is_immutable(kResolvConf);
    f.read_only = !f.mount_point && host.is_read_only("/etc");
    f.container = !host.real_path("/.dockerenv").empty() || !host.real_path("/run/.containerenv").empty();
    for (const auto& name : host.list("/lib"))
        f.musl = f.musl || name.rfind("ld-musl-", 0) == 0;
    f.nss_resolve = f.resolved && NssHosts::parse(host.read("/etc/nsswitch.conf").value_or("")).asks_resolved_first();
    f.dummy_links = f.resolved && kernel_has_dummy(host);
    f.writer = writer_named_in(f.resolv_conf_text);
    f.resolvconf = resolvconf_tool(host);
    f.resolvconf_owns =
        (f.resolvconf == ResolvconfTool::kDebian && f.resolv_conf_path == "/run/resolvconf/resolv.conf") ||
        (f.resolvconf == ResolvconfTool::kOpenresolv && f.writer == "openresolv");
    f.dhclient = host.process_runs("dhclient");
    f.dhclient_hooks = !host.real_path("/etc/dhcp/dhclient-enter-hooks.d").empty();
    f.dhcpcd = host.process_runs("dhcpcd");
    // An administrator may have one: there is a single file for it.
    f.dhcpcd_hook_free = host.real_path(kDhcpcdHook).empty() ||
                         host.read(kDhcpcdHook).value_or("").find(kOwnHeader) != std::string::npos;
    f.netconfig = host.program_exists("netconfig");
    return f;
}

}  // namespace postern::agent

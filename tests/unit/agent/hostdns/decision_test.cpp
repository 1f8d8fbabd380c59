// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/decision.h"
#include "tests/unit/agent/hostdns/hosts.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::FakeHost;

namespace {

FakeHost changed(FakeHost host, const std::function<void(FakeHost&)>& change) {
    change(host);
    return host;
}

}  // namespace

TEST_CASE("hostdns: who owns DNS and which way is taken, in one line", "[hostdns]") {
    struct Row {
        const char* what;
        FakeHost host;
        Mode wanted;
        const char* line;
    };
    const char* const kRc = "/etc/resolv.conf";
    const auto text = [&](const char* content) {
        FakeHost h;
        h.with_file(kRc, content);
        return h;
    };
    const Row rows[] = {
        {"resolved, stub", test::resolved_host(), Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running networkd=running nss=resolve → systemd-resolved: split by a link by networkd files]"},
        {"resolved, stub, full wanted", test::resolved_host(), Mode::kFull,
         "hostdns: [resolv.conf=stub resolved=running networkd=running nss=resolve → systemd-resolved: full by a link by networkd files]"},
        {"resolved, stub, without nss-resolve: the file still goes through it",
         changed(test::resolved_host(), [](FakeHost& h) { h.with_file("/etc/nsswitch.conf", "hosts: files dns\n"); }),
         Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running networkd=running → systemd-resolved: split by a link by networkd files]"},
        {"a plain file that names only the stub",
         changed(test::resolved_host(),
                 [&](FakeHost& h) { h.with_file(kRc, "nameserver 127.0.0.53\nnameserver 127.0.0.53\n"); }),
         Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running networkd=running nss=resolve → systemd-resolved: split by a link by networkd files]"},
        {"wrong comments: it says resolved, but has another server",
         changed(test::resolved_host(),
                 [&](FakeHost& h) {
                     h.with_file(kRc, "# managed by man:systemd-resolved(8)\nnameserver 10.0.0.1\n")
                         .with_file("/etc/nsswitch.conf", "hosts: files dns\n");
                 }),
         Mode::kAuto,
         "hostdns: [resolv.conf=file writer=systemd-resolved resolved=running networkd=running → nobody: full by the file]"},
        {"resolved, uplink: programs ask the servers directly", test::uplink_host(), Mode::kAuto,
         "hostdns: [resolv.conf=uplink resolved=running networkd=running → systemd-resolved: full by the file]"},
        {"resolved, uplink, split wanted", test::uplink_host(), Mode::kSplit,
         "hostdns: [resolv.conf=uplink resolved=running networkd=running → systemd-resolved: refused, split needs a resolver that routes by name, and every program here must ask it: "
         "here programs ask the servers in resolv.conf directly]"},
        {"resolved, uplink, with nss-resolve: both ways have to lead to us",
         changed(test::uplink_host(),
                 [](FakeHost& h) { h.with_file("/etc/nsswitch.conf", "hosts: files resolve dns\n"); }),
         Mode::kAuto,
         "hostdns: [resolv.conf=uplink resolved=running networkd=running nss=resolve → systemd-resolved: full by a link by networkd files and the file]"},
        {"resolved runs, but the file is foreign and nsswitch knows only dns",
         changed(test::uplink_host(),
                 [&](FakeHost& h) {
                     h.files.erase(kRc);
                     h.with_file(kRc, "nameserver 10.0.0.1\n");
                 }),
         Mode::kAuto, "hostdns: [resolv.conf=file resolved=running networkd=running → nobody: full by the file]"},
        {"the stub link, but resolved is dead: it will come back",
         changed(test::resolved_host(), [](FakeHost& h) { h.processes.clear(); }), Mode::kAuto,
         "hostdns: [resolv.conf=stub → nobody: full by the file]"},
        {"NetworkManager writes the file", test::networkmanager_host(), Mode::kAuto,
         "hostdns: [resolv.conf=file writer=NetworkManager nm=default/symlink → NetworkManager: full by NetworkManager's rc-manager=unmanaged and the file]"},
        {"NetworkManager, dns=none: whoever wrote the file, it is not that",
         changed(test::networkmanager_host(),
                 [](FakeHost& h) {
                     h.nm_mode = "none";
                     h.nm_rc_manager = "unmanaged";
                 }),
         Mode::kAuto, "hostdns: [resolv.conf=file writer=NetworkManager nm=none/unmanaged → nobody: full by the file]"},
        {"NetworkManager feeds resolved", test::nm_resolved_host(), Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running nss=resolve nm=systemd-resolved/unmanaged → systemd-resolved: split by a link by resolvectl]"},
        {"resolved of systemd >= 258", test::delegate_host(), Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running delegates networkd=running nss=resolve → systemd-resolved: split by a delegate of resolved's]"},
        {"resolved of systemd >= 258, full wanted", test::delegate_host(), Mode::kFull,
         "hostdns: [resolv.conf=stub resolved=running delegates networkd=running nss=resolve → systemd-resolved: full by a delegate of resolved's]"},
        {"the same, and it validates: only a link can except private names",
         changed(test::delegate_host(), [](FakeHost& h) { h.dnssec = "allow-downgrade"; }), Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running networkd=running nss=resolve → systemd-resolved: split by a link by networkd files]"},
        {"NetworkManager feeds resolved of systemd >= 258: it need not know of us", test::nm_delegate_host(),
         Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running delegates nss=resolve nm=systemd-resolved/unmanaged → systemd-resolved: split by a delegate of resolved's]"},
        {"resolved of systemd >= 258, uplink, with nss-resolve", test::uplink_delegate_host(), Mode::kAuto,
         "hostdns: [resolv.conf=uplink resolved=running delegates networkd=running nss=resolve → systemd-resolved: full by a delegate of resolved's and the file]"},
        {"resolved of systemd >= 258, read-only /etc",
         changed(test::delegate_host(), [](FakeHost& h) { h.read_only.insert("/etc"); }), Mode::kAuto,
         "hostdns: [resolv.conf=stub read-only resolved=running delegates networkd=running nss=resolve → systemd-resolved: refused, /etc is read-only]"},
        {"NetworkManager with dnsmasq",
         changed(test::networkmanager_host(),
                 [&](FakeHost& h) {
                     h.nm_mode = "dnsmasq";
                     h.with_file(kRc, "# Generated by NetworkManager\nnameserver 127.0.0.1\n");
                 }),
         Mode::kAuto,
         "hostdns: [resolv.conf=file writer=NetworkManager nm=dnsmasq/symlink → NetworkManager with dnsmasq: split by a server=/NAME/ line for NetworkManager's dnsmasq]"},
        {"NetworkManager with dnsmasq, full",
         changed(test::networkmanager_host(), [&](FakeHost& h) { h.nm_mode = "dnsmasq"; }), Mode::kFull,
         "hostdns: [resolv.conf=file writer=NetworkManager nm=dnsmasq/symlink → NetworkManager with dnsmasq: full by NetworkManager's rc-manager=unmanaged and the file]"},
        {"NetworkManager hands to resolvconf",
         changed(test::resolvconf_host(),
                 [](FakeHost& h) {
                     h.with_process("NetworkManager");
                     h.nm_mode = "default";
                     h.nm_rc_manager = "resolvconf";
                 }),
         Mode::kAuto,
         "hostdns: [resolv.conf=resolvconf writer=resolvconf nm=default/resolvconf resolvconf=debian dhclient=running → resolvconf: full by a resolvconf record]"},
        {"NetworkManager does not answer on D-Bus, but its name is in the file",
         changed(test::networkmanager_host(), [](FakeHost& h) { h.nm_mode = h.nm_rc_manager = ""; }), Mode::kAuto,
         "hostdns: [resolv.conf=file writer=NetworkManager nm=running → NetworkManager: full by NetworkManager's rc-manager=unmanaged and the file]"},
        {"Debian's resolvconf", test::resolvconf_host(), Mode::kAuto,
         "hostdns: [resolv.conf=resolvconf writer=resolvconf resolvconf=debian dhclient=running → resolvconf: full by a resolvconf record]"},
        {"openresolv", test::openresolv_host(), Mode::kAuto,
         "hostdns: [resolv.conf=file writer=openresolv resolvconf=openresolv dhclient=running → openresolv: full by an exclusive openresolv record]"},
        {"resolvconf is resolvectl in disguise",
         changed(test::resolved_host(),
                 [](FakeHost& h) {
                     h.programs.insert("resolvconf");
                     h.with_link("/sbin/resolvconf", "/usr/bin/resolvectl").with_file("/usr/bin/resolvectl", "");
                 }),
         Mode::kAuto,
         "hostdns: [resolv.conf=stub resolved=running networkd=running nss=resolve resolvconf=resolvectl → systemd-resolved: split by a link by networkd files]"},
        {"dhclient", test::dhclient_host(), Mode::kAuto,
         "hostdns: [resolv.conf=file dhclient=running → dhclient: full by a dhclient hook and the file]"},
        {"dhcpcd", test::dhcpcd_host(), Mode::kAuto,
         "hostdns: [resolv.conf=file writer=dhcpcd dhcpcd=running → dhcpcd: full by a dhcpcd hook and the file]"},
        {"dhcpcd, with an enter hook of the administrator's",
         changed(test::dhcpcd_host(), [](FakeHost& h) { h.with_file(kDhcpcdHook, "skip_hooks=ntp\n"); }), Mode::kAuto,
         "hostdns: [resolv.conf=file writer=dhcpcd dhcpcd=running → dhcpcd: full by the file]"},
        {"dhcpcd that is told to leave the file",
         changed(test::plain_host(), [](FakeHost& h) { h.with_process("dhcpcd"); }), Mode::kAuto,
         "hostdns: [resolv.conf=file dhcpcd=running → nobody: full by the file]"},
        {"dhclient without Debian's hooks",
         changed(test::dhclient_host(), [](FakeHost& h) { h.files.erase("/etc/dhcp/dhclient-enter-hooks.d/debug"); }),
         Mode::kAuto, "hostdns: [resolv.conf=file dhclient=running → dhclient: full by the file]"},
        {"SUSE's netconfig",
         changed(text("### /etc/resolv.conf file autogenerated by netconfig!\nnameserver 10.0.0.1\n"),
                 [](FakeHost& h) { h.programs.insert("netconfig"); }),
         Mode::kAuto, "hostdns: [resolv.conf=file writer=netconfig netconfig → netconfig: full by the file]"},
        {"cloud-init wrote it",
         text("# Created by cloud-init on instance boot automatically, do not edit.\nnameserver 100.100.2.136\n"),
         Mode::kAuto, "hostdns: [resolv.conf=file writer=cloud-init → cloud-init: full by the file]"},
        {"nobody", test::plain_host(), Mode::kAuto, "hostdns: [resolv.conf=file → nobody: full by the file]"},
        {"no file at all", FakeHost{}, Mode::kAuto, "hostdns: [resolv.conf=missing → nobody: full by the file]"},
        {"a container with the file mounted into it",
         changed(test::plain_host(),
                 [&](FakeHost& h) {
                     h.mounts.insert(kRc);
                     h.with_file("/.dockerenv", "");
                 }),
         Mode::kAuto,
         "hostdns: [resolv.conf=file mounted container → the container's runtime: full by the file, in place]"},
        {"musl", changed(test::plain_host(), [](FakeHost& h) { h.with_file("/lib/ld-musl-x86_64.so.1", ""); }),
         Mode::kAuto, "hostdns: [resolv.conf=file libc=musl → nobody: full by the file]"},
        {"chattr +i", changed(test::plain_host(), [&](FakeHost& h) { h.immutable.insert(kRc); }), Mode::kAuto,
         "hostdns: [resolv.conf=file immutable → nobody: refused, /etc/resolv.conf is immutable (chattr +i): it is protected from every program, including postern]"},
        {"read-only /etc", changed(test::plain_host(), [](FakeHost& h) { h.read_only.insert("/etc"); }), Mode::kAuto,
         "hostdns: [resolv.conf=file read-only → nobody: refused, /etc is read-only]"},
        {"read-only /etc, but Debian's resolvconf lives in /run",
         changed(test::resolvconf_host(), [](FakeHost& h) { h.read_only.insert("/etc"); }), Mode::kAuto,
         "hostdns: [resolv.conf=resolvconf writer=resolvconf read-only resolvconf=debian dhclient=running → resolvconf: full by a resolvconf record]"},
        {"split where nobody routes by name", test::plain_host(), Mode::kSplit,
         "hostdns: [resolv.conf=file → nobody: refused, split needs a resolver that routes by name, and every program here must ask it: here resolv.conf names servers directly]"},
    };
    for (const Row& row : rows) {
        INFO(row.what);
        const Decision decision = decide(gather_facts(row.host), row.wanted);
        CHECK(decision.line == row.line);
        CHECK(decision.refusal.empty() == decision.hint.empty());
    }
}

TEST_CASE("hostdns: the dummy driver is used where the kernel has it", "[hostdns]") {
    FakeHost host = test::resolved_host();
    CHECK_FALSE(decide(gather_facts(host), Mode::kAuto).dummy_link);
    host.with_file("/proc/sys/kernel/osrelease", "6.1.0-1-cloud\n")
        .with_file("/lib/modules/6.1.0-1-cloud/modules.dep", "kernel/drivers/net/dummy.ko:\n");
    CHECK(decide(gather_facts(host), Mode::kAuto).dummy_link);
}

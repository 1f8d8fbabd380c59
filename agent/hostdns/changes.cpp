// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/changes.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "agent/hostdns/resolv_conf.h"
#include "core/own_interface.h"

namespace postern::agent {
namespace {

constexpr const char* kLink = "postern0";
constexpr const char* kPeer = "postern1";
// resolved uses a link only if it has a routable address.
const std::string kLinkAddress = std::string(core::kOwnInterface) + "/32";

/// Where resolved asks. Up to systemd 250 it sends by the link, from where 127.0.0.153 can't be reached over UDP.
std::string server_text(const Decision& d, const Target& t) {
    core::SocketAddress server = t.listen;
    if (d.asks_link) server.ip = *core::IpAddress::parse(core::kOwnInterface);
    return server.port == 53 ? server.ip.text() : server.text();
}

/// Routing domains of our link. In full mode the names are listed as well: a longer domain of another link would
/// otherwise take precedence over the root.
std::vector<std::string> domains_of(const Decision& d, const Target& t) {
    std::vector<std::string> domains;
    if (d.mode == Mode::kFull) domains.push_back("~.");
    for (const auto& name : t.names)
        domains.push_back("~" + name);
    return domains;
}

void add_networkd(const Decision& d, const Target& t, Changes& c) {
    std::string netdev =
        fmt::format("{}[NetDev]\nName={}\nKind={}\n", kOwnHeader, kLink, d.dummy_link ? "dummy" : "veth");
    if (!d.dummy_link) netdev += fmt::format("\n[Peer]\nName={}\n", kPeer);
    std::string network = fmt::format(
        "{}[Match]\nName={}\n\n[Link]\nRequiredForOnline=no\n\n[Network]\nAddress={}\nLinkLocalAddressing=no\n"
        "IPv6AcceptRA=no\nConfigureWithoutCarrier=yes\nLLMNR=no\nMulticastDNS=no\nDNS={}\nDNSDefaultRoute={}\n",
        kOwnHeader, kLink, kLinkAddress, server_text(d, t), d.mode == Mode::kFull ? "yes" : "no");
    for (const auto& domain : c.domains)
        network += "Domains=" + domain + "\n";
    // Where the host validates DNSSEC, these names would be bogus: no signed zone has them.
    for (const auto& name : t.names)
        network += "DNSSECNegativeTrustAnchors=" + name + "\n";
    c.files.push_back({kNetdevFile, FileState::file(std::move(netdev))});
    c.files.push_back({kNetworkFile, FileState::file(std::move(network))});
    if (!d.dummy_link) {
        c.files.push_back(
            {kPeerFile, FileState::file(fmt::format("{}[Match]\nName={}\n\n[Link]\nRequiredForOnline=no\n\n"
                                                    "[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
                                                    kOwnHeader, kPeer))});
    }
    c.apply.push_back({{"networkctl", "reload"}, {}, true});
    // the only way to apply a new file to an existing link
    c.apply.push_back({{"networkctl", "reconfigure", kLink}, {}, false});
    c.apply.push_back({{"ip", "link", "set", kLink, "up"}, {}, false});  // a person may have set it down
    c.undo.push_back({{"networkctl", "reload"}, {}, false});
}

void add_resolvectl(const Decision& d, const Target& t, Changes& c) {
    if (d.dummy_link) {
        c.apply.push_back({{"ip", "link", "add", kLink, "type", "dummy"}, {}, false});  // it may exist already
    } else {
        c.apply.push_back({{"ip", "link", "add", kLink, "type", "veth", "peer", "name", kPeer}, {}, false});
        c.apply.push_back({{"ip", "link", "set", kPeer, "up"}, {}, true});
    }
    c.apply.push_back({{"ip", "addr", "replace", kLinkAddress, "dev", kLink}, {}, true});
    c.apply.push_back({{"ip", "link", "set", kLink, "up"}, {}, true});
    c.apply.push_back({{"resolvectl", "dns", kLink, server_text(d, t)}, {}, true});
    Argv domain = {"resolvectl", "domain", kLink};
    domain.insert(domain.end(), c.domains.begin(), c.domains.end());
    c.apply.push_back({std::move(domain), {}, true});
    c.apply.push_back({{"resolvectl", "default-route", kLink, d.mode == Mode::kFull ? "yes" : "no"}, {}, true});
    Argv nta = {"resolvectl", "nta", kLink};
    nta.insert(nta.end(), t.names.begin(), t.names.end());
    if (!t.names.empty()) c.apply.push_back({std::move(nta), {}, false});
    c.apply.push_back({{"resolvectl", "llmnr", kLink, "no"}, {}, false});
}

const HostCommand kReloadResolved = {{"systemctl", "reload", "systemd-resolved.service"}, {}, true};
/// It is not there before the first delegate.
const HostCommand kRemoveDelegateFolder = {
    {"rmdir", "--ignore-fail-on-non-empty", "/etc/systemd/dns-delegate.d"}, {}, false};

HostCommand whatever_comes(HostCommand command) {
    command.must = false;
    return command;
}

/// systemd.dns-delegate(5). The reload also flushes resolved's caches.
void add_delegate(const Decision& d, const Target& t, Changes& c) {
    c.domains = domains_of(d, t);
    c.link_server = server_text(d, t);
    c.link_domains = {"resolvectl", "domain"};
    c.link_servers = {"resolvectl", "dns"};
    c.link_mark = "Delegate postern:";
    std::string text = fmt::format("{}[Delegate]\nDNS={}\nDefaultRoute={}\n", kOwnHeader, c.link_server,
                                   d.mode == Mode::kFull ? "yes" : "no");
    for (const auto& domain : c.domains)
        text += "Domains=" + domain + "\n";
    c.files.push_back({kDelegateFile, FileState::file(std::move(text))});
    c.apply.push_back(kReloadResolved);
    c.undo.push_back(kRemoveDelegateFolder);
    c.undo.push_back(whatever_comes(kReloadResolved));
}

void add_link(const Decision& d, const Target& t, Changes& c) {
    c.domains = domains_of(d, t);
    c.link_mark = "):";
    c.link_server = server_text(d, t);
    c.link_domains = {"resolvectl", "domain", kLink};
    c.link_servers = {"resolvectl", "dns", kLink};
    if (d.link == LinkWay::kNetworkd) {
        add_networkd(d, t, c);
    } else {
        add_resolvectl(d, t, c);
    }
    c.undo.push_back({{"ip", "link", "del", kLink}, {}, false});  // its peer is deleted with it
    // Drops what was cached for the names before the change.
    c.apply.push_back({{"resolvectl", "flush-caches"}, {}, false});
    c.undo.push_back({{"resolvectl", "flush-caches"}, {}, false});
}

std::string nm_drop_in(const Decision& d) {
    std::string text = kOwnHeader;
    if (d.file == FileWay::kNmUnmanaged) text += "[main]\nrc-manager=unmanaged\n";
    if (d.tell_networkmanager) text += "[device-postern]\nmatch-device=interface-name:postern*\nmanaged=0\n";
    return text;
}

/// dhclient-script sources it after its own functions: our function replaces the one that writes the file. Only while
/// the file is ours; otherwise dhclient works as usual.
std::string dhclient_hook(const core::IpAddress& ours) {
    return fmt::format(
        R"({0}# What the lease says about DNS goes to postern, which asks those servers; /etc/resolv.conf stays as it is.
if [ -x /usr/bin/postern ] && grep -qs '^nameserver {1}$' /etc/resolv.conf; then
    make_resolv_conf() {{
        [ -n "$new_domain_name_servers" ] || return 0
        mkdir -p /run/postern-hostdns
        {{
            [ -z "$new_domain_name" ] || echo "domain ${{new_domain_name%% *}}"
            if [ -n "$new_domain_search" ]; then
                case " $new_domain_search " in
                    *" ${{new_domain_name:-none}} "* | *" ${{new_domain_name:-none}}. "*) echo "search $new_domain_search" ;;
                    *) echo "search ${{new_domain_name:+$new_domain_name }}$new_domain_search" ;;
                esac
            elif [ -n "$new_domain_name" ]; then
                echo "search $new_domain_name"
            fi
            for postern_server in $new_domain_name_servers; do echo "nameserver $postern_server"; done
        }} >{2}.new && mv {2}.new {2}
    }}
fi
)",
        kOwnHeader, ours.text(), kLeaseFile);
}

/// dhcpcd-run-hooks sources it before its own hook for resolv.conf, which hands what it got to resolvconf if there is
/// one: our function takes that place. What each interface got stays in dhcpcd's own folder, so that both know of all
/// interfaces when the takeover begins and ends. Only while the file is ours; otherwise dhcpcd works as usual.
std::string dhcpcd_hook(const core::IpAddress& ours) {
    return fmt::format(
        R"({0}# What leases say about DNS goes to postern, which asks those servers; /etc/resolv.conf stays as it is.
if [ -x /usr/bin/postern ] && grep -qs '^nameserver {1}$' /etc/resolv.conf; then
    postern_resolvconf() {{
        postern_leases=${{resolv_conf_dir:-{2}.d}}
        mkdir -p {2}.d "$postern_leases"
        case "$1" in
            -a) cat >"$postern_leases/$2" ;;
            -d) rm -f "$postern_leases/$2" ;;
        esac
        {{ cat "$postern_leases"/* 2>/dev/null || true; }} >{2}.new && mv {2}.new {2}
    }}
    resolvconf=postern_resolvconf
fi
)",
        kOwnHeader, ours.text(), kLeaseFile);
}

void add_file(const Target& t, const FileState& before, Changes& c) {
    FileState after = FileState::file(compose_resolv_conf(t.kept, t.listen.ip, t.second));
    if (before.kind == FileState::Kind::kFile) {
        after.mode = before.mode | 0444;  // every program of the host reads it
        after.uid = before.uid;
        after.gid = before.gid;
        after.selinux = before.selinux;
    }
    c.files.push_back({kResolvConf, std::move(after)});
}

std::vector<std::string> openresolv_paths(const std::string& record) {
    std::vector<std::string> paths;
    for (const std::string folder : kOpenresolvRecords)
        paths.push_back(folder + "/" + record);
    return paths;
}

std::string search_lines(const std::string& text) {
    std::string out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.rfind("search ", 0) == 0 || line.rfind("domain ", 0) == 0) out += line + "\n";
    }
    return out;
}

/// "Link 7 (postern0): a b" → {a, b}; empty if there is no such link or delegate. Long lists go on in lines that begin
/// with a space.
std::vector<std::string> link_words(const HostSystem& host, const Argv& question, const std::string& mark) {
    std::vector<std::string> words;
    const CommandResult reply = host.ask(question);
    const std::size_t found = reply.output.find(mark);
    if (!reply.ok() || found == std::string::npos) return words;
    std::istringstream lines(reply.output.substr(found + mark.size()));
    for (std::string line; std::getline(lines, line) && line.rfind(' ', 0) == 0;) {
        std::istringstream stream(line);
        for (std::string word; stream >> word;)
            words.push_back(word);
    }
    std::sort(words.begin(), words.end());
    return words;
}

/// By `ip link set down` or `networkctl down`.
bool is_set_down(const HostSystem& host) {
    const auto flags = host.read(std::string("/sys/class/net/") + kLink + "/flags");
    return flags && (std::strtoul(flags->c_str(), nullptr, 16) & IFF_UP) == 0;
}

}  // namespace

std::vector<HostCommand> restart_resolved() {
    // A sixth restart in ten seconds would be refused and resolved stay down; this also resets that count.
    return {{{"systemctl", "reset-failed", "systemd-resolved.service"}, {}, false},
            {{"systemctl", "try-restart", "systemd-resolved.service"}, {}, false}};
}

Changes changes_for(const Decision& d, const Target& t, const FileState& before) {
    Changes c;
    if (d.tell_networkmanager || d.file == FileWay::kNmUnmanaged) {
        c.files.push_back({kNmServerDropIn, FileState::file(nm_drop_in(d))});
        c.apply.push_back({{"nmcli", "general", "reload"}, {}, true});
        c.undo.push_back({{"nmcli", "general", "reload"}, {}, false});
    }
    if (d.link == LinkWay::kDelegate) {
        add_delegate(d, t, c);
    } else if (d.link != LinkWay::kNone) {
        add_link(d, t, c);
    }
    if (d.resolved_rereads) {
        for (const auto& command : restart_resolved())
            c.undo.push_back(command);
    }
    switch (d.file) {
        case FileWay::kNone:
            break;
        case FileWay::kPlain:
        case FileWay::kNmUnmanaged:
            add_file(t, before, c);
            break;
        case FileWay::kDhclient:
            c.files.push_back({kDhclientHook, FileState::file(dhclient_hook(t.listen.ip))});
            add_file(t, before, c);
            break;
        case FileWay::kDhcpcd:
            c.files.push_back({kDhcpcdHook, FileState::file(dhcpcd_hook(t.listen.ip))});
            add_file(t, before, c);
            break;
        case FileWay::kNmDnsmasq: {
            std::string lines = kOwnHeader;
            for (const auto& name : t.names)
                lines += fmt::format("server=/{}/{}#{}\n", name, t.listen.ip.text(), t.listen.port);
            c.files.push_back({kNmDnsmasqDropIn, FileState::file(std::move(lines))});
            c.apply.push_back({{"nmcli", "general", "reload", "dns-full"}, {}, true});
            c.undo.push_back({{"nmcli", "general", "reload", "dns-full"}, {}, false});
            break;
        }
        case FileWay::kResolvconf:
        case FileWay::kOpenresolv: {
            const bool exclusive = d.file == FileWay::kOpenresolv;
            c.record = (exclusive ? search_lines(t.kept) : "") + "nameserver " + t.listen.ip.text() + "\n";
            c.record_paths =
                exclusive ? openresolv_paths(kRecord) : std::vector{std::string(kDebianRecords) + "/" + kRecord};
            Argv add = {"resolvconf"};
            if (exclusive) add.push_back("-x");
            add.insert(add.end(), {"-a", kRecord});
            c.apply.push_back({std::move(add), c.record, true});
            c.undo.push_back({{"resolvconf", "-d", kRecord}, {}, false});
            if (exclusive)
                c.undo.push_back({{"rmdir", "--ignore-fail-on-non-empty", "/run/resolvconf/exclusive"}, {}, false});
            break;
        }
    }
    return c;
}

bool runtime_in_place(const HostSystem& host, const Changes& changes) {
    if (!changes.link_server.empty()) {
        auto wanted = changes.domains;
        std::sort(wanted.begin(), wanted.end());
        const auto words = [&](const Argv& question) { return link_words(host, question, changes.link_mark); };
        if (words(changes.link_servers) != std::vector<std::string>{changes.link_server}) return false;
        if (words(changes.link_domains) != wanted) return false;
        if (is_set_down(host)) return false;
    }
    return changes.record.empty() || std::any_of(changes.record_paths.begin(), changes.record_paths.end(),
                                                 [&](const auto& path) { return host.read(path) == changes.record; });
}

std::string other_records(const HostSystem& host) {
    std::string out;
    for (const std::string folder : kOpenresolvRecords) {
        for (const auto& name : host.list(folder)) {
            if (name != kRecord) out += search_lines(host.read(folder + "/" + name).value_or(""));
        }
    }
    return out;
}

bool has_record(const HostSystem& host) {
    auto paths = openresolv_paths(kRecord);
    paths.push_back(std::string(kDebianRecords) + "/" + kRecord);
    return std::any_of(paths.begin(), paths.end(), [&](const auto& path) { return host.read(path).has_value(); });
}

std::vector<std::string> left_records(const HostSystem& host) {
    static const std::string kExclusive = "/run/resolvconf/exclusive";
    if (host.program_exists("resolvconf")) return {};
    auto paths = openresolv_paths(kRecord);
    paths.push_back(std::string(kDebianRecords) + "/" + kRecord);
    for (const auto& name : host.list(kExclusive)) {
        if (name.ends_with(kRecord)) paths.push_back(kExclusive + "/" + name);
    }
    std::erase_if(paths, [&](const auto& path) { return !host.read(path); });
    return paths;
}

bool is_own_file(const HostSystem& host, const std::string& path) {
    const auto state = host.look(path);
    if (!state || state->kind == FileState::Kind::kAbsent) return false;
    return path != kDhcpcdHook || state->content.find(kOwnHeader) != std::string::npos;
}

std::vector<HostCommand> commands_after_own_files(const std::vector<std::string>& removed) {
    std::vector<HostCommand> commands;
    const auto any = [&](std::initializer_list<const char*> paths) {
        return std::any_of(paths.begin(), paths.end(), [&](const char* p) {
            return std::find(removed.begin(), removed.end(), p) != removed.end();
        });
    };
    if (any({kNetdevFile, kNetworkFile})) commands.push_back({{"networkctl", "reload"}, {}, false});
    if (any({kDelegateFile})) commands.insert(commands.end(), {kRemoveDelegateFolder, whatever_comes(kReloadResolved)});
    if (any({kNmServerDropIn, kNmDnsmasqDropIn})) commands.push_back({{"nmcli", "general", "reload"}, {}, false});
    if (any({kNetdevFile, kNetworkFile, kNmServerDropIn}))
        commands.push_back({{"ip", "link", "del", kLink}, {}, false});
    return commands;
}

bool may_change(const std::string& path) {
    return path == kResolvConf || std::find(kOwnFiles.begin(), kOwnFiles.end(), path) != kOwnFiles.end();
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/decision.h"

#include <array>

#include "agent/hostdns/resolv_conf.h"

namespace postern::agent {
namespace {

constexpr int kLastByLink = 250;  // systemd's: resolved sends queries for a loopback server by the link (systemd#23010)

/// What the file is to its readers.
enum class FileKind { kMissing, kStub, kUplink, kResolvconf, kForeignLink, kFile, kOther };

FileKind kind_of(const HostFacts& f) {
    switch (f.resolv_conf.kind) {
        case FileState::Kind::kAbsent:
            return FileKind::kMissing;
        case FileState::Kind::kOther:
            return FileKind::kOther;
        default:
            break;
    }
    const auto ends_with = [&](std::string_view end) {
        const std::string& path = f.resolv_conf_path.empty() ? f.resolv_conf.content : f.resolv_conf_path;
        return path.size() >= end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
    };
    if (f.resolv_conf.kind == FileState::Kind::kLink) {
        if (ends_with("systemd/resolve/stub-resolv.conf") || ends_with("systemd/resolv.conf")) return FileKind::kStub;
        if (ends_with("systemd/resolve/resolv.conf")) return FileKind::kUplink;
        if (ends_with("resolvconf/resolv.conf")) return FileKind::kResolvconf;
    }
    // Comments can be wrong: the file is resolved's if its stub is the only server.
    const auto conf = ResolvConf::parse(f.resolv_conf_text);
    static const auto kStub = *core::IpAddress::parse("127.0.0.53");
    bool only_stub = !conf.servers.empty();
    for (const auto& server : conf.servers)
        only_stub = only_stub && server.ip == kStub;
    if (only_stub && f.resolved) return FileKind::kStub;
    return f.resolv_conf.kind == FileState::Kind::kLink ? FileKind::kForeignLink : FileKind::kFile;
}

std::string_view to_string(FileKind kind) {
    switch (kind) {
        case FileKind::kMissing:
            return "missing";
        case FileKind::kStub:
            return "stub";
        case FileKind::kUplink:
            return "uplink";
        case FileKind::kResolvconf:
            return "resolvconf";
        case FileKind::kForeignLink:
            return "link";
        case FileKind::kFile:
            return "file";
        case FileKind::kOther:
            return "strange";
    }
    return "?";
}

std::string facts_text(const HostFacts& f, FileKind kind) {
    std::string out = "resolv.conf=" + std::string(to_string(kind));
    const auto add = [&](const std::string& word) { out += " " + word; };
    if (!f.writer.empty() && kind != FileKind::kStub && kind != FileKind::kUplink) add("writer=" + f.writer);
    if (f.mount_point) add("mounted");
    if (f.immutable) add("immutable");
    if (f.read_only) add("read-only");
    if (f.container) add("container");
    if (f.resolved) add("resolved=running");
    if (f.dns_delegates) add("delegates");
    if (f.resolved_version > 0 && f.resolved_version <= kLastByLink)
        add("systemd=" + std::to_string(f.resolved_version));
    if (f.networkd) add("networkd=running");
    if (f.nss_resolve) add("nss=resolve");
    if (f.networkmanager) {
        add("nm=" + (f.nm_mode.empty() ? "running" : f.nm_mode) +
            (f.nm_rc_manager.empty() ? "" : "/" + f.nm_rc_manager));
    }
    if (f.resolvconf == ResolvconfTool::kDebian) add("resolvconf=debian");
    if (f.resolvconf == ResolvconfTool::kOpenresolv) add("resolvconf=openresolv");
    if (f.resolvconf == ResolvconfTool::kResolvectl) add("resolvconf=resolvectl");
    if (f.dhclient) add("dhclient=running");
    if (f.dhcpcd) add("dhcpcd=running");
    if (f.netconfig) add("netconfig");
    if (f.musl) add("libc=musl");
    return out;
}

/// NetworkManager owns the file if its DNS manager writes it; its own state takes precedence over
/// the file's comments.
bool nm_writes_file(const HostFacts& f) {
    if (!f.networkmanager || f.nm_mode == "none" || f.nm_mode == "systemd-resolved") return false;
    if (f.nm_rc_manager == "unmanaged") return false;
    return !f.nm_mode.empty() || f.writer == "NetworkManager";
}

Owner owner_of(const HostFacts& f, FileKind kind) {
    if (f.resolved && (kind == FileKind::kStub || kind == FileKind::kUplink)) return Owner::kResolved;
    if (f.mount_point || (f.container && kind == FileKind::kFile && f.writer.empty())) return Owner::kContainer;
    if (f.resolvconf_owns) return f.resolvconf == ResolvconfTool::kDebian ? Owner::kResolvconf : Owner::kOpenresolv;
    if (nm_writes_file(f)) return f.nm_mode == "dnsmasq" ? Owner::kNetworkManagerDnsmasq : Owner::kNetworkManager;
    if (f.netconfig && (f.writer == "netconfig" || kind == FileKind::kForeignLink)) return Owner::kNetconfig;
    if (f.writer == "cloud-init") return Owner::kCloudInit;
    if (f.dhclient && !f.networkmanager) return Owner::kDhclient;
    if (f.dhcpcd && f.writer == "dhcpcd") return Owner::kDhcpcd;
    return Owner::kNobody;
}

core::Message way_text(const Decision& d) {
    core::Message out;
    const auto add = [&](const char* text) {
        out = out.empty() ? text : core::message("{} and {}", std::move(out), text);
    };
    if (d.link == LinkWay::kNetworkd) add("a link by networkd files");
    if (d.link == LinkWay::kResolvectl) add("a link by resolvectl");
    if (d.link == LinkWay::kDelegate) add("a delegate of resolved's");
    switch (d.file) {
        case FileWay::kNone:
            break;
        case FileWay::kPlain:
            add(d.in_place ? "the file, in place" : "the file");
            break;
        case FileWay::kNmUnmanaged:
            add("NetworkManager's rc-manager=unmanaged and the file");
            break;
        case FileWay::kNmDnsmasq:
            add("a server=/NAME/ line for NetworkManager's dnsmasq");
            break;
        case FileWay::kResolvconf:
            add("a resolvconf record");
            break;
        case FileWay::kOpenresolv:
            add("an exclusive openresolv record");
            break;
        case FileWay::kDhclient:
            add("a dhclient hook and the file");
            break;
        case FileWay::kDhcpcd:
            add("a dhcpcd hook and the file");
            break;
    }
    return out;
}

}  // namespace

std::string_view to_string(Mode mode) {
    return mode == Mode::kAuto ? "auto" : mode == Mode::kSplit ? "split" : "full";
}

bool parse_mode(std::string_view text, Mode* out) {
    for (const Mode mode : {Mode::kAuto, Mode::kSplit, Mode::kFull}) {
        if (text == to_string(mode)) {
            *out = mode;
            return true;
        }
    }
    return false;
}

std::string_view to_string(Owner owner) {
    switch (owner) {
        case Owner::kResolved:
            return "systemd-resolved";
        case Owner::kNetworkManager:
            return "NetworkManager";
        case Owner::kNetworkManagerDnsmasq:
            return "NetworkManager with dnsmasq";
        case Owner::kResolvconf:
            return "resolvconf";
        case Owner::kOpenresolv:
            return "openresolv";
        case Owner::kDhclient:
            return "dhclient";
        case Owner::kDhcpcd:
            return "dhcpcd";
        case Owner::kNetconfig:
            return "netconfig";
        case Owner::kCloudInit:
            return "cloud-init";
        case Owner::kContainer:
            return "the container's runtime";
        case Owner::kNobody:
            return "nobody";
    }
    return "?";
}

Decision decide(const HostFacts& f, Mode wanted) {
    Decision d;
    const FileKind kind = kind_of(f);
    d.owner = owner_of(f, kind);
    // Split needs a resolver that routes by name and is used by every reader of resolv.conf.
    const bool all_through_resolved = f.resolved && kind == FileKind::kStub;
    d.split_possible = all_through_resolved || d.owner == Owner::kNetworkManagerDnsmasq;
    d.mode = wanted != Mode::kAuto ? wanted : d.split_possible ? Mode::kSplit : Mode::kFull;

    // resolved must know us wherever programs use it: with nss-resolve they do so whatever the file contains.
    if ((all_through_resolved || f.nss_resolve) && f.dns_delegates) {
        d.link = LinkWay::kDelegate;
    } else if (all_through_resolved || f.nss_resolve) {
        d.link = f.networkd ? LinkWay::kNetworkd : LinkWay::kResolvectl;
        d.dummy_link = f.dummy_links;
        d.asks_link = f.resolved_version > 0 && f.resolved_version <= kLastByLink;
        d.tell_networkmanager = f.networkmanager;
    }
    if (d.mode == Mode::kSplit) {
        if (d.owner == Owner::kNetworkManagerDnsmasq) d.file = FileWay::kNmDnsmasq;
    } else if (!all_through_resolved) {
        switch (d.owner) {
            case Owner::kNetworkManager:
            case Owner::kNetworkManagerDnsmasq:
                d.file = FileWay::kNmUnmanaged;
                break;
            case Owner::kResolvconf:
                d.file = FileWay::kResolvconf;
                break;
            case Owner::kOpenresolv:
                d.file = FileWay::kOpenresolv;
                break;
            case Owner::kDhclient:
                d.file = f.dhclient_hooks ? FileWay::kDhclient : FileWay::kPlain;
                break;
            case Owner::kDhcpcd:
                d.file = f.dhcpcd_hook_free ? FileWay::kDhcpcd : FileWay::kPlain;
                break;
            default:
                d.file = FileWay::kPlain;
                break;
        }
    }
    d.in_place = f.mount_point;
    d.resolved_rereads = kind == FileKind::kUplink && f.resolved && d.file != FileWay::kNone;

    const bool writes_file = d.file == FileWay::kPlain || d.file == FileWay::kNmUnmanaged || gets_leases(d.file);
    if (!f.trouble.empty()) {
        d.refusal = f.trouble;
        d.hint = "run this as root";
    } else if (d.mode == Mode::kSplit && !d.split_possible) {
        d.refusal =
            core::message("split needs a resolver that routes by name, and every program here must ask it: here {}",
                          kind == FileKind::kUplink ? "programs ask the servers in resolv.conf directly"
                                                    : "resolv.conf names servers directly");
        d.hint = "use --mode full";
    } else if (kind == FileKind::kOther) {
        d.refusal = "/etc/resolv.conf is neither a file nor a link";
        d.hint = "make it a file that names the host's resolvers";
    } else if (writes_file && f.immutable) {
        d.refusal = "/etc/resolv.conf is immutable (chattr +i): it is protected from every program, including postern";
        d.hint =
            "lift it with: chattr -i /etc/resolv.conf  (postern keeps the file from being rewritten; disable puts it back)";
    } else if (f.read_only && (writes_file || d.link == LinkWay::kNetworkd || d.link == LinkWay::kDelegate ||
                               d.tell_networkmanager || d.file == FileWay::kNmDnsmasq)) {
        d.refusal = "/etc is read-only";
        d.hint =
            "mount it writable, or put \"nameserver\" with postern's address where this image's /etc/resolv.conf is made";
    }
    d.line = core::message("hostdns: [{} → {}: {}]", facts_text(f, kind), std::string(to_string(d.owner)).c_str(),
                           d.refusal.empty() ? core::message("{} by {}", to_string(d.mode), way_text(d))
                                             : core::message("refused, {}", d.refusal));
    return d;
}

}  // namespace postern::agent

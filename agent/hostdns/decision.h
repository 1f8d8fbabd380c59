// SPDX-License-Identifier: Apache-2.0
// Who owns the host's DNS, and how postern takes it over. Pure: facts in, one decision with its explanation out.
#pragma once

#include <string>
#include <string_view>

#include "agent/hostdns/host_facts.h"
#include "core/message.h"

namespace postern::agent {

enum class Mode {
    kAuto,
    kSplit,
    kFull
};  // split: only the private names come to us; full: resolv.conf's servers are us
std::string_view to_string(Mode mode);
bool parse_mode(std::string_view text, Mode* out);

enum class Owner {
    kResolved,
    kNetworkManager,
    kNetworkManagerDnsmasq,
    kResolvconf,
    kOpenresolv,
    kDhclient,
    kDhcpcd,
    kNetconfig,
    kCloudInit,
    kContainer,
    kNobody,
};
std::string_view to_string(Owner owner);

/// How resolved learns which names are ours: by a link of ours, from networkd's files or by resolvectl, or by a file.
enum class LinkWay { kNone, kNetworkd, kResolvectl, kDelegate };
/// How resolv.conf gets our address.
enum class FileWay {
    kNone,         // it goes through resolved, or only some names come to us
    kPlain,        // written by us, the old one kept
    kNmUnmanaged,  // NetworkManager is configured to leave the file, then kPlain
    kNmDnsmasq,    // split: a server=/NAME/ line for NetworkManager's dnsmasq
    kResolvconf,   // a record
    kOpenresolv,   // an exclusive record
    kDhclient,     // an enter hook passes leases to us, then kPlain
    kDhcpcd,       // likewise
};

/// Leases come to us by a hook, and resolv.conf is ours.
constexpr bool gets_leases(FileWay way) {
    return way == FileWay::kDhclient || way == FileWay::kDhcpcd;
}

struct Decision {
    Owner owner = Owner::kNobody;
    Mode mode = Mode::kFull;  // kSplit or kFull
    LinkWay link = LinkWay::kNone;
    FileWay file = FileWay::kNone;
    bool dummy_link = false;           // else one end of a veth pair
    bool asks_link = false;            // resolved asks the link's own address, kOwnInterface
    bool tell_networkmanager = false;  // to leave our link alone
    bool in_place = false;             // resolv.conf can't be replaced, only overwritten
    bool resolved_rereads =
        false;  // it takes a foreign resolv.conf for its own servers and forgets them only by a restart
    bool split_possible = false;
    core::Message refusal;  // "" or why a takeover is not possible
    core::Message hint;     // and what the user can do about it
    /// "hostdns: [resolv.conf=stub resolved=running networkd=running … → systemd-resolved: split, networkd files]"
    core::Message line;
};

Decision decide(const HostFacts& facts, Mode wanted);

}  // namespace postern::agent

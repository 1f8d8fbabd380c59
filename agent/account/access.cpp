// SPDX-License-Identifier: Apache-2.0
#include "agent/account/access.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <utility>

#include "core/fd.h"

namespace postern::agent {
namespace {

using core::IpAddress;

/// The source address that the routing table selects. Sends nothing.
std::optional<IpAddress> route_source(const IpAddress& to) {
    const core::UniqueFd fd(::socket(to.is_v6() ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_storage address;
    const socklen_t size = core::SocketAddress{to, kEndpointPort}.to(&address);
    if (fd.get() < 0 || ::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0) return std::nullopt;
    socklen_t length = sizeof address;
    if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &length) != 0) return std::nullopt;
    const auto own = core::SocketAddress::from(reinterpret_cast<sockaddr*>(&address));
    return own ? std::optional(own->ip) : std::nullopt;
}

/// This host's address towards the endpoint.
std::optional<IpAddress> own_address(CloudSession& session, const EndpointReport& report) {
    for (const auto& zone : report.zones) {
        for (const auto& ip : {zone.ipv4, zone.ipv6}) {
            if (const auto own = ip ? route_source(*ip) : std::nullopt) return own;
        }
    }
    const auto told = session.metadata("private-ipv4");
    return told ? IpAddress::parse(*told) : std::nullopt;
}

/// The security groups of this host, if the metadata service gives them.
std::optional<std::vector<std::string>> own_groups(CloudSession& session) {
    const auto text = session.metadata("security-groups");
    if (!text) return std::nullopt;
    std::vector<std::string> out;
    std::string word;
    for (const char c : *text + "\n") {
        if (c != '\n' && c != '\r' && c != ' ' && c != ',') {
            word += c;
        } else if (!word.empty()) {
            if (!is_resource_id(word, "sg-")) return std::nullopt;
            out.push_back(std::exchange(word, {}));
        }
    }
    return out;
}

}  // namespace

EndpointAccess ask_access(CloudSession& session, EndpointCloud& cloud, const EndpointReport& report,
                          const core::Result<std::vector<AttachedGroup>>& attached,
                          const std::optional<IpAddress>& from) {
    const auto unknown = [](core::Message why) { return EndpointAccess{{Access::kUnknown, std::move(why)}, {}}; };
    if (!attached) return unknown(core::message("the security groups can't be read: {}", attached.error().whole()));
    const auto ip = from ? from : own_address(session, report);
    if (!ip) return unknown("the address that this host would come from is not known: give it with --from");
    EndpointAccess out;
    out.from = ip->text();
    std::vector<SecurityGroup> groups;
    for (const auto& group : *attached) {
        out.judgement.access = Access::kUnknown;
        out.judgement.reason = core::message("{} is {} right now", group.id, group.status);
        if (group.status != "Attached") return out;
        auto rules = cloud.security_group(group.id);
        out.judgement.reason =
            rules ? core::Message()
                  : core::message("the rules of {} can't be read: {}", group.id, rules.error().whole());
        if (!rules) return out;
        groups.push_back(std::move(*rules));
    }
    // The groups of another host are not known.
    const TrafficSource source{{*ip, static_cast<std::uint8_t>(ip->size() * 8)},
                               from ? std::nullopt : own_groups(session),
                               cloud.prefix_lists(groups)};
    out.judgement = judge_ingress(groups, source, kEndpointPort);
    return out;
}

}  // namespace postern::agent

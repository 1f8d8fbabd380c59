// SPDX-License-Identifier: Apache-2.0
#include "agent/net/node_interface.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/bytes.h"
#include "core/fd.h"

namespace postern::agent {
namespace {

// Whichever the kernel has. Of a pair the other end stays down.
constexpr std::string_view kKinds[] = {"dummy", "veth"};

/// A request of rtnetlink in the making.
class Request {
  public:
    template <class Body>
    Request(std::uint16_t type, std::uint16_t flags, const Body& body) : out_(NLMSG_HDRLEN) {
        nlmsghdr head{};
        head.nlmsg_type = type;
        head.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
        std::memcpy(out_.data(), &head, sizeof head);
        append(&body, sizeof body);
    }
    void attribute(std::uint16_t type, const void* data, std::size_t size) {
        const std::size_t at = begin(type);
        append(data, size);
        end(at);
    }
    /// What is added until end(of what this returns) is inside it.
    std::size_t begin(std::uint16_t type) {
        const std::size_t at = out_.size();
        const rtattr head{0, type};
        append(&head, sizeof head);
        return at;
    }
    void end(std::size_t at) {
        const auto size = static_cast<std::uint16_t>(out_.size() - at);
        std::memcpy(out_.data() + at, &size, sizeof size);
        out_.resize(NLMSG_ALIGN(out_.size()));
    }

    /// 0, or the errno of the kernel's answer.
    int send(int fd) {
        const auto size = static_cast<std::uint32_t>(out_.size());
        std::memcpy(out_.data(), &size, sizeof size);
        if (::send(fd, out_.data(), out_.size(), 0) < 0) return errno;
        alignas(nlmsghdr) char reply[8192];
        const ssize_t n = ::recv(fd, reply, sizeof reply, 0);
        if (n < 0) return errno;
        nlmsghdr head{};
        nlmsgerr error{};
        if (static_cast<std::size_t>(n) < NLMSG_HDRLEN + sizeof error) return EPROTO;
        std::memcpy(&head, reply, sizeof head);
        std::memcpy(&error, reply + NLMSG_HDRLEN, sizeof error);
        return head.nlmsg_type == NLMSG_ERROR ? -error.error : EPROTO;
    }

  private:
    void append(const void* data, std::size_t size) {
        const auto* bytes = static_cast<const std::uint8_t*>(data);
        out_.insert(out_.end(), bytes, bytes + size);
    }
    core::Bytes out_;
};

bool is_interface_name(const std::string& name) {
    return !name.empty() && name.size() < IFNAMSIZ && name != "." && name != ".." &&
           std::none_of(name.begin(), name.end(), [](char c) { return c == '/' || c == ':' || c <= ' ' || c > '~'; });
}

int make_link(int fd, const std::string& name, std::string_view kind) {
    Request link(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    link.attribute(IFLA_IFNAME, name.c_str(), name.size() + 1);
    const std::size_t info = link.begin(IFLA_LINKINFO);
    link.attribute(IFLA_INFO_KIND, kind.data(), kind.size());
    link.end(info);
    return link.send(fd);
}

/// EEXIST: there is one of this name.
int make_link(int fd, const std::string& name) {
    int error = EOPNOTSUPP;
    for (const auto kind : kKinds) {
        error = make_link(fd, name, kind);
        if (error != EOPNOTSUPP) break;
    }
    return error;
}

int add_address(int fd, unsigned index, const core::IpAddress& address) {
    ifaddrmsg body{};
    body.ifa_family = address.is_v6() ? AF_INET6 : AF_INET;
    body.ifa_prefixlen = static_cast<unsigned char>(8 * address.size());
    body.ifa_index = index;
    body.ifa_flags = address.is_v6() ? IFA_F_NODAD : 0;  // usable at once
    Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, body);
    request.attribute(IFA_LOCAL, address.data(), address.size());
    request.attribute(IFA_ADDRESS, address.data(), address.size());
    return request.send(fd);
}

int set_up(int fd, unsigned index) {
    ifinfomsg body{};
    body.ifi_index = static_cast<int>(index);
    body.ifi_flags = IFF_UP;
    body.ifi_change = IFF_UP;
    return Request(RTM_NEWLINK, 0, body).send(fd);
}

tl::unexpected<core::Error> refused(core::Message what, int error) {
    const bool permission = error == EPERM || error == EACCES;
    return core::fail(permission ? core::Code::kPermission : core::Code::kSocket, std::move(what),
                      permission ? "it needs root with CAP_NET_ADMIN, in the network of the node"
                      : error == EOPNOTSUPP
                          ? "the kernel has neither dummy nor veth interfaces: load a module, modprobe dummy"
                          : core::Message{},
                      error);
}

}  // namespace

core::Result<void> make_interface(const std::string& name, const core::IpAddress& address) {
    if (!is_interface_name(name)) {
        return core::fail(core::Code::kUsage, core::message("{} is no name of an interface", name),
                          "it has 1 to 15 letters, digits, - and _");
    }
    core::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!fd) return refused("can't ask the kernel for an interface", errno);
    if (const int error = make_link(fd.get(), name); error != 0 && error != EEXIST)
        return refused(core::message("can't make the interface {}", name), error);
    const unsigned index = ::if_nametoindex(name.c_str());
    if (index == 0) return refused(core::message("the interface {} is gone", name), errno);
    if (const int error = add_address(fd.get(), index, address); error != 0 && error != EEXIST)
        return refused(core::message("can't give {} the address {}", name, address.text()), error);
    if (const int error = set_up(fd.get(), index); error != 0)
        return refused(core::message("can't set the interface {} up", name), error);
    return {};
}

}  // namespace postern::agent

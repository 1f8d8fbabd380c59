// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/listener.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <sstream>

namespace postern::agent {
namespace {

constexpr const char* kResolver = "postern-resolve";  // as the kernel keeps the name
constexpr core::Micros kCanary = core::kSecond;
constexpr core::Micros kPatience = 5 * core::kSecond;

/// As /proc/net/udp and its like have it: words of 32 bits in the host's byte order, then the port.
std::string kernel_text(const core::IpAddress& ip, std::uint16_t port) {
    std::string text;
    for (std::size_t at = 0; at < ip.size(); at += 4) {
        std::uint32_t word;
        std::memcpy(&word, ip.data() + at, sizeof word);
        text += fmt::format("{:08X}", word);
    }
    return fmt::format("{}:{:04X}", text, port);
}

/// "socket:[INODE]" of the sockets that are bound to one of `bound`.
std::set<std::string> sockets_at(const HostSystem& host, const std::set<std::string>& bound) {
    std::set<std::string> found;
    for (const char* table : {"udp", "udp6", "tcp", "tcp6"}) {
        std::istringstream lines(host.read(std::string("/proc/net/") + table).value_or(""));
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            std::string slot, local, remote, state, skipped, inode;
            words >> slot >> local >> remote >> state;
            for (int i = 0; i < 5; ++i)
                words >> skipped;
            words >> inode;
            const bool listens = table[0] == 'u' || state == "0A";
            if (listens && bound.contains(local)) found.insert("socket:[" + inode + "]");
        }
    }
    return found;
}

bool has_systemd(const HostSystem& host) {
    return !host.real_path("/run/systemd/system").empty();
}

}  // namespace

core::Message PortHolder::text() const {
    return core::message("{} (pid {})", program.empty() ? core::Message("a program") : core::Message(program), pid);
}

std::optional<PortHolder> port_holder(const HostSystem& host, const core::SocketAddress& address) {
    std::set<std::string> bound = {kernel_text(address.ip, address.port)};
    for (const char* any : {"0.0.0.0", "::"})
        bound.insert(kernel_text(*core::IpAddress::parse(any), address.port));
    const auto sockets = sockets_at(host, bound);
    if (sockets.empty()) return std::nullopt;
    for (const auto& pid : host.list("/proc")) {
        if (pid.find_first_not_of("0123456789") != pid.npos) continue;
        const std::string process = "/proc/" + pid;
        for (const auto& fd : host.list(process + "/fd")) {
            const auto file = host.look(process + "/fd/" + fd);
            if (!file || !sockets.contains(file->content)) continue;
            std::string name = host.read(process + "/comm").value_or("");
            name.resize(std::min(name.find('\n'), name.size()));
            if (pid != "1" && name != kResolver) return PortHolder{name, pid};
            break;
        }
    }
    return std::nullopt;
}

core::Result<void> wake_listener(HostSystem& host, const TakeoverHooks& hooks, const core::SocketAddress& listen) {
    if (hooks.ask(listen, kLocalName, kCanary)) return {};
    if (const auto holder = port_holder(host, listen)) {
        return core::fail(core::Code::kAddressInUse,
                          core::message("not taken over: {} is held by {}, so postern can't listen there",
                                        listen.text(), holder->text()),
                          "stop that program, or set [dns] listen and the socket unit to another address; then: "
                          "postern dns enable");
    }
    if (!has_systemd(host)) return {};
    hooks.say(core::message("nothing answers at {}: starting postern-resolver", listen.text()));
    (void)host.act({"systemctl", "--no-block", "start", "postern-resolver.socket", "postern-resolver.service"}, {});
    const core::Micros deadline = hooks.mono_us() + kPatience;
    while (!hooks.ask(listen, kLocalName, kCanary) && hooks.mono_us() < deadline)
        hooks.pause(200 * core::kMillisecond);
    return {};
}

void start_rescue(HostSystem& host) {
    if (has_systemd(host)) (void)host.act({"systemctl", "--no-block", "start", "postern-rescue.service"}, {});
}

}  // namespace postern::agent

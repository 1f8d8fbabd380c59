#include "agent/hostdns/upstreams.h"

#include <algorithm>
#include <cstdlib>
#include <sstream>

#include "core/file_system.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxServers = 8;
constexpr std::size_t kMaxFile = 64 * 1024;

struct ResolvConf {
    std::vector<core::SocketAddress> servers;
    std::optional<int> timeout_s;
};

ResolvConf parse(const std::string& text) {
    ResolvConf out;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string key;
        words >> key;
        if (key == "nameserver") {
            std::string value;
            words >> value;
            // A scope (fe80::1%eth0) is meaningless in a plan; such a server is left out.
            const auto ip = core::IpAddress::parse(value);
            if (ip) out.servers.push_back({*ip, 53});
        } else if (key == "options") {
            for (std::string option; words >> option;) {
                if (option.rfind("timeout:", 0) == 0) out.timeout_s = std::atoi(option.c_str() + 8);
            }
        }
    }
    return out;
}

}  // namespace

HostUpstreams host_upstreams(const ReadFile& read_file, const std::vector<core::SocketAddress>& ours) {
    HostUpstreams out;
    const auto is_ours = [&](const core::SocketAddress& server) {
        return std::any_of(ours.begin(), ours.end(), [&](auto& o) { return o.ip == server.ip; });
    };
    const auto usable = [&](const core::SocketAddress& server, bool stubs_too) {
        // systemd-resolved's stubs: asking them would be asking through whoever they forward to, maybe us.
        static const auto kStub = *core::IpAddress::parse("127.0.0.53");
        static const auto kStubProxy = *core::IpAddress::parse("127.0.0.54");
        if (is_ours(server)) return false;
        return stubs_too || (server.ip != kStub && server.ip != kStubProxy);
    };
    const auto take = [&](const char* path, bool stubs_too) {
        const auto text = read_file(path);
        if (!text) return false;
        const ResolvConf conf = parse(*text);
        if (conf.timeout_s && std::string_view(path) == "/etc/resolv.conf") out.timeout_s = std::clamp(*conf.timeout_s, 1, 30);
        for (const auto& server : conf.servers) {
            const bool known = std::find(out.servers.begin(), out.servers.end(), server) != out.servers.end();
            if (usable(server, stubs_too) && !known && out.servers.size() < kMaxServers) out.servers.push_back(server);
        }
        if (!out.servers.empty() && out.source.empty()) out.source = path;
        return !out.servers.empty();
    };
    if (take("/etc/resolv.conf", false)) return out;
    if (take("/run/systemd/resolve/resolv.conf", false)) return out;
    if (take("/run/NetworkManager/no-stub-resolv.conf", false)) return out;
    if (take("/run/NetworkManager/resolv.conf", false)) return out;
    take("/etc/resolv.conf", true);  // a stub is better than nothing
    return out;
}

HostUpstreams host_upstreams(const std::vector<core::SocketAddress>& ours) {
    return host_upstreams(
        [](const std::string& path) -> std::optional<std::string> {
            auto text = core::read_file(path, kMaxFile);
            if (!text) return std::nullopt;
            return *text;
        },
        ours);
}

}  // namespace postern::agent

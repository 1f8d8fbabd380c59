// SPDX-License-Identifier: Apache-2.0
// Things on the host that affect the connection without being part of the path.
#include <algorithm>

#include "agent/doctor/judge.h"
#include "agent/hostdns/own_address.h"
#include "agent/hostdns/resolv_conf.h"
#include "agent/text/values.h"
#include "core/text.h"

namespace postern::agent::doctor {

namespace {

bool ends_with_domain(const std::string& name, std::string_view domain) {
    if (domain.starts_with('.')) domain.remove_prefix(1);
    if (domain.empty() || name.size() < domain.size() || !name.ends_with(domain)) return false;
    return name.size() == domain.size() || name[name.size() - domain.size() - 1] == '.';
}

/// As curl reads it: names and domains separated by commas, "*" for all.
bool left_out(const std::string& no_proxy, const std::string& name) {
    std::string_view rest = no_proxy;
    while (!rest.empty()) {
        const auto end = rest.find_first_of(", ");
        const auto word = rest.substr(0, end);
        if (word == "*" || ends_with_domain(name, word)) return true;
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return false;
}

/// "http://user:password@proxy:3128" without what is between // and @.
std::string without_password(std::string url) {
    const auto at = url.rfind('@');
    const auto scheme = url.find("//");
    if (at == std::string::npos) return url;
    return (scheme == std::string::npos ? "" : url.substr(0, scheme + 2)) + url.substr(at + 1);
}

/// Whether programs in the container use us: by an address outside its network, or through docker's own resolver,
/// which notes in a comment the servers that it uses from the host's network ("# ExtServers: [host(127.0.0.153)]").
bool asks_us(const ContainerSeen& container, const HostSeen& host, const std::vector<core::SocketAddress>& listen) {
    const auto ours = [&](const core::IpAddress& ip) { return is_own({ip, 53}, listen, host.addresses); };
    constexpr std::string_view kAsked = "host(";
    const std::string_view text = container.resolv_conf;
    for (auto at = text.find(kAsked); at != text.npos; at = text.find(kAsked, at + 1)) {
        const auto address = text.substr(at + kAsked.size());
        if (const auto ip = core::IpAddress::parse(address.substr(0, address.find(')'))); ip && ours(*ip)) return true;
    }
    const ResolvConf conf = ResolvConf::parse(text);
    return !conf.servers.empty() && ours(conf.servers[0].ip) &&
           (!container.own_network || !conf.servers[0].ip.is_loopback());
}

void containers(const HostSeen& host, const std::vector<core::SocketAddress>& listen,
                const std::vector<std::string>& names, Findings& out) {
    if (names.empty() || listen.empty()) return;
    std::string others;
    const ContainerSeen* first = nullptr;
    for (const auto& container : host.containers) {
        if (asks_us(container, host, listen)) continue;
        if (first == nullptr) first = &container;
        core::add_item(others, container.name);
    }
    if (first == nullptr) return;
    const std::string servers =
        core::joined(ResolvConf::parse(first->resolv_conf).servers, [](const auto& server) { return server.host(); });
    out.push_back(found("PN-ENV-CONTAINER", {}, {},
                        {{"containers", others},
                         {"servers", servers.empty() ? "-" : servers},
                         {"name", names[0]},
                         {"pid", std::to_string(first->pid)}}));
}

void applications(const std::vector<ConnectionsSeen>& connections, Findings& out) {
    for (const ConnectionsSeen& c : connections) {
        const auto tell = [&](std::string_view code, std::uint64_t count) {
            out.push_back(found(code, c.link, c.ip,
                                {{"count", std::to_string(count)},
                                 {"total", std::to_string(c.total)},
                                 {"users", c.users},
                                 {"ip", c.ip},
                                 {"link", c.link},
                                 {"host", c.host},
                                 {"time", rough_duration(c.stuck_for_us)}}));
        };
        if (c.bypass) {
            tell("PN-APP-BYPASS", c.total);
            continue;
        }
        if (c.stuck > 0) tell("PN-APP-STUCK", c.stuck);
        if (c.without_keepalive > 0) tell("PN-APP-KEEPALIVE", c.without_keepalive);
    }
}

}  // namespace

Findings judge_environment(const HostSeen& host, const std::vector<std::string>& names, bool upstreams_fail,
                           const std::vector<core::SocketAddress>& listen,
                           const std::vector<ConnectionsSeen>& connections) {
    Findings out;
    std::string no_proxy;
    for (const auto& [name, value] : host.environment) {
        if (core::same_word(name, "no_proxy")) no_proxy = value;
    }
    for (const auto& [variable, value] : host.environment) {
        const std::string kind = core::lowered(variable);
        if ((kind != "https_proxy" && kind != "http_proxy" && kind != "all_proxy") || value.empty()) continue;
        for (const auto& name : names) {
            if (left_out(no_proxy, name)) continue;
            out.push_back(found("PN-ENV-PROXY", {}, {},
                                {{"variable", variable}, {"name", name}, {"proxy", without_password(value)}}));
            break;
        }
    }
    if (host.nscd || host.nscd_restart) {
        const std::string name = names.empty() ? "" : names[0];
        out.push_back(found("PN-ENV-NSCD", {}, {},
                            {{"how", catalogued("nscd", host.nscd ? "keeps" : "restart")}, {"name", name}}));
    }
    // networkd and machined have one each for the names of their own guests.
    std::string hooks;
    for (const auto& hook : host.hooks) {
        if (!hook.starts_with("io.systemd.")) core::add_item(hooks, hook);
    }
    if (!hooks.empty()) out.push_back(found("PN-ENV-HOOK", {}, {}, {{"hooks", hooks}}));
    const auto tailscale = std::find_if(host.interfaces.begin(), host.interfaces.end(),
                                        [](const auto& name) { return name.starts_with("tailscale"); });
    const core::IpPrefix shared = *core::IpPrefix::parse("100.64.0.0/10");
    const bool asked_there = std::any_of(host.upstreams.begin(), host.upstreams.end(),
                                         [&](const auto& upstream) { return shared.contains(upstream.ip); });
    if (upstreams_fail && asked_there && tailscale != host.interfaces.end())
        out.push_back(found("PN-ENV-TAILSCALE", {}, {}, {{"interface", *tailscale}}));
    containers(host, listen, names, out);
    if (!host.jvms.empty()) {
        const JvmSeen& jvm = host.jvms.front();
        out.push_back(found(
            "PN-ENV-JVM", {}, {},
            {{"pid", std::to_string(jvm.pid)}, {"setting", jvm.setting}, {"count", std::to_string(host.jvms.size())}}));
    }
    applications(connections, out);
    if (out.empty()) out.push_back(passed(Step::kEnvironment, {}, {}, {}));
    return out;
}

}  // namespace postern::agent::doctor

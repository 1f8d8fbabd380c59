// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/upstreams.h"

#include <algorithm>

#include "agent/hostdns/own_servers.h"
#include "agent/hostdns/resolv_conf.h"
#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/plan.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxServers = 8;
constexpr std::uint16_t kDnsPort = 53;

/// Collects servers until one source has given some.
class Search {
  public:
    explicit Search(OwnServers ours) : ours_(std::move(ours)) {}

    bool take(const std::string& source, std::string_view text, bool stubs_too = false) {
        for (const auto& server : ResolvConf::parse(text).servers) {
            const bool known = std::find(found.servers.begin(), found.servers.end(), server) != found.servers.end();
            if (usable(server, stubs_too) && !known && found.servers.size() < kMaxServers)
                found.servers.push_back(server);
        }
        if (!found.servers.empty() && found.source.empty()) found.source = source;
        return !found.servers.empty();
    }
    bool take_file(const HostSystem& host, const std::string& path, bool stubs_too = false) {
        return take(path, host.read(path).value_or(""), stubs_too);
    }
    bool take_records(const HostSystem& host, const std::string& folder) {
        std::string all;
        for (const auto& name : host.list(folder)) {
            if (name != kRecord) all += host.read(folder + "/" + name).value_or("") + "\n";
        }
        return take(folder, all);
    }

    HostUpstreams found;

  private:
    bool usable(const core::SocketAddress& server, bool stubs_too) const {
        return !ours_(server) && (stubs_too || !is_stub(server.ip));
    }

    OwnServers ours_;
};

std::vector<core::SocketAddress> servers_of_plan(const std::string& path) {
    std::vector<core::SocketAddress> servers;
    if (const auto plan = core::PlanView::load(path)) {
        for (const auto& upstream : plan->upstreams)
            servers.push_back(upstream.address);
    }
    return servers;
}

std::vector<core::SocketAddress> servers_of_fallback(const std::string& path) {
    const auto text = core::read_file(path, core::kMaxFallbackBytes);
    return text ? core::parse_fallback(*text).upstreams : std::vector<core::SocketAddress>{};
}

}  // namespace

HostUpstreams host_upstreams(const HostSystem& host, const std::vector<core::SocketAddress>& listen,
                             const Journal& journal) {
    const OwnServers ours(host, listen, journal);
    Search search(ours);
    const std::string resolv_conf = host.read(kResolvConf).value_or("");
    const bool taken = journal.state != TakeoverState::kOff;
    // What another program added to our file is known from the journal, once it was read there.
    const bool is_ours = taken && servers_in(resolv_conf, ours).ours;
    // The file had no manager: use its old content, not what some manager would have written.
    const bool kept_first = taken && journal.decision.file == FileWay::kPlain && !journal.decision.resolved_rereads;
    const bool dnsmasq_asks_us = taken && journal.decision.file == FileWay::kNmDnsmasq;
    const auto found = [&] {
        if (dnsmasq_asks_us && search.take_file(host, kNmServers)) return true;
        if (!is_ours && search.take(kResolvConf, resolv_conf)) return true;
        if (kept_first && search.take("the file before the takeover", journal.target.kept)) return true;
        return search.take_file(host, kResolvedUplinks) || search.take_file(host, kNmServers) ||
               search.take_file(host, "/run/NetworkManager/resolv.conf") || search.take_records(host, kDebianRecords) ||
               std::any_of(kOpenresolvRecords.begin(), kOpenresolvRecords.end(),
                           [&](const char* folder) { return search.take_records(host, folder); }) ||
               search.take_file(host, kLeaseFile) || search.take("the file before the takeover", journal.target.kept);
    };
    const bool any = found();
    if (taken) {
        // Another program's file names servers that may be gone again, as a VPN's: behind them what worked before.
        if (search.found.source == kResolvConf) search.take("the file before the takeover", journal.target.kept);
        for (const auto& earlier : journal.earlier)
            search.take("the file before the takeover", earlier.kept);
    }
    // A stub is better than nothing, unless it forwards to us.
    if (!any && journal.state == TakeoverState::kOff) search.take(kResolvConf, resolv_conf, true);
    // The limits are glibc's (resolv.conf(5)).
    const ResolvConf options = ResolvConf::parse(resolv_conf);
    if (options.timeout_s) search.found.timeout_s = std::clamp(*options.timeout_s, 1, 30);
    if (options.attempts) search.found.attempts = std::clamp(*options.attempts, 1, 5);
    return search.found;
}

HostUpstreams find_upstreams(const HostSystem& host, const DnsConfig& dns, const Paths& paths, const Journal& journal,
                             const AgentUpstreams& agent) {
    HostUpstreams found = host_upstreams(host, dns.listen, journal);
    if (!dns.upstreams.empty()) {
        found.servers = dns.upstreams;
        found.source = "configured";
    }
    const OwnServers ours(host, dns.listen, journal);
    // From before the takeover.
    const bool stubs_ask_us = journal.state != TakeoverState::kOff && journal.decision.mode == Mode::kFull;
    const auto unless_found = [&](const auto& look, const std::string& source) {
        if (!found.servers.empty()) return;
        found.servers = look();
        std::erase_if(found.servers,
                      [&](const auto& server) { return ours(server) || (stubs_ask_us && is_stub(server.ip)); });
        found.source = found.servers.empty() ? "" : source;
    };
    unless_found([&] { return agent.in_use.servers; }, agent.in_use.source);
    for (const auto& path : {paths.current_plan, paths.durable_plan})
        unless_found([&] { return servers_of_plan(path); }, path);
    unless_found([&] { return servers_of_fallback(paths.fallback); }, paths.fallback);
    unless_found(
        [&] {
            std::vector<core::SocketAddress> servers;
            for (const auto& ip : agent.of_instance)
                servers.push_back({ip, kDnsPort});
            return servers;
        },
        "instance metadata");
    return found;
}

HostUpstreams find_upstreams(const HostSystem& host, const Config& config) {
    const Paths paths = paths_of(config.agent);
    const auto journal = JournalFile(paths.hostdns).load();
    return find_upstreams(host, config.dns, paths, journal.value_or(Journal{}), {});
}

}  // namespace postern::agent

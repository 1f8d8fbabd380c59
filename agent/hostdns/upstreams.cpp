#include "agent/hostdns/upstreams.h"

#include <algorithm>

#include "agent/hostdns/resolv_conf.h"

namespace postern::agent {
namespace {

constexpr std::size_t kMaxServers = 8;
constexpr std::uint16_t kDnsPort = 53;

/// Collects servers until a source has given some.
class Search {
  public:
    explicit Search(const std::vector<core::SocketAddress>& ours) : ours_(ours) {}

    bool take(const std::string& source, std::string_view text, bool stubs_too = false) {
        for (const auto& ip : ResolvConf::parse(text).servers) {
            const core::SocketAddress server{ip, kDnsPort};
            const bool known = std::find(found.servers.begin(), found.servers.end(), server) != found.servers.end();
            if (usable(ip, stubs_too) && !known && found.servers.size() < kMaxServers) found.servers.push_back(server);
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
    bool usable(const core::IpAddress& ip, bool stubs_too) const {
        // systemd-resolved's stubs: asking them would be asking through whoever they forward to, maybe us.
        static const auto kStub = *core::IpAddress::parse("127.0.0.53");
        static const auto kStubProxy = *core::IpAddress::parse("127.0.0.54");
        if (std::any_of(ours_.begin(), ours_.end(), [&](auto& o) { return o.ip == ip; })) return false;
        return stubs_too || (ip != kStub && ip != kStubProxy);
    }

    const std::vector<core::SocketAddress>& ours_;
};

}  // namespace

HostUpstreams host_upstreams(const HostSystem& host, const std::vector<core::SocketAddress>& ours,
                             const Journal& journal) {
    Search search(ours);
    const std::string resolv_conf = host.read(kResolvConf).value_or("");
    const bool taken = journal.state != TakeoverState::kOff;
    // Nobody else's file: what stood in it, and not what some manager would have written if it were allowed to.
    const bool kept_first = taken && journal.decision.file == FileWay::kPlain && !journal.decision.resolved_rereads;
    const bool dnsmasq_asks_us = taken && journal.decision.file == FileWay::kNmDnsmasq;
    const auto found = [&] {
        if (dnsmasq_asks_us && search.take_file(host, kNmServers)) return true;
        if (!is_our_resolv_conf(resolv_conf) && search.take(kResolvConf, resolv_conf)) return true;
        if (kept_first && search.take("the file before the takeover", journal.target.kept)) return true;
        return search.take_file(host, kResolvedUplinks) || search.take_file(host, kNmServers) ||
               search.take_file(host, "/run/NetworkManager/resolv.conf") || search.take_records(host, kDebianRecords) ||
               search.take_records(host, kOpenresolvRecords) || search.take_file(host, kLeaseFile) ||
               search.take("the file before the takeover", journal.target.kept);
    };
    // A stub is better than nothing, unless it asks us.
    if (!found() && journal.state == TakeoverState::kOff) search.take(kResolvConf, resolv_conf, true);
    if (const auto timeout_s = ResolvConf::parse(resolv_conf).timeout_s)
        search.found.timeout_s = std::clamp(*timeout_s, 1, 30);
    return search.found;
}

}  // namespace postern::agent

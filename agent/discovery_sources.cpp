#include "agent/discovery_sources.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "agent/cloud/aliyun_reply.h"
#include "agent/snapshot_store.h"
#include "core/file_system.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Micros;

constexpr std::size_t kMaxFile = 1 << 20;
// A stat a second notices a file however it was written: replaced, rewritten in place, on a network file system.
constexpr Micros kFileEvery = core::kSecond;
constexpr Micros kShortestTtl = 5 * core::kSecond;
constexpr Micros kLongestTtl = 5 * core::kMinute;
constexpr Micros kTargetRetry = 30 * core::kSecond;

EndpointReport connected(const std::string& id) {
    return {.endpoint_id = id, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
}

}  // namespace

core::Result<EndpointReport> parse_zones_file(const std::string& path, std::string_view text) {
    const auto page = parse_zones_page(text);
    if (!page) {
        return core::fail(Code::kFileCorrupt, path + " holds " + page.error().what,
                          "it must be the reply of ListVpcEndpointZones as it came; the last good one stays in use");
    }
    EndpointReport out = connected(path);
    out.zones = page->zones;
    out.request_id = page->request_id;
    if (!page->next_token.empty()) {
        return core::fail(Code::kFileCorrupt, path + " is only the first page of a reply",
                          "ask with MaxResults=50 and put the zones of all pages together");
    }
    return out;
}

DiscoverySources::DiscoverySources(const core::Clock& clock, Provider& api, Lookup& lookup)
    : clock_(clock), api_(api), lookup_(lookup) {}

DiscoverySources::~DiscoverySources() = default;

void DiscoverySources::describe_endpoint(const std::string& key, Callback done) {
    if (key.starts_with(kTargetPrefix)) return follow(key.substr(kTargetPrefix.size()), std::move(done));
    if (key.starts_with(kFilePrefix)) return done(read_file(key.substr(kFilePrefix.size())));
    api_.describe_endpoint(key, std::move(done));
}

void DiscoverySources::follow(const std::string& name, Callback done) {
    lookup_.resolve(name, [this, name, alive = std::weak_ptr<bool>(alive_),
                           done = std::move(done)](core::Result<LookupResult> found) {
        if (alive.expired()) return;
        const bool failed = !found || found->stale;
        ++counts_[{"lookup", failed ? found ? "stale" : std::string(to_string(found.error().code)) : "ok"}];
        if (!found) return done(core::fail(std::move(found.error())));
        if (found->stale) {
            return done(core::fail(Code::kDnsFailed, "the upstreams do not answer about " + name,
                                   "check the upstreams in [dns] and that UDP and TCP 53 to them are open"));
        }
        EndpointReport out = connected(name);
        out.complete = !found->partial;  // with one family unanswered its addresses are not gone
        out.valid_us = std::clamp(Micros{found->ttl_s} * core::kSecond, kShortestTtl, kLongestTtl);
        for (const auto& ip : found->addresses) {
            ZoneReport zone{.status = "Connected"};
            (ip.is_v6() ? zone.ipv6 : zone.ipv4) = ip;
            out.zones.push_back(std::move(zone));
        }
        done(std::move(out));
    });
}

core::Result<EndpointReport> DiscoverySources::read_file(const std::string& path) {
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) {
        files_.erase(path);
        return core::fail(errno == ENOENT ? Code::kFileMissing : Code::kFileUnreadable, "cannot read " + path,
                          "the last known addresses stay in use until it is back", errno);
    }
    const Micros changed = Micros{info.st_mtim.tv_sec} * core::kSecond + info.st_mtim.tv_nsec / 1000;
    const Micros now = clock_.wall_us();
    if (const auto it = files_.find(path); it != files_.end()) {
        const KnownFile& known = it->second;
        // A file read while fresh may have been rewritten within the same tick of its time stamp.
        const bool settled = known.read_wall_us - changed > 2 * core::kSecond;
        if (settled && known.inode == info.st_ino && known.size == info.st_size && known.changed_wall_us == changed) {
            return known.report;
        }
    }
    const auto text = core::read_file(path, kMaxFile);
    if (!text) return core::fail(text.error());
    auto report = parse_zones_file(path, *text);
    if (report) files_[path] = {info.st_ino, info.st_size, changed, now, *report};
    return report;
}

RequestCounts DiscoverySources::requests() const {
    RequestCounts out = api_.requests();
    out.insert(counts_.begin(), counts_.end());
    return out;
}

SourcePace DiscoverySources::pace(const std::string& key) const {
    if (key.starts_with(kFilePrefix)) return {kFileEvery, kFileEvery};
    if (key.starts_with(kTargetPrefix)) return {kShortestTtl, kTargetRetry};
    return api_.pace(key);
}

}  // namespace postern::agent

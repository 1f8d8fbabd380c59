// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/discovery_sources.h"

#include <algorithm>
#include <utility>

#include "agent/discovery/source_key.h"

namespace postern::agent {
namespace {

using core::Code;
using core::Micros;

// Polling in addition to the watch, which misses writes by another host on a network file system, and a
// folder mounted over.
constexpr Micros kFileEvery = core::kSecond;
constexpr Micros kMinTtl = 5 * core::kSecond;
constexpr Micros kMaxTtl = 5 * core::kMinute;
constexpr Micros kTargetRetry = 30 * core::kSecond;

}  // namespace

DiscoverySources::DiscoverySources(core::Clock& clock, core::Loop* loop, Provider& api, Lookup& lookup,
                                   bool loopback_taken)
    : api_(api), lookup_(lookup), files_(clock, loop), loopback_taken_(loopback_taken) {}

DiscoverySources::~DiscoverySources() = default;

void DiscoverySources::describe_endpoint(const std::string& key, Callback done_with) {
    Callback done = [this, alive = std::weak_ptr<bool>(alive_),
                     done_with = std::move(done_with)](core::Result<EndpointReport> report) {
        if (alive.expired()) return;
        if (report) refuse_impossible(*report, loopback_taken_);
        done_with(std::move(report));
    };
    if (key.starts_with(kTargetPrefix)) return follow(key.substr(kTargetPrefix.size()), std::move(done));
    if (key.starts_with(kFilePrefix)) return files_.read(key.substr(kFilePrefix.size()), std::move(done));
    api_.describe_endpoint(key, std::move(done));
}

void DiscoverySources::forget(const std::string& key) {
    if (key.starts_with(kFilePrefix)) files_.forget(key.substr(kFilePrefix.size()));
}

void DiscoverySources::when_news(std::function<void(const std::string&)> tell) {
    files_.changed = [tell = std::move(tell)](const std::string& path) { tell(std::string(kFilePrefix) + path); };
}

void DiscoverySources::follow(const std::string& name, Callback done) {
    lookup_.forget(name);  // asked when its TTL is over, and at a refresh
    lookup_.resolve(name, [this, name, alive = std::weak_ptr<bool>(alive_),
                           done = std::move(done)](core::Result<LookupResult> found) {
        if (alive.expired()) return;
        const bool failed = !found || found->stale;
        ++counts_[{"lookup", failed ? found ? "stale" : std::string(to_string(found.error().code)) : "ok"}];
        if (!found) return done(core::fail(std::move(found.error())));
        if (found->stale) {
            return done(core::fail(Code::kDnsFailed, core::message("the upstreams do not answer about {}", name),
                                   "check the upstreams in [dns] and that UDP and TCP 53 to them are open"));
        }
        EndpointReport out{
            .endpoint_id = name, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
        out.domain = found->aliases.empty() ? name : found->aliases.back();
        out.complete = !found->partial;  // with one family unanswered, its addresses are not gone
        out.valid_us = std::clamp(Micros{found->ttl_s} * core::kSecond, kMinTtl, kMaxTtl);
        const auto& ips = found->addresses;
        const auto why_not = [this](const core::IpAddress& ip) { return why_no_endpoint(ip, loopback_taken_); };
        if (std::none_of(ips.begin(), ips.end(), [&](const auto& ip) { return why_not(ip).empty(); })) {
            // 0.0.0.0 and 127.0.0.1 are a filter's "blocked"
            return done(core::fail(Code::kDnsFailed,
                                   core::message("{} resolves to {}, {}, which no endpoint has", name,
                                                 ips.back().text(), why_not(ips.back())),
                                   "a filter answers for the upstreams: set [dns] upstreams to the VPC's own"));
        }
        for (const auto& ip : ips) {
            ZoneReport zone{.status = "Connected"};
            (ip.is_v6() ? zone.ipv6 : zone.ipv4) = ip;
            out.zones.push_back(std::move(zone));
        }
        done(std::move(out));
    });
}

RequestCounts DiscoverySources::requests() const {
    RequestCounts out = api_.requests();
    out.insert(counts_.begin(), counts_.end());
    return out;
}

SourcePace DiscoverySources::pace(const std::string& key) const {
    if (key.starts_with(kFilePrefix)) return {kFileEvery, kFileEvery};
    if (key.starts_with(kTargetPrefix)) return {kMinTtl, kTargetRetry};
    return api_.pace(key);
}

}  // namespace postern::agent

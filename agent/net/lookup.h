// SPDX-License-Identifier: Apache-2.0
// Resolves names for the agent itself - API hosts, targets to follow - at the given upstreams with c-ares, never
// through the host's resolver (which is postern) nor /etc/hosts. One channel per set of upstreams; loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/clock.h"
#include "core/error.h"
#include "core/ip_address.h"
#include "core/loop.h"

namespace postern::agent {

struct LookupResult {
    std::vector<core::IpAddress> addresses;  // IPv4 first, sorted; never empty in a success
    std::uint32_t ttl_s = 0;                 // lowest TTL of the CNAME chain; of a cached answer, the remaining time
    bool stale = false;                      // the upstreams failed: these are the last good addresses
    bool partial = false;                    // one family was answered, the other failed (not "has none")
    std::vector<std::string> aliases;        // the names of the CNAME chain
};

class Lookup {
  public:
    using Callback = std::function<void(core::Result<LookupResult>)>;

    virtual ~Lookup() = default;
    /// A and AAAA of `host`; an IP literal is its own answer. Exactly one callback, from the loop and never from
    /// inside this call, within kMaxTime, unless the object is destroyed. Errors: kDnsFailed, kTimeout, kUsage
    /// (not a name).
    virtual void resolve(const std::string& host, Callback done) = 0;

    /// The next resolve() of it asks the upstreams, even if the cached answer's TTL has not passed.
    virtual void forget(const std::string& /*host*/) {}

    /// Whether the last error about it was that the upstreams say it has no address, unlike that they do not answer.
    virtual bool is_absent(const std::string& /*host*/) const { return false; }

    static constexpr core::Micros kMaxTime = 5 * core::kSecond;
};

class AresLookup final : public Lookup {
  public:
    AresLookup(core::Loop& loop, core::Clock& clock);
    ~AresLookup() override;

    /// Takes effect for the next query; queries in flight finish at their servers.
    void set_upstreams(const std::vector<core::SocketAddress>& upstreams);
    /// With no upstream and no cached answer: kDnsFailed. A good answer is cached for its TTL (at most 5 min).
    void resolve(const std::string& host, Callback done) override;
    void forget(const std::string& host) override;
    bool is_absent(const std::string& host) const override;

    /// Last good addresses by name: saved with the snapshot, so that a restarted agent reaches the API when
    /// DNS is down.
    using Known = std::map<std::string, std::vector<core::IpAddress>>;
    Known known() const;
    void remember(const Known& known);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace postern::agent

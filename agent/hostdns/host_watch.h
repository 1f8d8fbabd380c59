// SPDX-License-Identifier: Apache-2.0
// Watches this host's DNS for the agent: the upstreams every second, the state of the takeover every five; logs
// changes. Owned by the app, loop thread.
#pragma once

#include <string>
#include <vector>

#include "agent/hostdns/report.h"
#include "agent/hostdns/upstreams.h"

namespace postern::agent {

class HostWatch {
  public:
    /// Its input and output.
    class Outside {
      public:
        virtual ~Outside() = default;
        /// From the instance metadata, as far as they are known.
        virtual std::vector<core::IpAddress> instance_nameservers() = 0;
        virtual void upstreams_changed(const HostUpstreams& now) = 0;
    };

    HostWatch(core::Clock& clock, const HostSystem& host, Paths paths, DnsConfig dns, Outside& outside);

    /// Uses this configuration and checks at once; upstreams_changed() is not called for it.
    const HostUpstreams& use(const DnsConfig& dns);
    /// Starts watching.
    void start();

    const HostUpstreams& upstreams() const { return upstreams_; }
    HostDnsReport report(const std::vector<std::string>& names);

  private:
    void look();
    void look_at_upstreams();
    void look_at_takeover();
    void log_takeover();

    const HostSystem& host_;
    Paths paths_;
    DnsConfig dns_;
    Outside& outside_;
    core::Clock& clock_;
    JournalWatch journal_;
    HostUpstreams upstreams_;
    core::Timer upstreams_timer_, takeover_timer_;
    std::string logged_takeover_;
    bool logged_no_upstreams_ = false;
};

}  // namespace postern::agent

// This host's DNS while the agent runs: whom it forwards to is looked at every second, how the takeover stands every five;
// what changes is logged. Owned by the app, loop thread.
#pragma once

#include <string>
#include <vector>

#include "agent/hostdns/report.h"
#include "agent/hostdns/upstreams.h"

namespace postern::agent {

class HostWatch {
  public:
    /// What it asks and tells.
    class Outside {
      public:
        virtual ~Outside() = default;
        /// What the instance metadata says, as far as it is known.
        virtual std::vector<core::IpAddress> instance_nameservers() = 0;
        virtual void upstreams_changed(const HostUpstreams& now) = 0;
    };

    HostWatch(core::Clock& clock, const HostSystem& host, Paths paths, DnsConfig dns, Outside& outside);

    /// Goes by this configuration and looks at once; the caller is not told again.
    const HostUpstreams& use(const DnsConfig& dns);
    /// Looks on from now on.
    void start();

    const HostUpstreams& upstreams() const { return upstreams_; }
    HostDnsReport report(const std::vector<std::string>& names);

  private:
    void look();
    void look_at_upstreams();
    void look_at_takeover();
    void tell_takeover();

    const HostSystem& host_;
    Paths paths_;
    DnsConfig dns_;
    Outside& outside_;
    core::Clock& clock_;
    JournalWatch journal_;
    HostUpstreams upstreams_;
    core::Timer upstreams_timer_, takeover_timer_;
    std::string told_takeover_;
    bool told_no_upstreams_ = false;
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The state of the takeover, for `postern dns status`, `postern status` and the metrics. Only reads files.
#pragma once

#include <string>
#include <vector>

#include "agent/hostdns/host_asks.h"
#include "agent/hostdns/hosts_file.h"
#include "agent/hostdns/journal.h"
#include "agent/hostdns/path_look.h"
#include "core/message.h"

namespace postern::agent {

struct HostDnsReport {
    Journal journal;
    core::Message problem;                  // why the journal can't be used; "" otherwise
    std::vector<std::string> out_of_place;  // changed paths that another program has changed since
    std::vector<HostsLine> hosts;
    PathLook seen;           // whether programs get our answers, as postern-rescue, or the command itself, saw it last
    HostAsks asks;           // whom this host asks; set by who has looked
    bool unwatched = false;  // taken over, and postern-rescue does not run; set by who has looked
    bool silent = false;     // taken over, but nothing answers at the address that the host asks; set by who has looked

    /// One sentence: "on, full since …: all names go to 127.0.0.153:53".
    core::Message text() const;
};

HostDnsReport report_host_dns(const HostSystem& host, core::Result<Journal> journal, PathLook seen,
                              const std::vector<std::string>& names);

/// The journal, read again only if the file has changed. Loop thread of the agent.
class JournalWatch {
  public:
    explicit JournalWatch(std::string path) : file_(std::move(path)) {}
    const core::Result<Journal>& now();

  private:
    JournalFile file_;
    std::string stamp_ = "unread";
    core::Result<Journal> journal_;
};

}  // namespace postern::agent

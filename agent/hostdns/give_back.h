// SPDX-License-Identifier: Apache-2.0
// What /etc/resolv.conf becomes when the host gets its own DNS back: whatever others made of our file meanwhile, it does
// not name us, and it names a server if any is known. Of one takeover, by its journal.
#pragma once

#include <optional>
#include <vector>

#include "agent/hostdns/own_servers.h"
#include "agent/hostdns/resolv_conf.h"
#include "agent/hostdns/takeover.h"

namespace postern::agent {

class GiveBack {
  public:
    GiveBack(HostSystem& host, const TakeoverHooks& hooks, const Journal& journal);

    /// For the file that `after` was written to; nullopt: it stays. As we wrote it: `before`, exactly. Naming us, but
    /// changed by another program: its lines stay, and ours are replaced by those of `before`; a link comes back as it
    /// was, because its manager keeps writing behind it. Not naming us: it stays.
    std::optional<FileState> resolv_conf(const FileState& before, const FileState& after) const;
    /// The file, without us: a file that names us alone gets the last known upstreams, a link to one is replaced. One
    /// that does not name us, or that no server is known for, is returned as it is.
    FileState without_us(const FileState& state) const;
    /// Whether the file itself, or behind a link, names us and no other server.
    bool names_us_alone(const FileState& state) const;
    NamedServers servers_of(const FileState& state) const;
    /// Of the file itself, or behind a link.
    std::string text_of(const FileState& state) const;

    /// Looks names up as programs do. If that fails, and no server of resolv.conf answers, but known upstreams do, these
    /// are written. What was found is said. Half a minute at most.
    core::Result<void> look_up_names();

  private:
    bool names_are_found() const;
    std::vector<core::SocketAddress> known_upstreams() const;
    std::vector<core::SocketAddress> answering(std::vector<core::SocketAddress> servers) const;

    HostSystem& host_;
    const TakeoverHooks& hooks_;
    OwnServers ours_;
};

}  // namespace postern::agent

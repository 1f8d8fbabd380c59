// SPDX-License-Identifier: Apache-2.0
// The health check behind the service manager's watchdog: sends a query (CH TXT version.bind) from a socket of its
// own through the kernel to one of our UDP addresses, and only a reply counts. So a loop that runs but does not
// answer fails it. The query is handled like a client's, and counted as one of source "local". Loop thread.
#pragma once

#include "resolver/server.h"

namespace postern::resolver {

class Canary {
  public:
    /// `period_us` > 0 is the watchdog's timeout. While queries are answered `alive` is called about three
    /// times in it.
    Canary(core::Loop& loop, core::Clock& clock, core::Random& random, const Server& server, core::Micros period_us,
           std::function<void()> alive);

    /// Sends the first query at once.
    void start() { ask(); }

  private:
    void ask();
    bool send_to(core::SocketAddress listener);
    bool is_reply(ByteView message) const;
    void on_readable();
    void note_silence();

    core::Loop& loop_;
    core::Clock& clock_;
    core::Random& random_;
    const Server& server_;
    core::Micros period_us_;
    std::function<void()> alive_;
    core::Bytes query_;
    core::UniqueFd socket_;
    core::FdWatcher watcher_;
    core::Timer next_;
    core::Micros silent_since_ = 0;  // when the first unanswered query was sent; 0: the last one was answered
    bool said_ = false;              // the silence was logged
};

}  // namespace postern::resolver

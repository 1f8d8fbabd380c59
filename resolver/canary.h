// SPDX-License-Identifier: Apache-2.0
// The health check behind the service manager's watchdog: sends a query (CH TXT version.bind) from a socket of its
// own through the kernel to one of our UDP addresses, and only a reply counts. So a loop that runs but does not
// answer fails it. The query is handled like a client's, and counted as one of source "local".
//
// What strangers send may fill the queue of that address, where the query is lost then, and use up the refusals of a
// second. So while there is no reply it asks at a private address as well, which takes nothing from others: a reply
// from there shows that questions are answered, and it counts if the other address has received something meanwhile.
// Loop thread.
#pragma once

#include "resolver/server.h"

namespace postern::resolver {

class Canary {
  public:
    /// `period_us` > 0 is the watchdog's timeout. While queries are answered `alive` is called about three
    /// times in it.
    Canary(core::Loop& loop, core::Clock& clock, core::Random& random, Server& server, core::Micros period_us,
           std::function<void()> alive);

    /// Sends the first query at once.
    void start() { ask(); }

  private:
    void ask();
    /// A question on its way, and the socket that waits for the reply.
    struct Asking {
        core::UniqueFd socket;
        core::FdWatcher watcher;
        std::uint16_t id = 0;  // 0: none is asked privately
    };
    bool send_to(core::SocketAddress listener);
    void send_privately(const core::IpAddress& loopback);
    bool send(const Asking& asking);
    bool has_reply(const Asking& asking) const;
    void pass();
    void note_silence();

    core::Loop& loop_;
    core::Clock& clock_;
    core::Random& random_;
    Server& server_;
    core::Micros period_us_;
    std::function<void()> alive_;
    core::Bytes query_;
    Asking public_, private_;
    bool answered_privately_ = false;
    std::uint64_t received_ = 0;  // by the public address when the private one was first asked
    core::Timer next_;
    core::Micros silent_since_ = 0;  // when the first unanswered query was sent; 0: the last one was answered
    bool said_ = false;              // the silence was logged
};

}  // namespace postern::resolver

// Proof of life for the service manager's watchdog: a query of our own goes through the kernel to one of our own
// UDP addresses and only its reply, read from another socket, counts. A loop that turns without answering does not.
// The query path does not know it from a client's; it is answered locally and shows in the statistics as one
// query of source "local" each time (CH TXT version.bind). Loop thread.
#pragma once

#include "resolver/server.h"

namespace postern::resolver {

class Canary {
  public:
    /// `period_us` (> 0): the longest that the service manager waits for a sign of life. `alive` is called about
    /// three times in it, while queries are answered.
    Canary(core::Loop& loop, core::Clock& clock, core::Random& random, const Server& server, core::Micros period_us,
           std::function<void()> alive);

    /// The first one flies at once.
    void start() { fly(); }

  private:
    void fly();
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
    core::Micros silent_since_ = 0;  // the first query without a reply; 0: the last one had its reply
    bool said_ = false;
};

}  // namespace postern::resolver

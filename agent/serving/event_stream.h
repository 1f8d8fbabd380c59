// SPDX-License-Identifier: Apache-2.0
// GET /api/v1/stream, Server-Sent Events: `status` (the document of /api/v1/status) when it changed, at most once a
// second, and `probe` for each record. A client that reconnects with Last-Event-ID gets the records it missed, as far
// as the memory ring reaches. No cost without clients. Owned by the app, loop thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/serving/http_server.h"
#include "agent/serving/served_agent.h"
#include "core/clock.h"
#include "probe/record.h"

namespace postern::agent {

struct EventStreamLimits {
    std::size_t clients = 16;
    std::size_t replayed = 1000;                      // records that a returning client missed; newest first
    std::size_t replayed_bytes = kStreamBacklog / 2;  // of them
    core::Micros tick_us = core::kSecond;
    core::Micros silence_us = 15 * core::kSecond;  // then a comment, so that both ends notice a dead connection
};

class EventStream {
  public:
    EventStream(core::Clock& clock, ServedAgent& agent, EventStreamLimits limits = {});

    HttpReply answer(const HttpQuery& query);
    /// Sends a new record to all clients.
    void record(const probe::Record& record);
    std::size_t clients();

  private:
    struct Client {
        std::shared_ptr<HttpStream> stream;
        core::Micros heard_us = 0;  // when something was last sent to the client
    };

    void welcome(std::shared_ptr<HttpStream> stream, const std::string& last_id);
    std::string missed_since(const std::string& last_id) const;
    std::string event_of(const probe::Record& record) const;
    void send(Client& client, std::string_view text);
    void send_all(std::string_view text);
    void tick();

    core::Clock& clock_;
    ServedAgent& agent_;
    EventStreamLimits limits_;
    std::string run_;  // sequence numbers restart with the agent: an ID names its run
    std::vector<Client> clients_;
    std::string last_status_;  // without its time
    core::Timer timer_;
};

}  // namespace postern::agent

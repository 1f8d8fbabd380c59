// SPDX-License-Identifier: Apache-2.0
// One HTTP request in the library: answered at once, later, or by a stream. While waiting it is suspended, to avoid
// busy polling, and its socket is watched, so that a client that disconnects is noticed at once. Created by the
// server with the first bytes of a request, destroyed when it is over. Loop thread only.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "agent/serving/http_server.h"
#include "core/loop.h"

struct MHD_Connection;
struct MHD_Response;

namespace postern::agent {

class ServedRequest {
  public:
    /// `turn_soon`: have the library run again, after a resume.
    ServedRequest(core::Loop& loop, MHD_Connection* connection, std::function<void()> turn_soon)
        : loop_(loop), connection_(connection), turn_soon_(std::move(turn_soon)) {}
    ~ServedRequest();
    ServedRequest(const ServedRequest&) = delete;
    ServedRequest& operator=(const ServedRequest&) = delete;

    bool begun() const { return begun_; }
    /// The handler's reply. Called once.
    void begin(HttpReply reply);
    /// Called when the library wants the reply: passes it on, or suspends until there is one. False: close.
    bool proceed();
    /// The server stops: the request gets no reply any more.
    void abandon();

  private:
    class Stream;

    void deliver(HttpReply reply);
    bool queue(MHD_Response* response);
    MHD_Response* stream_response();
    std::ptrdiff_t read_stream(char* to, std::size_t size);
    void suspend();
    void wake();
    void cut();

    core::Loop& loop_;
    MHD_Connection* connection_;
    std::function<void()> turn_soon_;
    HttpReply reply_;
    std::unique_ptr<HttpWork> work_;
    std::shared_ptr<Stream> stream_;
    core::FdWatcher client_;  // while suspended
    bool begun_ = false;
    bool waits_ = false;  // for work_ to deliver
    bool suspended_ = false;
    bool gone_ = false;  // the client, or the server
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// One attempt: connect, TLS, request, reply, SQL, WebSocket, as a state machine by Phase. It moves the bytes between
// TcpConnector (the socket) and the passive TlsSession, HttpReply and WsExchange, and takes the times. Redirects and
// the WebSocket have a leg of their own: another connection to the same address, with the same TLS rules. (The
// WebSocket has, because connectors use one, and because the SQL request is then the same with and without it:
// Connection: close.) Owned by the scheduler, loop thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/loop.h"
#include "probe/http_exchange.h"
#include "probe/phase_clock.h"
#include "probe/probe_launcher.h"
#include "probe/tcp_connector.h"
#include "probe/tls_contexts.h"
#include "probe/tls_session.h"
#include "probe/ws_exchange.h"

namespace postern::probe {

class ProbeRun final : public RunningProbe {
  public:
    /// Starts at once; `done` is never called from inside. `context` may be nullptr for Kind::kTcp.
    ProbeRun(core::Loop& loop, core::Clock& clock, std::shared_ptr<const TlsContext> context, ProbeTarget target,
             ProbeDone done);
    ~ProbeRun() override;
    ProbeRun(const ProbeRun&) = delete;
    ProbeRun& operator=(const ProbeRun&) = delete;

  private:
    // The steps. Each may finish the attempt: after a step check running() before going on.
    void open_leg();
    void connected(int error);
    void drive_tls();
    void send_request();
    void flush();
    void read_socket(core::Micros at);
    void take_reply(core::Micros at);
    void progressed(HttpReply::Progress progress, core::Micros at);
    void lost(int error, core::Micros at);
    void replied();
    void note_reply();
    void received(std::string_view plain, core::Micros at);
    void ended(core::Micros at);
    void ws_progressed(WsExchange::Progress progress, core::Micros at);
    void say_farewell();
    void expired(core::Micros due);
    void watch();
    void arm(core::Micros due);

    void fail(Phase phase, Reason reason, const core::Message& detail, core::Micros at);
    void fail(Phase phase, Reason reason, const core::Message& detail) {
        fail(phase, reason, detail, clock_.mono_us());
    }
    void succeed() { finished_ = true; }
    PhaseClock& times() { return ws_ ? ws_->phases : phases_; }
    bool running() const { return !finished_; }
    /// The last call of every callback from the loop: passes the result to `done` if there is one.
    /// May destroy `this`.
    void settle();

    /// The leg of the WebSocket, with times of its own: the phases of the record are those of the SQL request.
    struct WsLeg {
        core::SystemRandom random;
        WsExchange exchange{random};
        PhaseClock phases;
    };

    core::Loop& loop_;
    core::Clock& clock_;
    std::shared_ptr<const TlsContext> context_;
    ProbeTarget target_;
    ProbeDone done_;
    ProbeResult result_;
    PhaseClock phases_;
    Phase phase_ = Phase::kConnect;
    core::Micros deadline_us_ = 0;
    core::Micros leg_began_us_ = 0;
    std::string path_;            // of this leg; a redirect changes it
    bool path_is_whole_ = false;  // it is from a Location header: no token is appended
    int redirects_ = 0;
    int legs_ = 0;  // to check after a step whether it has begun another leg
    int send_error_ = 0;
    bool began_ = false;
    bool finished_ = false;
    TcpConnector socket_;
    std::unique_ptr<TlsSession> tls_;
    HttpReply reply_;
    std::unique_ptr<WsLeg> ws_;  // nullptr before that leg
    core::Timer timer_;
};

/// The real launcher. Loads the TLS context in the pool before the attempt begins.
class NetworkLauncher final : public ProbeLauncher {
  public:
    NetworkLauncher(core::Loop& loop, core::Clock& clock, TlsContexts& contexts)
        : loop_(loop), clock_(clock), contexts_(contexts) {}
    std::unique_ptr<RunningProbe> launch(const ProbeTarget& target, ProbeDone done) override;

  private:
    core::Loop& loop_;
    core::Clock& clock_;
    TlsContexts& contexts_;
};

}  // namespace postern::probe

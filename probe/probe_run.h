// One attempt: connect, TLS, request, reply, SQL, as a state machine by Phase. Sockets are our own (TcpConnector), TLS
// and HTTP are passive (TlsSession, HttpReply, SqlReply); this class moves bytes between them and takes the times.
// A redirect and the WebSocket take a leg of their own: another connection to the same address by the same TLS rules. The
// WebSocket does so because connectors do, and because the SQL request stays what it is without it: Connection: close.
// Loop thread only. Destroying it cancels; the callback will not fire; it may be destroyed inside the callback.
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
    /// Starts at once; `done` is never called from inside. `context` may be null for Kind::kTcp.
    ProbeRun(core::Loop& loop, core::Clock& clock, std::shared_ptr<const TlsContext> context, ProbeTarget target,
             ProbeDone done);
    ~ProbeRun() override;
    ProbeRun(const ProbeRun&) = delete;
    ProbeRun& operator=(const ProbeRun&) = delete;

  private:
    // Steps: each may finish the attempt; whoever goes on after one asks running() first.
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

    void fail(Phase phase, Reason reason, std::string_view detail, core::Micros at);
    void fail(Phase phase, Reason reason, std::string_view detail) { fail(phase, reason, detail, clock_.mono_us()); }
    void succeed() { finished_ = true; }
    PhaseClock& times() { return ws_ ? ws_->phases : phases_; }
    bool running() const { return !finished_; }
    /// The last thing that every entry from the loop does: hands the result over if there is one. `this` may be gone.
    void settle();

    /// The WebSocket: its times are its own, the phases of the record stay those of the SQL request.
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
    bool path_is_whole_ = false;  // it came from a Location header: no token is appended
    int redirects_ = 0;
    int legs_ = 0;  // who goes on after a step asks whether it is still the same one
    int send_error_ = 0;
    bool began_ = false;
    bool finished_ = false;
    TcpConnector socket_;
    std::unique_ptr<TlsSession> tls_;
    HttpReply reply_;
    std::unique_ptr<WsLeg> ws_;  // on the leg of the WebSocket
    core::Timer timer_;
};

/// The real launcher. Contexts are loaded in the pool before the attempt's clock starts.
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

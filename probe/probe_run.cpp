// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <utility>

#include "core/text.h"
#include "probe/detail.h"
#include "probe/excerpt.h"
#include "probe/reply_judge.h"

namespace postern::probe {
namespace {

std::string error_text(int error) {
    char buffer[128];
    return ::strerror_r(error, buffer, sizeof buffer);
}

bool is_reset(int error) {
    return error == ECONNRESET || error == EPIPE || error == ECONNABORTED;
}

}  // namespace

ProbeRun::ProbeRun(core::Loop& loop, core::Clock& clock, std::shared_ptr<const TlsContext> context, ProbeTarget target,
                   ProbeDone done)
    : loop_(loop),
      clock_(clock),
      context_(std::move(context)),
      target_(std::move(target)),
      done_(std::move(done)),
      path_(target_.spec->path),
      timer_(clock) {
    result_ = begin_result(target_, clock_.wall_us());
    open_leg();
    if (finished_) timer_.start_in(0, [this] { settle(); });  // never from inside the constructor
}

ProbeRun::~ProbeRun() {
    reply_.forget();
    core::wipe(path_);  // of a redirect, which may repeat the token
}

void ProbeRun::open_leg() {
    const ProbeSpec& spec = *target_.spec;
    ++legs_;
    phase_ = Phase::kConnect;
    reply_.forget();
    reply_ = HttpReply{};
    tls_.reset();
    send_error_ = 0;
    int error = 0;
    if (spec.kind != Kind::kTcp) {
        // Do everything that takes time but is not network time before the clock starts.
        if (context_) tls_ = TlsSession::create(*context_, spec.server_name.empty() ? spec.host : spec.server_name);
        if (!tls_) error = ENOMEM;
    }
    if (error == 0) error = socket_.open(target_.ip);
    const core::Micros now = clock_.mono_us();
    leg_began_us_ = now;
    if (ws_) {
        ws_->phases.begin(now);
    } else if (!std::exchange(began_, true)) {
        phases_.begin(now);
        deadline_us_ = now + spec.timeout_us;
    }
    const core::SocketAddress to{target_.ip, spec.port};
    if (error == 0)
        error = socket_.connect(loop_, to, [this](int e) {
            connected(e);
            settle();
        });
    if (error != 0) {
        fail(Phase::kConnect, reason_for_connect_error(error, true),
             differs(core::message("a connection to {}", to.text()),
                     core::message("{}, said by the kernel at once", error_text(error))));
        return;
    }
    arm(std::min(deadline_us_, now + spec.connect_timeout_us));
}

void ProbeRun::connected(int error) {
    const core::Micros at = clock_.mono_us();
    const std::string to = core::SocketAddress{target_.ip, target_.spec->port}.text();
    // A RST in reply to our SYN gives ECONNREFUSED. ECONNRESET means that the connection was established and then
    // reset before this call: the same as tls_reset, only seen later.
    const bool reset_after = error == ECONNRESET && target_.spec->kind != Kind::kTcp;
    if (error != 0 && !reset_after) {
        fail(Phase::kConnect, reason_for_connect_error(error, false),
             differs(core::message("a connection to {}", to), error_text(error)), at);
        return;
    }
    core::Micros connected_at = at;
    if (!reset_after) {
        result_.local_port = socket_.local_port();
        // The loop may have been busy when the SYN+ACK arrived: use the kernel's time.
        if (const auto kernel = socket_.kernel_connect_us()) connected_at = std::min(at, leg_began_us_ + *kernel);
    }
    times().end(Phase::kConnect, connected_at);
    if (target_.spec->kind == Kind::kTcp) {
        succeed();
        return;
    }
    phase_ = Phase::kTls;
    if (reset_after) {
        lost(error, at);
        return;
    }
    arm(deadline_us_);
    drive_tls();
}

void ProbeRun::drive_tls() {
    const TlsSession::Step step = tls_->handshake();
    if (step == TlsSession::Step::kMore) {
        flush();
        if (running()) watch();
        return;
    }
    if (step == TlsSession::Step::kDone) {
        result_.certificate = tls_->certificate();
        result_.tls_version = tls_->version();
        result_.tls_cipher = tls_->cipher();
        result_.tls_group = tls_->group();
        const TlsSession::Judgement judged = tls_->judge();
        const core::Micros now = clock_.mono_us();
        if (judged.reason != Reason::kNone) {
            fail(Phase::kTls, judged.reason, judged.detail, now);
            return;
        }
        times().end(Phase::kTls, now);
        send_request();
        return;
    }
    result_.certificate = tls_->certificate();
    switch (step) {
        case TlsSession::Step::kAlert:
            fail(Phase::kTls, Reason::kTlsAlert,
                 differs("a TLS handshake", core::message("an alert of the server: {}", tls_->error())));
            return;
        case TlsSession::Step::kNoMemory:
            fail(Phase::kTls, Reason::kLocalOom, "out of memory in the TLS handshake");
            return;
        case TlsSession::Step::kClosed:
            fail(Phase::kTls, Reason::kTlsEof, differs("a TLS handshake", "it closed by the server"));
            return;
        default:
            fail(Phase::kTls, Reason::kTlsProtocol, differs("TLS 1.2 or 1.3", tls_->error()));
    }
}

void ProbeRun::send_request() {
    phase_ = Phase::kRequest;
    std::string request =
        ws_ ? ws_->exchange.request(*target_.spec) : request_text(*target_.spec, path_, path_is_whole_);
    const core::Wiped after(request);  // it contains the token
    const bool written = tls_->write(request);
    if (!written) {
        fail(Phase::kRequest, Reason::kLocalOom,
             core::message("the request could not be encrypted: {}", tls_->error()));
        return;
    }
    flush();
    if (running()) watch();
}

/// Sends what TLS has for the peer. The request phase ends when the kernel has taken its last byte.
void ProbeRun::flush() {
    for (;;) {
        const core::ByteView bytes = tls_->outgoing();
        if (bytes.empty()) break;
        const ssize_t n = socket_.send(bytes);
        if (n == -EAGAIN) return;
        if (n < 0) {
            // Before the reset the peer may have sent an alert or an early reply, which is the better reason.
            const core::Micros at = clock_.mono_us();
            const int leg = legs_;
            send_error_ = static_cast<int>(-n);
            read_socket(at);
            if (running() && legs_ == leg) lost(send_error_, at);
            return;
        }
        tls_->consume(static_cast<std::size_t>(n));
    }
    if (phase_ == Phase::kRequest) {
        times().end(Phase::kRequest, clock_.mono_us());
        phase_ = Phase::kTtfb;
    }
}

void ProbeRun::watch() {
    const int events = UV_READABLE | (tls_->outgoing().empty() ? 0 : UV_WRITABLE);
    const int rc = socket_.watch(loop_, events, [this](int happened) {
        const core::Micros at = clock_.mono_us();
        const int leg = legs_;  // a redirect opens another socket
        if ((happened & UV_WRITABLE) != 0 && !tls_->outgoing().empty()) flush();
        if (running() && legs_ == leg && (happened & UV_READABLE) != 0) read_socket(at);
        if (running() && legs_ == leg) watch();
        settle();
    });
    if (rc != 0) fail(phase_, Reason::kLocalOom, core::message("the socket can't be watched: {}", uv_strerror(rc)));
}

void ProbeRun::read_socket(core::Micros at) {
    std::array<std::uint8_t, 16384> buffer;
    const int leg = legs_;
    // Limited, so that a fast sender does not block the loop: with data left the socket stays readable.
    for (int turn = 0; turn < 4 && running(); ++turn) {
        const ssize_t n = socket_.recv(buffer);
        if (n == -EAGAIN) return;
        if (n < 0) {
            lost(static_cast<int>(-n), at);
            return;
        }
        if (n == 0) {
            if (send_error_ != 0) return;  // send() has consumed the error of the socket: not an orderly end
            if (phase_ == Phase::kTls) {
                fail(Phase::kTls, Reason::kTlsEof, differs("a TLS handshake", "the connection closed by the server"),
                     at);
            } else {
                ended(at);
            }
            return;
        }
        if (!tls_->feed({buffer.data(), static_cast<std::size_t>(n)})) {
            fail(phase_, Reason::kLocalOom, "out of memory for received bytes", at);
            return;
        }
        if (phase_ == Phase::kTls) drive_tls();
        if (running() && phase_ != Phase::kTls) take_reply(at);
        if (legs_ != leg) return;
        if (static_cast<std::size_t>(n) < buffer.size()) return;  // the socket is most likely empty: save a call
    }
}

void ProbeRun::take_reply(core::Micros at) {
    std::string plain;
    const core::Wiped after(plain);
    const TlsSession::Step step = tls_->read(&plain);
    if (!plain.empty()) {
        if (phase_ == Phase::kRequest) {  // a reply before the whole request was sent
            times().end(Phase::kRequest, at);
            phase_ = Phase::kTtfb;
        }
        if (phase_ == Phase::kTtfb) {
            times().end(Phase::kTtfb, at);
            phase_ = Phase::kTransfer;
        }
        const int leg = legs_;
        received(plain, at);
        if (!running() || legs_ != leg) return;
    }
    switch (step) {
        case TlsSession::Step::kMore:
        case TlsSession::Step::kDone:
            return;
        case TlsSession::Step::kClosed:
            ended(at);
            return;
        case TlsSession::Step::kAlert:
            fail(phase_, Reason::kTlsAlert,
                 differs("an HTTP reply", core::message("a TLS alert of the server: {}", tls_->error())), at);
            return;
        case TlsSession::Step::kNoMemory:
            fail(phase_, Reason::kLocalOom, "out of memory", at);
            return;
        case TlsSession::Step::kProtocol:
            fail(phase_, Reason::kTlsProtocol, differs("TLS records", tls_->error()), at);
            return;
    }
}

void ProbeRun::received(std::string_view plain, core::Micros at) {
    if (ws_) {
        ws_progressed(ws_->exchange.feed(plain), at);
    } else {
        progressed(reply_.feed(plain), at);
    }
}

void ProbeRun::ended(core::Micros at) {
    if (ws_) {
        ws_progressed(ws_->exchange.eof(), at);
    } else {
        progressed(reply_.eof(), at);
    }
}

void ProbeRun::ws_progressed(WsExchange::Progress progress, core::Micros at) {
    const std::string words = ws_->exchange.take_outgoing();
    if (!words.empty() && !tls_->write(words)) {
        fail(phase_, Reason::kLocalOom, core::message("a frame could not be encrypted: {}", tls_->error()), at);
        return;
    }
    switch (progress) {
        case WsExchange::Progress::kMore:
            if (!words.empty()) flush();
            return;
        case WsExchange::Progress::kDone:
            times().end(phase_, at);
            succeed();
            break;
        case WsExchange::Progress::kFailed:
            fail(phase_, ws_->exchange.judged().reason, ws_->exchange.judged().detail, at);
            break;
    }
    say_farewell();
}

/// Sends what is pending (close frame, close_notify) without waiting: the attempt has ended.
void ProbeRun::say_farewell() {
    for (core::ByteView bytes = tls_->outgoing(); !bytes.empty(); bytes = tls_->outgoing()) {
        const ssize_t n = socket_.send(bytes);
        if (n <= 0) return;
        tls_->consume(static_cast<std::size_t>(n));
    }
}

void ProbeRun::progressed(HttpReply::Progress progress, core::Micros at) {
    switch (progress) {
        case HttpReply::Progress::kMore:
            return;
        case HttpReply::Progress::kDone:
            times().end(Phase::kTransfer, at);
            replied();
            return;
        case HttpReply::Progress::kProtocol:
            times().end(phase_, at);  // the time of the phase counts, even if the contents are wrong
            fail(Phase::kReply, Reason::kHttpProtocol, reply_.problem(), at);
            return;
        case HttpReply::Progress::kTooLarge:
            fail(phase_, Reason::kBodyTooLarge, reply_.problem(), at);
            return;
        case HttpReply::Progress::kTruncated:
            fail(phase_, Reason::kHttpTruncated, reply_.problem(), at);
            return;
    }
}

/// An established connection has failed with an errno.
void ProbeRun::lost(int error, core::Micros at) {
    const bool tls = phase_ == Phase::kTls;
    if (error == ETIMEDOUT) {
        fail(phase_, tls ? Reason::kTlsTimeout : Reason::kHttpTimeout, "the peer stopped acknowledging", at);
        return;
    }
    if (is_reset(error)) {
        fail(phase_, tls ? Reason::kTlsReset : Reason::kHttpReset,
             differs(tls ? "a TLS handshake" : "an HTTP reply", error_text(error)), at);
        return;
    }
    fail(phase_, reason_for_connect_error(error, false),
         core::message("the connection was lost: {}", error_text(error)), at);
}

void ProbeRun::replied() {
    const ProbeSpec& spec = *target_.spec;
    if (reply_.status() == 307 || reply_.status() == 308) {
        if (auto target = same_host_target(spec, reply_.header("location"))) {
            if (redirects_++ == 0) {
                // The request had Connection: close, so the second one needs another connection. Its phases are added
                // to those of the first.
                path_ = std::move(*target);
                path_is_whole_ = true;
                socket_.close();
                open_leg();
                return;
            }
            fail(Phase::kReply, Reason::kHttpRedirect,
                 differs("an answer after one redirect", core::message("another to {}", *target)));
            return;
        }
    }
    note_reply();
    const ReplyJudgement judged =
        judge_reply(spec, {reply_.status(), reply_.header("content-type"), reply_.header("location"), reply_.body(),
                           reply_.header("content-encoding")});
    result_.sql_code = judged.sql_code;
    if (judged.reason != Reason::kNone) {
        fail(judged.phase, judged.reason, judged.detail);
    } else if (spec.ws && spec.kind == Kind::kTdengine) {
        socket_.close();
        ws_ = std::make_unique<WsLeg>();
        open_leg();
    } else {
        succeed();
    }
}

/// Copies what is known of the reply into the result, also of one that was truncated or timed out.
void ProbeRun::note_reply() {
    if (ws_ || !reply_.head_complete()) return;
    result_.http_status = reply_.status();
    result_.http_1_0 = reply_.http_1_0();
    result_.body_bytes = reply_.body().size();
    const std::string_view length = reply_.header("content-length");
    std::int64_t bytes = 0;
    if (std::from_chars(length.data(), length.data() + length.size(), bytes).ec == std::errc{})
        result_.content_length = bytes;
}

void ProbeRun::arm(core::Micros due) {
    timer_.start_at(due, [this, due] {
        expired(due);
        settle();
    });
}

void ProbeRun::expired(core::Micros due) {
    const core::Micros now = clock_.mono_us();
    if (now - due > kTimerLate) {
        fail(phase_, Reason::kLocalCancelled,
             core::message("this host was suspended or its event loop blocked for {}: the attempt does not count",
                           core::milliseconds(now - due)),
             now);
        return;
    }
    const std::string waited = core::milliseconds(now - times().mark_us());
    switch (phase_) {
        case Phase::kConnect:
            fail(phase_, Reason::kTcpTimeout,
                 differs(core::message("{} to accept within {}",
                                       core::SocketAddress{target_.ip, target_.spec->port}.text(), waited),
                         "no answer: a security group or firewall that drops, or no host at that address"),
                 now);
            return;
        case Phase::kTls:
            fail(phase_, Reason::kTlsTimeout,
                 differs(core::message("the TLS handshake to end within {}", waited), "silence"), now);
            return;
        case Phase::kRequest:
            fail(phase_, Reason::kHttpTimeout,
                 differs(core::message("the request to be taken within {}", waited), "that it was not"), now);
            return;
        case Phase::kTtfb:
            fail(phase_, Reason::kHttpTimeout, differs(core::message("a reply within {}", waited), "silence"), now);
            return;
        default:
            if (ws_) {
                fail(phase_, Reason::kHttpTimeout,
                     differs(ws_->exchange.upgraded()
                                 ? core::message("an answer to the question for the version within {}", waited)
                                 : core::message("an answer to the upgrade within {}", waited),
                             "none"),
                     now);
                return;
            }
            fail(phase_, Reason::kHttpTimeout,
                 differs(core::message("the whole reply within {}", waited),
                         core::message("{} bytes of its body", reply_.body().size())),
                 now);
    }
}

void ProbeRun::fail(Phase phase, Reason reason, const core::Message& detail, core::Micros at) {
    if (finished_) return;
    times().end(phase, at);  // no effect for reply and sql, which are not timed
    result_.phase = ws_ ? Phase::kWs : phase;
    result_.reason = reason;
    result_.detail = detail_message(ws_ ? core::message("WebSocket: {}", detail) : detail);
    finished_ = true;
}

void ProbeRun::settle() {
    if (!finished_ || !done_) return;
    timer_.stop();
    socket_.close();
    note_reply();
    ProbeResult result = std::move(result_);
    result.ok = result.reason == Reason::kNone;
    result.phase_us = phases_.phases();
    result.total_us = phases_.total_us();
    if (ws_) result.ws_us = ws_->phases.total_us();
    result.redirects = redirects_;
    const auto done = std::exchange(done_, {});
    done(std::move(result));
}

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
#include "probe/probe_types.h"

namespace postern::probe {
namespace {

constexpr std::array<std::string_view, static_cast<std::size_t>(Phase::kCount)> kPhaseNames{
    "connect", "tls", "request", "ttfb", "transfer", "reply", "sql", "ws"};

constexpr std::array<std::string_view, static_cast<std::size_t>(Reason::kCount)> kReasonNames{
    "",
    "tcp_refused",
    "tcp_timeout",
    "tcp_reset",
    "no_route",
    "net_unreachable",
    "host_unreachable",
    "tls_timeout",
    "tls_reset",
    "tls_eof",
    "tls_alert",
    "tls_protocol",
    "cert_expired",
    "cert_not_yet_valid",
    "cert_name_mismatch",
    "cert_untrusted",
    "http_timeout",
    "http_reset",
    "http_protocol",
    "http_truncated",
    "http_redirect",
    "http_status_4xx",
    "http_status_401",
    "http_status_403",
    "http_status_429",
    "http_status_5xx",
    "http_status_unexpected",
    "body_too_large",
    "body_invalid_json",
    "body_mismatch",
    "not_tdengine",
    "sql_auth",
    "sql_permission",
    "sql_error",
    "sql_unavailable",
    "local_fd_limit",
    "local_port_exhausted",
    "local_oom",
    "local_cancelled",
    "token_missing",
    "prohibited",
};

constexpr std::array<std::string_view, 6> kFateNames{"", "passed", "silent", "reset", "closed", "refused"};
constexpr std::array<std::string_view, 4> kStateNames{"unknown", "up", "degraded", "down"};

}  // namespace

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::kTdengine:
            return "tdengine";
        case Kind::kHttps:
            return "https";
        case Kind::kTcp:
            return "tcp";
    }
    return "tdengine";
}

std::string_view to_string(Phase phase) {
    const auto i = static_cast<std::size_t>(phase);
    return i < kPhaseNames.size() ? kPhaseNames[i] : std::string_view{};
}

std::string_view to_string(Reason reason) {
    const auto i = static_cast<std::size_t>(reason);
    return i < kReasonNames.size() ? kReasonNames[i] : std::string_view{};
}

std::string_view to_string(State state) {
    const auto i = static_cast<std::size_t>(state);
    return i < kStateNames.size() ? kStateNames[i] : kStateNames[0];
}

std::optional<Phase> parse_phase(std::string_view token) {
    for (std::size_t i = 0; i < kPhaseNames.size(); ++i) {
        if (kPhaseNames[i] == token) return static_cast<Phase>(i);
    }
    return std::nullopt;
}

std::optional<Reason> parse_reason(std::string_view token) {
    for (std::size_t i = 1; i < kReasonNames.size(); ++i) {
        if (kReasonNames[i] == token) return static_cast<Reason>(i);
    }
    return std::nullopt;
}

std::optional<State> parse_state(std::string_view token) {
    for (std::size_t i = 0; i < kStateNames.size(); ++i) {
        if (kStateNames[i] == token) return static_cast<State>(i);
    }
    return std::nullopt;
}

std::string_view to_string(HandshakeFate fate) {
    const auto i = static_cast<std::size_t>(fate);
    return i < kFateNames.size() ? kFateNames[i] : std::string_view{};
}

HandshakeFate parse_fate(std::string_view token) {
    for (std::size_t i = 0; i < kFateNames.size(); ++i) {
        if (kFateNames[i] == token) return static_cast<HandshakeFate>(i);
    }
    return HandshakeFate::kUnknown;
}

bool is_local(Reason reason) {
    return reason >= Reason::kLocalFdLimit && reason <= Reason::kTokenMissing;
}

State Verdict::overall() const {
    if (path == State::kDown) return State::kDown;
    if (path == State::kUnknown) return State::kUnknown;
    if (path == State::kDegraded && service == State::kUp) return State::kDegraded;
    return service;
}

ProbeResult begin_result(const ProbeTarget& target, core::Micros started_wall_us) {
    ProbeResult out;
    out.link = target.link;
    out.host = target.spec->host;
    out.zone = target.zone;
    out.endpoint = target.endpoint;
    out.ip = target.ip;
    out.started_wall_us = started_wall_us;
    return out;
}

}  // namespace postern::probe

// The words of probing: what is probed, what came out, and the closed sets of phases, reasons and states.
// Plain values; used by the engine, the schedule, the verdicts, the history and everything that shows them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "core/ip_address.h"
#include "core/secret.h"

namespace postern::probe {

enum class Kind { kTdengine, kHttps, kTcp };

/// In order. The first five are timed and add up to the total; reply and sql are judgements on what came; ws is the
/// WebSocket behind them, on a connection of its own, whatever part of it fails.
enum class Phase { kConnect, kTls, kRequest, kTtfb, kTransfer, kReply, kSql, kWs, kCount };
inline constexpr std::size_t kTimedPhases = 5;

/// kNone: success. The local_* group and token_missing never count against an endpoint.
enum class Reason {
    kNone,
    kTcpRefused,
    kTcpTimeout,
    kTcpReset,
    kNoRoute,
    kNetUnreachable,
    kHostUnreachable,
    kTlsTimeout,
    kTlsReset,
    kTlsEof,
    kTlsAlert,
    kTlsProtocol,
    kCertExpired,
    kCertNotYetValid,
    kCertNameMismatch,
    kCertUntrusted,
    kHttpTimeout,
    kHttpReset,
    kHttpProtocol,
    kHttpTruncated,
    kHttpRedirect,
    kHttpStatus4xx,
    kHttpStatus401,
    kHttpStatus403,
    kHttpStatus429,
    kHttpStatus5xx,
    kHttpStatusUnexpected,
    kBodyTooLarge,
    kBodyInvalidJson,
    kBodyMismatch,
    kNotTdengine,
    kSqlAuth,
    kSqlPermission,
    kSqlError,
    kSqlUnavailable,
    kLocalFdLimit,
    kLocalPortExhausted,
    kLocalOom,
    kLocalCancelled,
    kTokenMissing,
    kCount,
};

enum class State { kUnknown, kUp, kDegraded, kDown };

std::string_view to_string(Kind kind);
std::string_view to_string(Phase phase);
std::string_view to_string(Reason reason);  // "tcp_refused"; "" for kNone
std::string_view to_string(State state);
std::optional<Phase> parse_phase(std::string_view token);
std::optional<Reason> parse_reason(std::string_view token);
std::optional<State> parse_state(std::string_view token);

/// The prober itself is the problem (or was given no token): no verdict changes.
bool is_local(Reason reason);

/// How one link is probed. Shared by the targets of the link; replaced whole when configuration or token changes.
struct ProbeSpec {
    Kind kind = Kind::kTdengine;
    std::string host;         // Host header
    std::string server_name;  // SNI and the name the certificate must have
    std::uint16_t port = 443;
    std::string path = "/rest/sql";
    std::string sql = "select 1";
    bool ws = false;                              // kind tdengine: after a good SQL reply, ask by WebSocket, too
    core::Secret token;                           // empty: the attempt ends at the reply with token_missing
    std::string ca_file;                          // "": the system's
    core::Micros timeout_us = 3 * core::kSecond;  // the whole attempt
    core::Micros connect_timeout_us = 1200 * core::kMillisecond;
    core::Micros degraded_over_us = 500 * core::kMillisecond;
    core::Micros expiry_warning_us = 14 * core::kDay;
    std::vector<int> accepted_status{200};  // kind https
    std::string body_contains;
    std::vector<std::pair<std::string, std::string>> body_json;  // kind https: RFC 6901 pointer → text of the value

    bool operator==(const ProbeSpec&) const = default;
};

struct ProbeTarget {
    std::string link;
    core::IpAddress ip;
    std::string zone;      // "" when unknown
    std::string endpoint;  // "" when fixed
    std::shared_ptr<const ProbeSpec> spec;
};

struct CertificateInfo {
    bool present = false;
    std::string subject, issuer, fingerprint_sha256;
    std::string serial;              // hexadecimal, whole bytes
    std::vector<std::string> names;  // SAN DNS names, bounded
    core::Micros not_before_us = 0;  // wall clock
    core::Micros not_after_us = 0;
    core::Micros chain_not_after_us = 0;  // earliest in the verified chain
    bool operator==(const CertificateInfo&) const = default;
};

struct ProbeResult {
    std::string link, host, zone, endpoint;
    core::IpAddress ip;
    core::Micros started_wall_us = 0;
    bool ok = false;
    Phase phase = Phase::kCount;  // where it struck; kCount when ok
    Reason reason = Reason::kNone;
    std::string detail;  // bounded, redacted: expected and found
    std::array<std::optional<core::Micros>, kTimedPhases> phase_us{};
    core::Micros total_us = 0;
    std::optional<int> http_status;
    std::optional<std::int64_t> sql_code;
    std::optional<core::Micros> ws_us;  // connect to answer, not in the total; null: not reached, or not asked for
    std::optional<std::int64_t> content_length;  // as the reply's header says it
    std::size_t body_bytes = 0;                  // that came
    bool http_1_0 = false;                       // else 1.1
    int redirects = 0;
    std::string tls_version, tls_cipher;
    CertificateInfo certificate;
    std::uint16_t local_port = 0;
};

/// Path: does this address lead to the gateway? Service: does the database behind it answer?
struct Verdict {
    State path = State::kUnknown;
    State service = State::kUnknown;
    State overall() const;  // down if the path is down; else what the service says; degraded when slow
    bool operator==(const Verdict&) const = default;
};

/// fall/rise: consecutive recorded attempts that turn a verdict.
struct VerdictRule {
    int fall = 3;
    int rise = 2;
    core::Micros interval_us = 10 * core::kSecond;
    core::Micros fast_interval_us = 1 * core::kSecond;
};

}  // namespace postern::probe

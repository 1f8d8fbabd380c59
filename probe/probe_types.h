// SPDX-License-Identifier: Apache-2.0
// The types of probing: what is probed, the result, and the closed sets of phases, reasons and states. Plain values.
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
#include "core/message.h"
#include "core/secret.h"

namespace postern::probe {

enum class Kind { kTdengine, kHttps, kTcp };

/// In order. The first five are timed and add up to the total; reply and sql check the contents of the reply; ws is
/// everything of the WebSocket, which follows on a connection of its own.
enum class Phase { kConnect, kTls, kRequest, kTtfb, kTransfer, kReply, kSql, kWs, kCount };
inline constexpr std::size_t kTimedPhases = 5;

/// kNone: success. local_* and token_missing never count against an address.
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
    kProhibited,
    kCount,
};

/// What became of a handshake that was made for itself, beside an attempt. kUnknown: it was not made, or there was no
/// connection; kRefused: by an alert, or by what is not TLS.
enum class HandshakeFate { kUnknown, kPassed, kSilent, kReset, kClosed, kRefused };

enum class State { kUnknown, kUp, kDegraded, kDown };

std::string_view to_string(Kind kind);
std::string_view to_string(Phase phase);
std::string_view to_string(Reason reason);  // "tcp_refused"; "" for kNone
std::string_view to_string(State state);
std::string_view to_string(HandshakeFate fate);  // "silent"; "" for kUnknown
std::optional<Phase> parse_phase(std::string_view token);
std::optional<Reason> parse_reason(std::string_view token);
std::optional<State> parse_state(std::string_view token);
HandshakeFate parse_fate(std::string_view token);  // kUnknown for an unknown one

/// local_* or token_missing: the address is not at fault.
bool is_local(Reason reason);

/// How a link is probed. Shared by its targets, and replaced as a whole when the configuration or the token changes.
struct ProbeSpec {
    Kind kind = Kind::kTdengine;
    std::string host;         // Host header
    std::string server_name;  // SNI and the name the certificate must have
    std::uint16_t port = 443;
    std::string path = "/rest/sql";
    std::string sql = "select 1";
    bool ws = false;                              // kind tdengine: after a good SQL reply also ask by WebSocket
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
    std::string endpoint;  // "" for a fixed address
    std::shared_ptr<const ProbeSpec> spec;
};

struct CertificateInfo {
    bool present = false;
    std::string subject, issuer, fingerprint_sha256;
    std::string serial;              // hexadecimal, an even number of digits
    std::vector<std::string> names;  // DNS names of the SAN, limited in number and length
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
    Phase phase = Phase::kCount;  // that failed; kCount when ok
    Reason reason = Reason::kNone;
    core::Message detail;  // what was expected and what was found; a detail_message()
    std::array<std::optional<core::Micros>, kTimedPhases> phase_us{};
    core::Micros total_us = 0;
    std::optional<int> http_status;
    std::optional<std::int64_t> sql_code;
    std::optional<core::Micros> ws_us;  // connect to answer, not in the total; nothing: not reached or not wanted
    std::optional<std::int64_t> content_length;  // from the header of the reply
    std::size_t body_bytes = 0;                  // received
    bool http_1_0 = false;                       // else 1.1
    int redirects = 0;
    std::string tls_version, tls_cipher;
    std::string tls_group;  // of the key exchange, by its IANA name ("x25519"); "" for one without a group
    CertificateInfo certificate;
    HandshakeFate large_hello = HandshakeFate::kUnknown;  // as last seen at this address, see large_hello.h
    std::uint16_t local_port = 0;
};

/// What is known before anything was sent.
ProbeResult begin_result(const ProbeTarget& target, core::Micros started_wall_us);

/// Path: whether the gateway is reached at this address. Service: whether the database behind it answers.
struct Verdict {
    State path = State::kUnknown;
    State service = State::kUnknown;
    State overall() const;  // of the path while that is down or unknown, else of the service
    bool operator==(const Verdict&) const = default;
};

/// `fall` failures in a row make a verdict down, `rise` successes in a row make it up again.
struct VerdictRule {
    int fall = 3;
    int rise = 2;
    core::Micros interval_us = 10 * core::kSecond;
    core::Micros fast_interval_us = 1 * core::kSecond;
};

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
// The record of an attempt, as the log file, `postern logs`, the history and /api/v1/probes show it. The keys and
// their order are a public interface; new keys are added at the end. Plain values.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.h"
#include "probe/probe_types.h"
#include "probe/verdict.h"

namespace postern::probe {

/// The facts of a TLS handshake, successful or not. The records of an address share one object until
/// the facts change.
struct TlsFacts {
    std::string version, cipher, group;  // as in ProbeResult
    CertificateInfo certificate;
    HandshakeFate large_hello = HandshakeFate::kUnknown;
    bool operator==(const TlsFacts&) const = default;
};

struct Record {
    core::Micros wall_us = 0;  // when the attempt began
    std::string link, host, zone, endpoint;
    core::IpAddress ip;
    bool ok = false;
    Phase phase = Phase::kCount;
    Reason reason = Reason::kNone;
    std::string detail;
    std::array<std::optional<core::Micros>, kTimedPhases> phase_us{};
    core::Micros total_us = 0;
    std::optional<int> http_status;
    std::optional<std::int64_t> sql_code;
    core::Micros cert_not_after_us = 0;  // 0: none seen
    State path = State::kUnknown, service = State::kUnknown;
    State state = State::kUnknown, prev_state = State::kUnknown;
    std::uint64_t seq = 0;
    std::optional<core::Micros> ws_us;    // connect to answer of the WebSocket; not in the total
    std::uint16_t local_port = 0;         // 0: unknown
    std::shared_ptr<const TlsFacts> tls;  // nullptr: no handshake, or not stored

    bool transition() const { return state != prev_state; }
};

Record make_record(const ProbeResult& result, const Fold& fold, std::uint64_t seq);

/// One JSON object without a line end. An empty text is written as null.
std::string to_json(const Record& record);
/// Skips unknown keys; missing ones keep their defaults. kFileCorrupt when the line is not a record.
core::Result<Record> parse_record(std::string_view line);

/// The filter of `postern logs`, /api/v1/probes and the history. Members that are not set match everything.
struct RecordFilter {
    std::string link;
    std::optional<core::IpAddress> ip;
    std::optional<State> state;
    std::optional<Reason> reason;
    core::Micros since_wall_us = 0;
    core::Micros until_wall_us = core::kNever;

    bool matches(const Record& record) const;
};

}  // namespace postern::probe

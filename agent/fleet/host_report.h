// SPDX-License-Identifier: Apache-2.0
// What a host says of itself to whoever looks at the fleet: who it is, and how it sees each address. One object of at most
// 2048 bytes in a store, a JSON document; no secret, no token, no path. What is read was written by another host, or by
// whoever may write the store: it is for looking at, and steers nothing. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

#include "core/clock.h"
#include "core/ip_address.h"
#include "probe/probe_types.h"

namespace postern::agent {

using core::Micros;

inline constexpr int kReportVersion = 1;
inline constexpr std::size_t kMaxReportBytes = 2048;
/// How often a host reports at rest; a report that is older than twice its own interval is stale.
inline constexpr Micros kLeastReportInterval = core::kSecond, kMostReportInterval = core::kHour;
/// How far in the future written_at may be.
inline constexpr Micros kReportTolerance = 15 * core::kMinute;

struct ReportedAddress {
    core::IpAddress ip;
    std::string zone;  // of the address; "" where it is not known
    probe::State state = probe::State::kUnknown;
    Micros since_wall_us = 0;  // of the state; 0: not known
    std::string code;          // of its fault, "PN-TCP-TIMEOUT"; "" without one
    bool operator==(const ReportedAddress&) const = default;
};

struct ReportedLink {
    std::string name, host;  // the label on that host, and the private DNS name
    probe::State state = probe::State::kUnknown;
    std::vector<ReportedAddress> addresses;
    std::size_t more = 0;  // addresses that had no place, each at most as bad as these
    bool operator==(const ReportedLink&) const = default;
};

struct HostReport {
    std::string fleet;
    std::string host, instance;  // its name, its ID at the cloud; one of them may be ""
    std::string zone, version;
    Micros written_wall_us = 0;
    Micros interval_us = 5 * core::kMinute;
    std::string overall;                // "good", "degraded", "failed", "unknown"
    std::string takeover;               // of the host's DNS: "on", "off", …
    std::string asks;                   // whether the host asks postern: "yes", "no", "unknown"
    std::uint64_t list_generation = 0;  // of the list in use; 0: none
    Micros list_age_us = 0;
    std::string worst;  // the code of its worst fault; "" without one
    std::vector<ReportedLink> links;
    std::size_t more_links = 0;  // that had no place
    bool operator==(const HostReport&) const = default;

    /// Its name, else its ID.
    const std::string& who() const { return host.empty() ? instance : host; }
    bool stale(Micros now_wall_us) const { return now_wall_us - written_wall_us > 2 * interval_us; }
};

/// At most that long after a change, and at least that long after the last report, a change is reported.
constexpr Micros report_gap(Micros interval_us) {
    return interval_us / 10;
}
/// By then every host that is alive has reported what it saw at the same time.
constexpr Micros report_settled(Micros interval_us) {
    return 3 * report_gap(interval_us) + 10 * core::kSecond;
}

/// The document: at most kMaxReportBytes. Where not all addresses have a place the worst are kept, the others are counted.
std::string format_report(const HostReport& report);
/// The name of a host's object: "web-1_i-bp1example.json". Host and instance, as several hosts may have one of them in common;
/// letters, digits, '.', '_' and '-' alone. "" if neither is known.
std::string report_name(const HostReport& report);

/// Why a report is not used. A closed set; the tokens appear in JSON.
enum class ReportProblem {
    kForm,     // not a report, or cut off
    kNewer,    // of a later version of this program
    kContent,  // with values that no host writes
    kFleet,    // another fleet's
    kFuture,   // written in the future
    kPlace,    // under another host's name
    kLarge,    // above kMaxReportBytes
};
std::string_view to_string(ReportProblem problem);  // "form"

/// `name`: of its object. Accepts any bytes.
tl::expected<HostReport, ReportProblem> read_report(std::string_view bytes, const std::string& name,
                                                    const std::string& fleet, Micros now_wall_us);

}  // namespace postern::agent

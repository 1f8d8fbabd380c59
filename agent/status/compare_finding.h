// SPDX-License-Identifier: Apache-2.0
// Compares the private path with the public gateway: where the fault is, and what the private path gains. Pure:
// values in, a finding and its sentence out. Used only by status, the page and metrics.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/faults/fault.h"
#include "core/clock.h"
#include "core/error.h"
#include "probe/probe_types.h"

namespace postern::agent {

/// All addresses of a link together.
enum class PrivateView {
    kUnknown,
    kWorks,        // at least one is up or degraded
    kPathDown,     // none reaches the gateway
    kServiceDown,  // at least one reaches it, none has a database that answers
};

enum class Comparison {
    kUnknown,  // not compared yet, or inconclusive
    kBothWork,
    kPublicFails,          // the private path works, the public gateway does not
    kPrivatelinkBroken,    // the public gateway answers, and no private address reaches a gateway
    kPrivateGatewayFails,  // the private addresses reach a gateway that fails where the public one does not
    kServiceDown,          // the same fault both ways
    kNeitherReached,       // neither reaches a gateway, and the public one did before
    kCount,
};
/// `token`: without one only the path is judged.
PrivateView private_view(const std::vector<probe::Verdict>& addresses, bool token);

std::string_view to_string(Comparison finding);  // "privatelink_broken"

/// The state of one link's comparison.
struct CompareStatus {
    std::string host;
    std::uint16_t port = 443;
    core::Micros interval_us = 0;
    std::uint64_t attempts = 0, failures = 0;
    std::optional<core::IpAddress> ip;        // of the last request
    std::vector<core::IpAddress> addresses;   // of the public gateway, as last looked up; without the private ones
    std::optional<probe::ProbeResult> last;   // of the public gateway
    std::optional<core::Error> lookup_error;  // the last request was not made: no address
    core::Micros at_wall_us = 0;              // of the last attempt, 0: none yet
    bool fresh = false;                       // made after the last change of the private side
    bool reached_before = false;              // the public gateway was reached from here at least once
    PrivateView view = PrivateView::kUnknown;
    std::optional<core::Micros> private_median_us, public_median_us;  // of good totals
    Comparison finding = Comparison::kUnknown;
    std::string_view says = "not_yet";  // the finding's key among the catalogue's "compare" texts, filled with:
    doctor::Values values;              // private, public, saved, why
    std::string text;                   // it in English

    std::string gateway() const;  // host, with the port where it is not 443
};

/// Sets finding, says, values and text from the other fields.
void judge_comparison(CompareStatus& status);

}  // namespace postern::agent

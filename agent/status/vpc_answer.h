// SPDX-License-Identifier: Apache-2.0
// A link that only verifies its name: what the VPC's DNS (the upstreams) answers for it, compared with the addresses
// that its source has. Pure: values in, a finding and its sentence out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/discovery/known_source.h"
#include "agent/faults/fault.h"
#include "core/clock.h"
#include "core/error.h"

namespace postern::agent {

enum class VpcFinding {
    kUnknown,  // not asked yet, no answer, or no address to compare with
    kSame,     // the link's addresses, all of them
    kFewer,    // some of them and no other: zone affinity, or a record that was forgotten
    kOther,    // an address that is none of the endpoint's
    kNoName,   // the name has no address there
    kCount,
};
std::string_view to_string(VpcFinding finding);  // "same"

/// From so many failures in a row on, the last answer is not known to hold any more.
inline constexpr int kVpcAnswerLost = 2;

struct VpcAnswer {
    std::string host;
    std::vector<core::IpAddress> addresses;  // of the last answer, sorted
    bool no_name = false;                    // the last answer: the name has no address
    bool partial = false;                    // one address family was answered, the other not
    core::Micros at_wall_us = 0;             // of the last answer; 0: none yet
    std::optional<core::Error> error;        // why the last question has none
    int failed_in_row = 0;
    std::uint64_t attempts = 0, failures = 0;

    VpcFinding finding = VpcFinding::kUnknown;
    std::vector<core::IpAddress> missing;  // addresses of the link that are not answered
    std::vector<core::IpAddress> foreign;  // answered, but not the endpoint's
    std::string_view says = "unasked";     // the finding's key among the catalogue's "vpc" texts, filled with:
    doctor::Values values;                 // host, found, foreign, missing, expected, why
    std::string text;                      // it in English

    /// Whether the last answer counts: there is one, and questions since then were not lost.
    bool known() const { return at_wall_us != 0 && failed_in_row < kVpcAnswerLost; }
    /// Whether the last answer tells if the address is in it: it is known, and so is the address's family.
    bool tells_of(const core::IpAddress& ip) const;
    /// The last answer has the address.
    bool has(const core::IpAddress& ip) const;
};

/// Sets finding, missing, foreign, says, values and text. The addresses to expect are the link's; those of zones that it leaves out
/// are the endpoint's as well.
void judge_vpc_answer(VpcAnswer& answer, const DiscoveryStatus& link);

}  // namespace postern::agent

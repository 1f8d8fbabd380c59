// SPDX-License-Identifier: Apache-2.0
// The answer for a name: endpoints × verdicts × the host's zone. Pure; a table test covers it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "core/clock.h"
#include "probe/probe_types.h"

namespace postern::agent {

/// The probing state of one address.
struct AddressVerdict {
    EndpointAddress address;
    probe::Verdict verdict;            // unknown without a probe: counts as healthy
    bool service_comparable = false;   // its service fails, and the reason can be its own
    core::Micros last_ok_mono_us = 0;  // 0: never
    bool newcomer = false;             // added to others that are good, and never passed
    bool rate_too_low = false;         // fails more often than its peers and than the link's rate_below allows
    bool drained = false;              // a person has asked to leave it out for a time (drains)
};

struct AnswerDecision {
    std::vector<core::IpAddress> fresh;  // the answer while the verdicts are valid; not empty if there is an address
    std::vector<core::IpAddress> stale;  // every address, last healthy first: once the verdicts have expired
    bool all_down = false;               // none of any family is left: all are answered
    core::Message explain;               // "10.0.1.23 up, own zone; 10.0.2.9 withdrawn: path down"
};

/// - An address whose path is down is withdrawn.
/// - One whose service fails comparably, or whose rate is too low, is withdrawn only while another address of the name
///   passes; a newcomer is not answered while another is good.
/// - A drained one is withdrawn while another one of its family may be answered.
/// - A family (A, AAAA) for which that leaves none has all of its addresses answered, what worked last first.
/// - Order otherwise: own zone first, then by address: stable, so that connection pools and JVMs keep their addresses.
AnswerDecision decide_answer(const std::vector<AddressVerdict>& addresses, const std::string& host_zone);

/// Why those that `leaves` selects may not be drained in addition to those that are: it would leave no address that is
/// known to be good, or none in a family (A, AAAA) that loses one. "": they may.
core::Message why_not_drained(const std::vector<AddressVerdict>& addresses,
                              const std::function<bool(const EndpointAddress&)>& leaves);

}  // namespace postern::agent

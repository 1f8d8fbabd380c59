// Which addresses a name is answered with: endpoints × verdicts × the host's zone. Pure; a table test covers it.
#pragma once

#include <string>
#include <vector>

#include "agent/endpoint/endpoint_set.h"
#include "core/clock.h"
#include "probe/probe_types.h"

namespace postern::agent {

/// What probing knows of one address.
struct AddressVerdict {
    EndpointAddress address;
    probe::Verdict verdict;            // unknown where nothing was probed: counts as healthy
    bool service_comparable = false;   // its service fails with a reason that may be this address's alone (5xx, …)
    core::Micros last_ok_mono_us = 0;  // 0: never
};

struct AnswerDecision {
    std::vector<core::IpAddress> fresh;  // what to answer while the verdicts hold; never empty if there is an address
    std::vector<core::IpAddress> stale;  // every address, last healthy first: for when the verdicts have aged
    bool all_down = false;               // every path is down: all are answered
    std::string explain;                 // "10.0.1.23 up, own zone; 10.0.2.9 withdrawn: path down"
};

/// - An address whose path is down is withdrawn.
/// - One whose service fails comparably is withdrawn only while another answered address of the name passes.
/// - If that leaves none, all are answered (fail open).
/// - Order: own zone first, then by address: stable, so pools and JVMs keep what they have.
AnswerDecision decide_answer(const std::vector<AddressVerdict>& addresses, const std::string& host_zone);

}  // namespace postern::agent

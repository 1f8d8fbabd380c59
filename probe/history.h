// SPDX-License-Identifier: Apache-2.0
// The last results of every address in memory: a ring of all results, and one of failures only, so that successes
// don't displace them. Assigns the sequence numbers, one series for all addresses. Uses about 120 bytes per success,
// and the detail in addition per failure. Owned by the agent, loop thread only.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "probe/record.h"

namespace postern::probe {

struct HistoryLimits {
    std::size_t results = 256;  // per address
    std::size_t failures = 64;  // per address
};

class History {
  public:
    explicit History(HistoryLimits limits = {}, std::uint64_t first_seq = 1);
    ~History();

    /// Stores the result and returns its record.
    Record add(const ProbeResult& result, const Fold& fold);
    /// Newest first, `limit` at most, with the failures that are no longer in the ring of all results.
    std::vector<Record> query(const RecordFilter& filter, std::size_t limit) const;
    /// The last results of one address, oldest first, one character each: '+' success, '~' success of a degraded
    /// address, 'x' failure, '?' local_*. token_missing is a success.
    std::string recent(const std::string& link, const core::IpAddress& ip, std::size_t limit) const;
    /// Drops addresses that are not `probed` and have no result since `before_wall_us`.
    void forget(core::Micros before_wall_us,
                const std::function<bool(const std::string& link, const core::IpAddress& ip)>& probed);

  private:
    struct Slot;     // a compact record
    struct Address;  // what all records of an address have in common, and the two rings

    HistoryLimits limits_;
    std::uint64_t next_seq_;
    std::map<std::pair<std::string, core::IpAddress>, std::unique_ptr<Address>> addresses_;
};

}  // namespace postern::probe

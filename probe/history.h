// The last results of every address in memory: a ring of all results, and one of failures that successes never push
// out. Sequence numbers are given here, one series for all addresses.
// Owned by the agent, loop thread only. About 120 bytes a success, plus the detail of a failure.
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

    /// Keeps it and returns it as the record that was kept.
    Record add(const ProbeResult& result, const Fold& fold);
    /// Newest first, at most `limit`; failures that have left the ring of results are there, too.
    std::vector<Record> query(const RecordFilter& filter, std::size_t limit) const;
    /// The last results of one address, oldest first, a mark each: '+' good, '~' good and the address degraded, 'x' failed,
    /// '?' says nothing of the address (local_*).
    std::string recent(const std::string& link, const core::IpAddress& ip, std::size_t limit) const;
    /// Drops addresses that are not `probed` and have had nothing since `before_wall_us`.
    void forget(core::Micros before_wall_us,
                const std::function<bool(const std::string& link, const core::IpAddress& ip)>& probed);
    std::uint64_t next_seq() const { return next_seq_; }

  private:
    struct Slot;     // a compact record
    struct Address;  // what is the same in all records of an address, and the two rings

    HistoryLimits limits_;
    std::uint64_t next_seq_;
    std::map<std::pair<std::string, core::IpAddress>, std::unique_ptr<Address>> addresses_;
};

}  // namespace postern::probe

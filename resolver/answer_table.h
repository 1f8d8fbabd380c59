// Finds the owner of a private name: open addressing over the plan's owners. Built once a plan, then read
// only.
#pragma once

#include <vector>

#include "core/plan.h"
#include "resolver/dns_name.h"

namespace postern::resolver {

class AnswerTable {
  public:
    AnswerTable() = default;
    /// Keeps indexes into `owners`; the plan that holds them must live as long. Of equal names the first
    /// counts.
    AnswerTable(const std::vector<core::OwnerView>& owners, std::uint64_t seed);

    /// Index of the owner with exactly this lower-case name, or -1.
    std::int64_t find(ByteView name, const std::vector<core::OwnerView>& owners) const;

  private:
    struct Slot {
        std::uint32_t tag = 0;
        std::uint32_t owner_plus_1 = 0;  // 0: free
    };
    std::vector<Slot> slots_;  // a power of two, at most half full
    std::uint64_t seed_ = 0;
};

/// The answer of `owner` for a type at a time; nullptr: SERVFAIL + EDE 14, its addresses are not known yet.
const core::AnswerView* select_answer(const core::PlanView& plan, const core::OwnerView& owner, std::uint16_t type,
                                      bool fresh);

}  // namespace postern::resolver

// SPDX-License-Identifier: Apache-2.0
// Finds the owner of a private name: a hash table with open addressing over the owners of one plan. Immutable.
#pragma once

#include <vector>

#include "core/plan.h"
#include "resolver/dns_name.h"

namespace postern::resolver {

class AnswerTable {
  public:
    AnswerTable() = default;
    /// Stores indexes into `owners`. Of equal names the first one is found.
    AnswerTable(const std::vector<core::OwnerView>& owners, std::uint64_t seed);

    /// Index into `owners`, which must be those of the constructor, of the one with this lower-case name;
    /// -1 for none.
    std::int64_t find(ByteView name, const std::vector<core::OwnerView>& owners) const;

  private:
    struct Slot {
        std::uint32_t tag = 0;
        std::uint32_t owner_plus_1 = 0;  // 0: free
    };
    std::vector<Slot> slots_;  // a power of two, at most half full
    std::uint64_t seed_ = 0;
};

/// The answer of `owner` for a type, the fresh or the stale one; nullptr when its addresses are not known yet
/// (SERVFAIL with EDE 14).
const core::AnswerView* select_answer(const core::PlanView& plan, const core::OwnerView& owner, std::uint16_t type,
                                      bool fresh);

}  // namespace postern::resolver

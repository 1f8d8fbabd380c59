// SPDX-License-Identifier: Apache-2.0
#include "resolver/answer_table.h"

#include <algorithm>
#include <bit>

namespace postern::resolver {

AnswerTable::AnswerTable(const std::vector<core::OwnerView>& owners, std::uint64_t seed) : seed_(seed) {
    slots_.resize(std::bit_ceil(std::max<std::size_t>(owners.size() * 2, 16)));
    for (std::size_t i = 0; i < owners.size(); ++i) {
        const std::uint64_t hash = hash_bytes(owners[i].name, seed_);
        std::size_t at = hash & (slots_.size() - 1);
        while (slots_[at].owner_plus_1 != 0)
            at = (at + 1) & (slots_.size() - 1);
        slots_[at] = {static_cast<std::uint32_t>(hash >> 32), static_cast<std::uint32_t>(i + 1)};
    }
}

std::int64_t AnswerTable::find(ByteView name, const std::vector<core::OwnerView>& owners) const {
    if (slots_.empty()) return -1;
    const std::uint64_t hash = hash_bytes(name, seed_);
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t at = hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
        const Slot& slot = slots_[at];
        if (slot.owner_plus_1 == 0) return -1;
        if (slot.tag != tag) continue;
        const ByteView other = owners[slot.owner_plus_1 - 1].name;
        if (other.size() == name.size() && std::equal(name.begin(), name.end(), other.begin())) {
            return std::int64_t{slot.owner_plus_1} - 1;
        }
    }
}

const core::AnswerView* select_answer(const core::PlanView& plan, const core::OwnerView& owner, std::uint16_t type,
                                      bool fresh) {
    if (!owner.ready) return nullptr;
    const core::RrsetView* set = plan.rrsets.data() + owner.first_rrset;
    for (std::uint32_t i = 0; i < owner.rrset_count; ++i) {
        if (set[i].type == type) return fresh ? &set[i].fresh : &set[i].stale;
    }
    return &owner.other;
}

}  // namespace postern::resolver

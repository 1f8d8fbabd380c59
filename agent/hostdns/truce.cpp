// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/truce.h"

#include <algorithm>

namespace postern::agent {
namespace {

constexpr core::Micros kRewriteWindow = core::kMinute;
constexpr core::Micros kTruceWindow = 120 * core::kMinute;
constexpr core::Micros kFirst = core::kMinute, kLongest = 15 * core::kMinute;

void add(std::vector<core::Micros>& times, core::Micros now_us, core::Micros window) {
    std::erase_if(times, [&](core::Micros t) { return t > now_us || now_us - t > window; });
    times.push_back(now_us);
}

core::Micros length(std::size_t truces) {
    core::Micros length = kFirst;
    for (std::size_t i = 1; i < truces && length < kLongest; ++i)
        length *= 2;
    return std::min(length, kLongest);
}

}  // namespace

bool count_rewrite(Journal& journal, core::Micros now_us) {
    add(journal.rewrites, now_us, kRewriteWindow);
    return journal.rewrites.size() >= kRewritesToTruce;
}

void begin_truce(Journal& journal, core::Micros now_us) {
    add(journal.truces, now_us, kTruceWindow);
}

core::Micros truce_end(const Journal& journal) {
    const core::Micros last = journal.rewrites.empty() ? 0 : journal.rewrites.back();
    return std::max(last, journal.since_wall_us) + length(journal.truces.size());
}

bool truce_is_over(const Journal& journal, core::Micros now_us) {
    return now_us >= truce_end(journal) || now_us + kLongest < truce_end(journal);
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The times of one address on the page without a script: as a drawing (p50 as a line, up to p95 as a band, crosses where
// probes failed), in a sentence, and as a table. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/serving/page_words.h"
#include "core/clock.h"
#include "probe/rollup.h"

namespace postern::agent {

enum class PageRange { kHour, kDay, kWeek, kMonth };
std::string_view to_string(PageRange range);  // "hour"
/// nullopt: none of them.
std::optional<PageRange> parse_page_range(std::string_view text);
core::Micros length_of(PageRange range);
/// What the roll-ups of a range have to be: minutes, or of a week and a month hours.
probe::Resolution resolution_of(PageRange range);

/// A time of the chart: the median of its periods' p50, the highest p95, the sums of the counts.
struct ChartPoint {
    core::Micros at_wall_us = 0;
    std::optional<core::Micros> p50_us, p95_us;  // of the total
    std::uint64_t attempts = 0, failures = 0;
    probe::Reason reason = probe::Reason::kNone;  // the most common one
};
/// `rollups`: oldest first; those within the last `range` of `now_wall_us` count. Each point is `step_us` wide.
std::vector<ChartPoint> chart_points(std::span<const probe::Rollup> rollups, PageRange range, core::Micros step_us,
                                     core::Micros now_wall_us);

/// The drawing with its sentence, and the table. Says so if there is nothing to draw.
std::string chart_section(std::span<const probe::Rollup> rollups, PageRange range, core::Micros now_wall_us,
                          const PageWords& words);

}  // namespace postern::agent

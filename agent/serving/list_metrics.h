// SPDX-License-Identifier: Apache-2.0
// The metrics of the fleet's list, and of this host's report to the fleet. Pure; any thread.
#pragma once

#include "agent/status/status.h"
#include "agent/text/metrics_writer.h"

namespace postern::agent {

/// None without a list_url. What is not known yet has no sample: an age of 0 would be a fresh list.
void list_metrics(MetricsWriter& w, const ListStatus& list, Micros now_wall_us);
/// None where this host does not report. No age before the first report was written.
void report_metrics(MetricsWriter& w, const ReportStatus& report, Micros now_wall_us);

}  // namespace postern::agent

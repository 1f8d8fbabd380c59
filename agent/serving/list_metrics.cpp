// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/list_metrics.h"

namespace postern::agent {

void list_metrics(MetricsWriter& w, const ListStatus& list, Micros now_wall_us) {
    if (!list.configured) return;
    const MetricsWriter::Labels labels{{"fleet", list.fleet}};
    const auto seconds = [](Micros us) { return static_cast<double>(us) / core::kSecond; };
    w.family("postern_discovery_list_age_seconds", "gauge", "Time since the list in use was written.");
    if (list.list) w.sample(labels, seconds(list.list->age(now_wall_us)));
    w.family("postern_discovery_list_generation", "gauge", "Generation of the list in use.");
    if (list.list) w.sample(labels, static_cast<double>(list.list->number.generation));
    w.family("postern_discovery_list_not_after_timestamp_seconds", "gauge", "Until when the list in use is valid.");
    if (list.list) w.sample(labels, seconds(list.list->not_after_wall_us));
    w.family("postern_discovery_list_ok", "gauge",
             "1: the last attempt gave a list that is used, or said that it is unchanged.");
    if (list.asked) w.sample(labels, list.list && !list.unreachable && !list.refused ? 1.0 : 0.0);
}

void report_metrics(MetricsWriter& w, const ReportStatus& report, Micros now_wall_us) {
    if (!report.configured) return;
    const MetricsWriter::Labels labels{{"fleet", report.fleet}};
    w.family("postern_fleet_report_age_seconds", "gauge", "Time since this host's report was written last.");
    if (report.written_wall_us > 0)
        w.sample(labels, static_cast<double>(now_wall_us - report.written_wall_us) / core::kSecond);
    w.family("postern_fleet_report_writes_total", "counter", "Attempts to write this host's report.");
    w.sample({{"fleet", report.fleet}, {"outcome", "ok"}}, static_cast<double>(report.writes));
    w.sample({{"fleet", report.fleet}, {"outcome", "failed"}}, static_cast<double>(report.failures));
}

}  // namespace postern::agent

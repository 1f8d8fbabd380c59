// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/list_metrics.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string written(const ListStatus& list, Micros now_wall_us = 1000 * core::kSecond) {
    MetricsWriter w;
    list_metrics(w, list, now_wall_us);
    return w.take();
}

}  // namespace

TEST_CASE("list metrics: none without a list, and no age before there is one", "[list_metrics]") {
    CHECK(written({}).empty());
    ListStatus list{.configured = true, .fleet = "prod"};
    CHECK(written(list).find("{fleet") == std::string::npos);
    list.asked = true;
    CHECK(written(list).find("postern_discovery_list_ok{fleet=\"prod\"} 0") != std::string::npos);
}

TEST_CASE("list metrics: age, generation, validity, use", "[list_metrics]") {
    ListStatus list{.configured = true, .fleet = "prod"};
    list.asked = true;
    FleetList known;
    known.number = {7, 400 * core::kSecond};
    known.not_after_wall_us = 2000 * core::kSecond;
    list.list = std::make_shared<FleetList>(known);
    const std::string text = written(list);
    for (const char* line : {"postern_discovery_list_age_seconds{fleet=\"prod\"} 600\n",
                             "postern_discovery_list_generation{fleet=\"prod\"} 7\n",
                             "postern_discovery_list_not_after_timestamp_seconds{fleet=\"prod\"} 2000\n",
                             "postern_discovery_list_ok{fleet=\"prod\"} 1\n"}) {
        INFO(text);
        CHECK(text.find(line) != std::string::npos);
    }
    list.refused = ListRefusal{ListProblem::kOlder, ""};
    CHECK(written(list).find("list_ok{fleet=\"prod\"} 0") != std::string::npos);
}

TEST_CASE("report metrics: none without a report, and no age before the first is written", "[list_metrics]") {
    const auto text_of = [](const ReportStatus& report) {
        MetricsWriter w;
        report_metrics(w, report, 100 * core::kSecond);
        return w.take();
    };
    ReportStatus report;
    CHECK(text_of(report).empty());
    report.configured = true;
    report.fleet = "prod";
    report.failures = 3;
    CHECK(text_of(report).find("postern_fleet_report_age_seconds{") == std::string::npos);
    CHECK(text_of(report).find("postern_fleet_report_writes_total{fleet=\"prod\",outcome=\"failed\"} 3") !=
          std::string::npos);
    report.written_wall_us = 60 * core::kSecond;
    CHECK(text_of(report).find("postern_fleet_report_age_seconds{fleet=\"prod\"} 40") != std::string::npos);
}

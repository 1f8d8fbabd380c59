// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/page_chart.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::kHour;
using core::kMinute;
using core::kSecond;
using probe::Reason;

namespace {

constexpr core::Micros kNow = 1767323045LL * kSecond;  // 2026-01-02T03:04:05Z

probe::Rollup minute(core::Micros ago, core::Micros p50, std::uint32_t failures = 0) {
    probe::Rollup r;
    r.start_wall_us = kNow - kNow % kMinute - ago;
    r.attempts = 6;
    r.failures = failures;
    if (failures > 0) r.reasons[0] = {Reason::kTcpTimeout, failures};
    if (p50 > 0) r.series[probe::kTotal] = probe::Spread{p50 / 2, p50, 2 * p50, 3 * p50, 4 * p50};
    return r;
}

}  // namespace

TEST_CASE("chart: periods of a point are put together: the median p50, the highest p95, all failures", "[page]") {
    const std::vector rollups{minute(3 * kMinute, 1000), minute(2 * kMinute, 9000), minute(kMinute, 2000, 2),
                              minute(0, 0, 6),           minute(-kMinute, 5000),    minute(2 * kHour, 7000)};
    const auto points = chart_points(rollups, PageRange::kHour, 5 * kMinute, kNow);
    REQUIRE(points.size() == 1);  // 03:00 to 03:05; neither what is older than the range nor the future
    CHECK(points[0].attempts == 24);
    CHECK(points[0].failures == 8);
    CHECK(points[0].p50_us == 2000);
    CHECK(points[0].p95_us == 18000);
    CHECK(points[0].reason == Reason::kTcpTimeout);
    const auto fine = chart_points(rollups, PageRange::kHour, kMinute, kNow);
    REQUIRE(fine.size() == 4);
    CHECK_FALSE(fine[3].p50_us);
}

TEST_CASE("chart: a gap is no line, a failure is a cross, and nothing leaves the drawing", "[page]") {
    std::vector<probe::Rollup> rollups;
    for (int i = 50; i > 0; --i)
        rollups.push_back(minute(i * kMinute, i > 20 && i < 30 ? 0 : 3000 + 10 * i, i == 25 ? 6 : i == 10 ? 1 : 0));
    const std::string page = chart_section(rollups, PageRange::kHour, kNow, page_words("en"));
    const auto path = [&](std::string_view name) {
        const auto at = page.find("<path class=\"" + std::string(name) + "\" d=\"");
        REQUIRE(at != std::string::npos);
        return page.substr(at, page.find("/>", at) - at);
    };
    const auto runs = [](const std::string& text) { return std::count(text.begin(), text.end(), 'M'); };
    CHECK(runs(path("line")) == 2);
    CHECK(runs(path("band")) == 2);
    CHECK(runs(path("failures")) == 2);
    CHECK(runs(path("outage")) == 1);  // one probe of six is none
    CHECK(page.find("p95 at most 7.0 ms; 7 of 300 probes failed.") != std::string::npos);
    CHECK(page.find("nan") == std::string::npos);
    CHECK(page.find("tcp_timeout") != std::string::npos);
    CHECK(chart_section({}, PageRange::kDay, kNow, page_words("zh")).find("该时段没有测量数据。") != std::string::npos);
}

TEST_CASE("chart: ranges by their names", "[page]") {
    for (const auto range : {PageRange::kHour, PageRange::kDay, PageRange::kWeek, PageRange::kMonth})
        CHECK(parse_page_range(to_string(range)) == range);
    CHECK_FALSE(parse_page_range("year"));
    CHECK_FALSE(parse_page_range(""));
    CHECK(length_of(PageRange::kWeek) == 7 * core::kDay);
    CHECK(resolution_of(PageRange::kWeek) == probe::Resolution::kHour);
    CHECK(resolution_of(PageRange::kMonth) == probe::Resolution::kHour);
}

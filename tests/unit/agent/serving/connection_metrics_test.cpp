// SPDX-License-Identifier: Apache-2.0
#include "agent/serving/connection_metrics.h"

#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::State;

namespace {

std::string text_of(const StatusSnapshot& s) {
    MetricsWriter w;
    connection_metrics(w, s);
    return w.take();
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: connections of applications are absent while they are not known", "[metrics]") {
    auto s = snapshot({link({address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kUp),
                             address("10.0.2.9", "cn-hangzhou-i", State::kDown, State::kUnknown)})});
    CHECK(has_line(text_of(s), "postern_app_connections_known 0"));
    CHECK(text_of(s).find("postern_app_connections{") == std::string::npos);
    s.links[0].compare.emplace();
    auto report = connections_report(s.now_wall_us);
    add_connections(report, s);
    const std::string text = text_of(s);
    for (const char* line :
         {R"(postern_app_connections{link="tdengine-prod",ip="10.0.2.9",state="established"} 12)",
          R"(postern_app_connections{link="tdengine-prod",ip="10.0.2.9",state="connecting"} 0)",
          R"(postern_app_connections{link="tdengine-prod",ip="10.0.1.23",state="established"} 0)",
          R"(postern_app_connections_stuck{link="tdengine-prod",ip="10.0.2.9"} 9)",
          R"(postern_app_unacked_bytes{link="tdengine-prod",ip="10.0.2.9"} 900)",
          R"(postern_app_bypass_connections{link="tdengine-prod"} 3)",
          R"(postern_app_rtt_seconds_bucket{link="tdengine-prod",ip="10.0.2.9",le="0.0001"} 4)",
          R"(postern_app_rtt_seconds_count{link="tdengine-prod",ip="10.0.2.9"} 5)",
          R"(postern_app_timeouts_bucket{link="tdengine-prod",ip="10.0.2.9",le="0"} 5)", "postern_app_looks_total 3",
          "postern_app_look_cpu_seconds_total 0.0015", "postern_app_connections_known 1"}) {
        INFO(line);
        CHECK(has_line(text, line));
    }
    report.complete = false;  // the numbers are "at least"
    add_connections(report, s);
    CHECK(has_line(text_of(s), "postern_app_connections_known 0"));
}

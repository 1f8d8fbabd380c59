// SPDX-License-Identifier: Apache-2.0
#include "agent/text/metrics_writer.h"

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("metrics writer: a family, then its samples", "[metrics]") {
    MetricsWriter out;
    out.family("postern_up", "gauge", "Whether it is up.");
    out.sample({{"link", "a"}, {"ip", "10.0.0.1"}}, 1);
    out.sample({}, 0.5);
    out.single("postern_total", "counter", "All.", 18446744073709551615u);
    CHECK(out.take() ==
          "# HELP postern_up Whether it is up.\n"
          "# TYPE postern_up gauge\n"
          "postern_up{link=\"a\",ip=\"10.0.0.1\"} 1\n"
          "postern_up 0.5\n"
          "# HELP postern_total All.\n"
          "# TYPE postern_total counter\n"
          "postern_total 18446744073709551615\n");
}

TEST_CASE("metrics writer: a label's value can't end its quotes or its line", "[metrics]") {
    MetricsWriter out;
    out.family("m", "gauge", "h");
    out.sample({{"link", "a\"b\\c\nd{}=, e"}}, 1);
    CHECK(out.take() == "# HELP m h\n# TYPE m gauge\nm{link=\"a\\\"b\\\\c\\nd{}=, e\"} 1\n");
}

TEST_CASE("metrics writer: buckets become cumulative, missing ones are zeros", "[metrics]") {
    MetricsWriter out;
    out.family("t", "histogram", "h");
    out.histogram({{"p", "x"}}, {0.0001, 0.5, 10}, {1, 2, 0, 4}, 1.25);
    out.histogram({}, {1, 2}, {3}, 0);
    CHECK(out.take() ==
          "# HELP t h\n# TYPE t histogram\n"
          "t_bucket{p=\"x\",le=\"0.0001\"} 1\n"
          "t_bucket{p=\"x\",le=\"0.5\"} 3\n"
          "t_bucket{p=\"x\",le=\"10\"} 3\n"
          "t_bucket{p=\"x\",le=\"+Inf\"} 7\n"
          "t_sum{p=\"x\"} 1.25\n"
          "t_count{p=\"x\"} 7\n"
          "t_bucket{le=\"1\"} 3\n"
          "t_bucket{le=\"2\"} 3\n"
          "t_bucket{le=\"+Inf\"} 3\n"
          "t_sum 0\n"
          "t_count 3\n");
}

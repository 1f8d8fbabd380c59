// SPDX-License-Identifier: Apache-2.0
#include <regex>
#include <set>
#include <sstream>

#include "tests/unit/agent/serving/views_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::State;

namespace {

StatusSnapshot sample() {
    auto s = snapshot({link({address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kUp),
                             address("10.0.2.9", "cn-hangzhou-i", State::kDown, State::kUnknown,
                                     probe::Reason::kTcpRefused, probe::Phase::kConnect)})});
    s.resolver.stats.latency_buckets[0] = 3;
    s.resolver.stats.latency_buckets[2] = 4;
    s.resolver.stats.latency_buckets.back() = 1;
    auto& good = s.links[0].addresses[0].counters;
    good.attempts = 5;
    good.phases[0].buckets = {4, 1};
    good.phases[0].sum_s = 0.0005;
    auto& bad = s.links[0].addresses[1].counters;
    bad.attempts = 8;
    bad.failures[probe::Reason::kTcpRefused] = 3;
    judge(s);
    return s;
}

bool has_line(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("metrics: every line is Prometheus text, each family has HELP and TYPE once, no series is there twice",
          "[metrics]") {
    std::istringstream in(metrics_text(sample()));
    const std::regex series(R"re(([a-zA-Z_:][\w:]*)(\{(\w+="([^"\\]|\\.)*",?)*\})? (\S+))re");
    std::set<std::string> helped, typed, seen;
    std::smatch m;
    for (std::string line; std::getline(in, line);) {
        INFO(line);
        if (line.starts_with("# HELP ")) {
            CHECK(helped.insert(line.substr(7, line.find(' ', 7) - 7)).second);
        } else if (line.starts_with("# TYPE ")) {
            CHECK(typed.insert(line.substr(7, line.find(' ', 7) - 7)).second);
        } else {
            REQUIRE(std::regex_match(line, m, series));
            CHECK(seen.insert(m[1].str() + m[2].str()).second);
            const std::string family = std::regex_replace(m[1].str(), std::regex("_(bucket|sum|count)$"), "");
            CHECK((typed.count(m[1].str()) == 1 || typed.count(family) == 1));
            CHECK((line.starts_with("postern_") || line.starts_with("process_")));
        }
    }
    CHECK(helped == typed);
}

TEST_CASE("metrics: histograms are cumulative and end with +Inf, sum and count", "[metrics]") {
    const std::string text = metrics_text(sample());
    CHECK(has_line(text, "postern_dns_request_duration_seconds_bucket{le=\"1e-05\"} 3"));
    CHECK(has_line(text, "postern_dns_request_duration_seconds_bucket{le=\"5e-05\"} 7"));
    CHECK(has_line(text, "postern_dns_request_duration_seconds_bucket{le=\"+Inf\"} 8"));
    CHECK(has_line(text, "postern_dns_request_duration_seconds_count 8"));
}

TEST_CASE("metrics: the names that dashboards rely on", "[metrics]") {
    const std::string text = metrics_text(sample());
    for (const char* line :
         {"postern_build_info{version=\"0.1.0\"} 1",
          "postern_endpoint_up{link=\"tdengine-prod\",ip=\"10.0.1.23\",zone=\"cn-hangzhou-h\"} 1",
          "postern_endpoint_up{link=\"tdengine-prod\",ip=\"10.0.2.9\",zone=\"cn-hangzhou-i\"} 0",
          "postern_endpoint_state{link=\"tdengine-prod\",ip=\"10.0.2.9\",zone=\"cn-hangzhou-i\",state="
          "\"down\"} 1",
          "postern_probe_attempts_total{link=\"tdengine-prod\",ip=\"10.0.2.9\",zone=\"cn-hangzhou-i\"} 8",
          "postern_probe_failures_total{link=\"tdengine-prod\",ip=\"10.0.2.9\",zone=\"cn-hangzhou-i\",reason="
          "\"tcp_refused\"} 3",
          "postern_probe_failures_total{link=\"tdengine-prod\",ip=\"10.0.1.23\",zone=\"cn-hangzhou-h\","
          "reason=\"tcp_refused\"} 0",
          "postern_probe_phase_duration_seconds_bucket{link=\"tdengine-prod\",ip=\"10.0.1.23\",zone=\"cn-"
          "hangzhou-h\",phase=\"connect\",le=\"0.0001\"} 4",
          "postern_probe_phase_duration_seconds_count{link=\"tdengine-prod\",ip=\"10.0.1.23\",zone=\"cn-"
          "hangzhou-h\",phase=\"connect\"} 5",
          "postern_link_up{link=\"tdengine-prod\"} 1",
          "postern_link_discovery_confirmed_timestamp_seconds{link=\"tdengine-prod\"} 1767323031",
          "postern_plan_generation{which=\"published\"} 21474836492",
          "postern_plan_generation{which=\"accepted\"} 21474836492",
          "postern_dns_queries_total{source=\"private\",rcode=\"NOERROR\",proto=\"udp\"} 300",
          "postern_dns_private_answers{link=\"tdengine-prod\"} 1",
          "postern_dns_upstream_requests_total{upstream=\"100.100.2.136:53\",outcome=\"answered\"} 936",
          "postern_discovery_requests_total{action=\"ListVpcEndpointZones\",code=\"ok\"} 42",
          "postern_config_last_reload_successful 1"}) {
        INFO(line);
        CHECK(has_line(text, line));
    }
    for (const char* name :
         {"postern_dns_cache_hits_total", "postern_dns_upstream_rtt_seconds_count",
          "postern_probe_phase_duration_seconds_count{", "postern_probe_schedule_lag_seconds_count",
          "postern_tls_not_after_timestamp_seconds", "postern_discovery_last_success_timestamp_seconds",
          "postern_hostdns_state", "process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds",
          "process_max_fds"}) {
        INFO(name);
        CHECK(text.find(std::string("\n") + name) != std::string::npos);
    }
}

TEST_CASE("metrics: drained addresses", "[metrics]") {
    auto s = sample();
    s.links[0].addresses[1].drained = true;
    const std::string text = metrics_text(s);
    CHECK(has_line(text, "postern_drained{link=\"tdengine-prod\",ip=\"10.0.1.23\",zone=\"cn-hangzhou-h\"} 0"));
    CHECK(has_line(text, "postern_drained{link=\"tdengine-prod\",ip=\"10.0.2.9\",zone=\"cn-hangzhou-i\"} 1"));
}

TEST_CASE("metrics: comparisons are there where a link compares", "[metrics]") {
    auto s = sample();
    CHECK(metrics_text(s).find("postern_compare") == std::string::npos);
    auto& c = s.links[0].compare.emplace();
    c.host = "gw.example.com";
    c.attempts = 7;
    c.failures = 2;
    c.finding = Comparison::kBothWork;
    c.private_median_us = 3100;
    c.public_median_us = 12400;
    const std::string text = metrics_text(s);
    CHECK(has_line(text, R"(postern_compare_finding{link="tdengine-prod",finding="both_work"} 1)"));
    CHECK(has_line(text, R"(postern_compare_finding{link="tdengine-prod",finding="service_down"} 0)"));
    CHECK(has_line(text, R"(postern_compare_median_seconds{link="tdengine-prod",way="private"} 0.0031)"));
    CHECK(has_line(text, R"(postern_compare_median_seconds{link="tdengine-prod",way="public"} 0.0124)"));
    CHECK(has_line(text, R"(postern_compare_attempts_total{link="tdengine-prod"} 7)"));
    CHECK(has_line(text, R"(postern_compare_failures_total{link="tdengine-prod"} 2)"));
}

TEST_CASE("metrics: label values are escaped", "[metrics]") {
    auto s = sample();
    s.discovery.requests[{"A\"B", "x\\y\nz"}] = 1;
    CHECK(has_line(metrics_text(s), "postern_discovery_requests_total{action=\"A\\\"B\",code=\"x\\\\y\\nz\"} 1"));
}

TEST_CASE("metrics: of many addresses the probes are counted by link", "[metrics]") {
    std::vector<AddressStatus> many;
    for (int i = 0; i < 33; ++i) {
        many.push_back(address(("10.0.3." + std::to_string(i)).c_str(), "z", State::kUp, State::kUp));
        many.back().counters.attempts = 2;
        many.back().counters.phases[1].buckets = {1, 1};
        many.back().counters.failures[probe::Reason::kTcpTimeout] = 1;
    }
    auto s = snapshot({link(many)});
    judge(s);
    const std::string text = metrics_text(s);
    CHECK(has_line(text, "postern_probe_attempts_total{link=\"tdengine-prod\"} 66"));
    CHECK(has_line(text, "postern_probe_failures_total{link=\"tdengine-prod\",reason=\"tcp_timeout\"} 33"));
    CHECK(has_line(text, "postern_probe_phase_duration_seconds_count{link=\"tdengine-prod\",phase=\"tls\"} 66"));
    CHECK(text.find("postern_probe_attempts_total{link=\"tdengine-prod\",ip=") == std::string::npos);
}

TEST_CASE("metrics: what is not known yet is absent, not down", "[metrics]") {
    auto s = snapshot({link({address("10.0.1.23", "z", State::kUnknown, State::kUnknown)})});
    s.links[0].discovery.source = "fixed";
    judge(s);
    const std::string text = metrics_text(s);
    for (const char* absent :
         {"postern_link_up{", "postern_endpoint_up{", "postern_link_discovery_confirmed_timestamp_seconds{"}) {
        INFO(absent);
        CHECK(text.find(std::string("\n") + absent) == std::string::npos);
    }
}

TEST_CASE("metrics: a name that is only verified has no answers of ours, and the VPC's finding", "[metrics]") {
    const std::string text = metrics_text(verified());
    for (const char* line :
         {"postern_link_verify_only{link=\"tdengine-prod\"} 1", "postern_link_up{link=\"tdengine-prod\"} 1",
          "postern_vpc_answer_finding{link=\"tdengine-prod\",finding=\"fewer\"} 1",
          "postern_vpc_answer_finding{link=\"tdengine-prod\",finding=\"same\"} 0",
          "postern_vpc_answer_attempts_total{link=\"tdengine-prod\"} 7",
          "postern_vpc_answer_failures_total{link=\"tdengine-prod\"} 2"})
        CHECK(has_line(text, line));
    const auto answered = [](const std::string& page) { return page.find("\npostern_endpoint_answered{"); };
    CHECK(answered(text) != std::string::npos);
    auto lost = verified();
    lost.links[0].vpc_answer->failed_in_row = kVpcAnswerLost;
    CHECK(answered(metrics_text(lost)) == std::string::npos);
    lost.links[0].vpc_answer.reset();
    CHECK(answered(metrics_text(lost)) == std::string::npos);
    CHECK(text.find("postern_dns_private_answers{") == std::string::npos);
    CHECK(text.find("postern_link_fail_open{") == std::string::npos);
    const std::string usual = metrics_text(sample());
    CHECK(has_line(usual, "postern_link_verify_only{link=\"tdengine-prod\"} 0"));
    CHECK(has_line(usual, "postern_dns_private_answers{link=\"tdengine-prod\"} 1"));
    CHECK(usual.find("postern_vpc_answer") == std::string::npos);
}

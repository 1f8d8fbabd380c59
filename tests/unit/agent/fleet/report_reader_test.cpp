// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/report_reader.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::Code;
using core::kMinute;
using core::kSecond;

namespace {

struct World : StoreWorld {
    Bucket bucket;
    std::string fail;  // requests of URLs with it fail
    ReportReader reader{clock, store};

    World() {
        http.set_script([this](const HttpRequest& r) -> core::Result<HttpResponse> {
            if (!fail.empty() && r.url.find(fail) != std::string::npos) return reply(503, "<Code>Down</Code>");
            return bucket(r);
        });
        reader.configure(*parse_folder_place("oss://bucket/prod/reports/"), "prod");
    }
    void put(const HostReport& report, const std::string& name = "") {
        bucket.objects[kFolder + "reports/" + (name.empty() ? report_name(report) : name)] = format_report(report);
    }
    core::Result<FleetReports> read() {
        std::optional<core::Result<FleetReports>> out;
        reader.read([&](core::Result<FleetReports> result) { out = std::move(result); });
        clock.advance(2 * kMinute);
        REQUIRE(out);
        return *out;
    }
    std::size_t gets() const { return http.requests.size() - http.count("list-type"); }
};

}  // namespace

TEST_CASE("report reader: all reports, and again only those that changed", "[report_reader]") {
    World w;
    for (int i = 0; i < 50; ++i)
        w.put(report_of_host("web-" + std::to_string(i), kZoneH));
    w.bucket.objects[kFolder + "current.json"] = "the list";
    w.bucket.objects[kFolder + "reports/notes.txt"] = "not ours";
    const auto first = w.read();
    REQUIRE(first);
    CHECK(first->reports.size() == 50);
    CHECK(first->refused.empty());
    CHECK(w.gets() == 50);
    auto changed = report_of_host("web-7", kZoneI);
    w.put(changed);
    const auto second = w.read();
    REQUIRE(second);
    CHECK(second->reports.size() == 50);
    CHECK(w.gets() == 51);
    w.bucket.objects.erase(kFolder + "reports/" + report_name(changed));
    CHECK(w.read()->reports.size() == 49);
    CHECK(w.gets() == 51);
}

TEST_CASE("report reader: hostile reports are refused and counted, the others are used", "[report_reader]") {
    World w;
    w.put(report_of_host("web-1", kZoneH));
    w.put(report_of_host("web-2", kZoneH), "web-3_i-web-3.json");
    w.bucket.objects[kFolder + "reports/big.json"] = std::string(1 << 20, 'x');
    w.bucket.objects[kFolder + "reports/broken.json"] = "{";
    const auto requests = w.read();
    REQUIRE(requests);
    CHECK(requests->reports.size() == 1);
    CHECK(requests->refused.size() == 3);
    CHECK(w.gets() == 3);  // the big one is not fetched
}

TEST_CASE("report reader: one that can't be fetched is unread, and a store that is down ends it", "[report_reader]") {
    World w;
    for (int i = 0; i < 400; ++i)
        w.put(report_of_host("web-" + std::to_string(i), kZoneH));
    w.fail = "web-7_";
    auto read = w.read();
    REQUIRE(read);
    CHECK(read->reports.size() == 399);
    CHECK(read->unread == 1);
    REQUIRE(read->problem);
    CHECK(read->problem->code == Code::kApiUnavailable);
    World down;
    for (int i = 0; i < 400; ++i)
        down.put(report_of_host("web-" + std::to_string(i), kZoneH));
    down.fail = "web-";
    read = down.read();
    REQUIRE(read);
    CHECK(read->unread == 400);
    CHECK(down.gets() < 60);
    down.fail = "list-type";
    CHECK(down.read().error().code == Code::kApiUnavailable);
}

TEST_CASE("report reader: bounded in time and side by side", "[report_reader]") {
    World w;
    for (int i = 0; i < 1000; ++i)
        w.put(report_of_host("web-" + std::to_string(i), kZoneH));
    w.http.delay_us = 10 * core::kMillisecond;
    const auto quick = w.read();
    REQUIRE(quick);
    CHECK(quick->reports.size() == 1000);
    CHECK(quick->took_us < kSecond);
    World slow;
    for (int i = 0; i < 1000; ++i)
        slow.put(report_of_host("web-" + std::to_string(i), kZoneH));
    slow.http.delay_us = 5 * kSecond;
    const auto cut = slow.read();
    REQUIRE(cut);
    CHECK(cut->took_us == ReportReader::kLongest);
    CHECK(cut->reports.size() + cut->unread == 1000);
    CHECK(cut->problem->code == Code::kTimeout);
}

TEST_CASE("report reader: a report that is gone between the list and the request is none", "[report_reader]") {
    World w;
    w.put(report_of_host("web-1", kZoneH));
    w.http.set_script([&w](const HttpRequest& r) -> core::Result<HttpResponse> {
        if (r.url.find('?') == std::string::npos) return reply(404, "<Code>NoSuchKey</Code>");
        return w.bucket(r);
    });
    const auto read = w.read();
    REQUIRE(read);
    CHECK((read->reports.empty() && read->unread == 0 && read->refused.empty()));
}

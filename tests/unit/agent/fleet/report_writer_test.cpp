// SPDX-License-Identifier: Apache-2.0
// A host's report over hours, and a fleet's at the moment in which a zone dies.
#include "agent/fleet/report_writer.h"
#include "tests/unit/agent/fleet/report_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::Code;
using core::kHour;
using core::kMinute;
using core::kSecond;
using probe::State;

namespace {

struct World : StoreWorld {
    Bucket bucket;
    bool down = false;
    std::vector<Micros> tries;
    FleetConfig config;
    ReportWriter writer{clock, random, store};
    HostReport report = report_of_host("web-1", kZoneH);
    core::Timer look{clock};

    World() {
        http.set_script([this](const HttpRequest& r) -> core::Result<HttpResponse> {
            if (r.method == "PUT") tries.push_back(clock.wall_us());
            if (down) return reply(403, "<Error><Code>AccessDenied</Code></Error>");
            return bucket(r);
        });
        config.name = "prod";
        config.report_url = "oss://bucket/prod/reports/";
        writer.configure(config);
        writer.start();
        look_again();
    }
    void look_again() {
        writer.seen(report);
        look.start_in(5 * kSecond, [this] { look_again(); });
    }
    std::optional<HostReport> written() const {
        const auto found = bucket.objects.find(kFolder + "reports/" + report_name(report));
        if (found == bucket.objects.end()) return std::nullopt;
        const auto read = read_report(found->second, report_name(report), "prod", clock.wall_us());
        return read ? std::optional(*read) : std::nullopt;
    }
    long count(const std::string& event) const { return std::count(events.begin(), events.end(), event); }
};

}  // namespace

TEST_CASE("report writer: a beat at rest, with this host's time", "[report_writer]") {
    World w;
    w.clock.advance(31 * kSecond);
    REQUIRE(w.written());
    CHECK(w.clock.wall_us() - w.written()->written_wall_us <= 31 * kSecond);
    CHECK(w.written()->interval_us == 5 * kMinute);
    w.tries.clear();
    w.clock.advance(10 * kHour);
    CHECK(w.tries.size() >= 118);
    CHECK(w.tries.size() <= 122);
    for (std::size_t i = 1; i < w.tries.size(); ++i)
        CHECK(w.tries[i] - w.tries[i - 1] <= 5 * kMinute + 31 * kSecond);
    CHECK_FALSE(w.written()->stale(w.clock.wall_us()));
}

TEST_CASE("report writer: a change is written soon, and changes without end are bounded", "[report_writer]") {
    World w;
    w.clock.advance(2 * kMinute);
    w.tries.clear();
    w.report = report_of_host("web-1", kZoneH, State::kDown);
    w.clock.advance(21 * kSecond);  // half a gap, and the look before it
    REQUIRE(w.tries.size() == 1);
    CHECK(w.written()->links[0].addresses[0].state == State::kDown);
    w.tries.clear();
    for (int i = 0; i < 360; ++i) {  // flapping for an hour
        w.report = report_of_host("web-1", kZoneH, i % 2 == 0 ? State::kUp : State::kDown);
        w.clock.advance(10 * kSecond);
    }
    CHECK(w.tries.size() <= 121);
    for (std::size_t i = 1; i < w.tries.size(); ++i)
        CHECK(w.tries[i] - w.tries[i - 1] >= 30 * kSecond);
}

TEST_CASE("report writer: a store that refuses is said once, asked ever more slowly, and written to again",
          "[report_writer]") {
    World w;
    w.down = true;
    w.clock.advance(10 * kHour);
    CHECK(w.count("report_not_written") == 1);
    CHECK(w.tries.size() < 220);
    REQUIRE(w.writer.status().problem);
    CHECK(w.writer.status().problem->code == Code::kApiDenied);
    CHECK(w.writer.status().written_wall_us == 0);
    for (const auto& line : w.log)
        CHECK(line.find("exampleSecret") == std::string::npos);
    w.down = false;
    w.clock.advance(6 * kMinute);
    CHECK(w.count("report_written") == 1);
    CHECK_FALSE(w.writer.status().problem);
    CHECK(w.written());
}

TEST_CASE("report writer: off by default, on and off by a reload, elsewhere at once", "[report_writer]") {
    World w;
    w.clock.advance(kMinute);
    REQUIRE(w.written());
    const auto tries = w.tries.size();
    FleetConfig off;
    w.writer.configure(off);
    w.clock.advance(kHour);
    CHECK(w.tries.size() == tries);
    CHECK_FALSE(w.writer.status().configured);
    FleetConfig beside;
    beside.list_url = "oss://bucket/prod/current.json";
    beside.report = true;
    w.bucket.objects.clear();
    w.writer.configure(beside);
    CHECK(w.writer.status().place == "oss://bucket/prod/reports/");
    w.clock.advance(kMinute);
    CHECK(w.bucket.objects.size() == 1);
    w.writer.stop();
    const auto stopped = w.tries.size();
    w.clock.advance(kHour);
    CHECK(w.tries.size() == stopped);
}

TEST_CASE("report writer: a thousand hosts that see a zone die do not write at once", "[report_writer]") {
    FakeClock clock;
    core::SeededRandom random{3};
    std::map<Micros, std::size_t> by_second;
    bool dead = false;
    ScriptedHttp http(clock, [&](const HttpRequest&) {
        if (dead) ++by_second[clock.wall_us() / kSecond];
        return reply(200, "");
    });
    MetadataClient metadata{clock, http, {}};
    const Environment environment = [](const std::string& name) -> std::string {
        return name == "ALIBABA_CLOUD_ACCESS_KEY_ID"       ? "LTAIexample0001"
               : name == "ALIBABA_CLOUD_ACCESS_KEY_SECRET" ? "s"
                                                           : "";
    };
    const auto credentials = default_credential_chain(clock, random, http, metadata, environment);
    ObjectStore store{clock, http, *credentials, metadata, environment};
    StoreOptions options;
    options.region = "cn-hangzhou";
    store.configure(options);
    FleetConfig config;
    config.report_url = "oss://bucket/prod/reports/";
    std::vector<std::unique_ptr<ReportWriter>> writers;
    for (int i = 0; i < 1000; ++i) {
        writers.push_back(std::make_unique<ReportWriter>(clock, random, store));
        writers.back()->configure(config);
        writers.back()->start();
        writers.back()->seen(report_of_host("web-" + std::to_string(i), kZoneH));
    }
    clock.advance(10 * kMinute);
    dead = true;
    for (int i = 0; i < 1000; ++i)
        writers[static_cast<std::size_t>(i)]->seen(report_of_host("web-" + std::to_string(i), kZoneH, State::kDown));
    clock.advance(46 * kSecond);
    std::size_t all = 0, most = 0;
    for (const auto& [second, count] : by_second) {
        all += count;
        most = std::max(most, count);
    }
    CHECK(all >= 1000);
    CHECK(most < 120);
}

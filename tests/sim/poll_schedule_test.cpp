// SPDX-License-Identifier: Apache-2.0
// Whatever happens, every source has a next poll within poll_max_interval: replies, refreshes, reloads, pauses, errors,
// news and lost credentials in random orders, the invariant checked after each step. POSTERN_SEEDS=N for more seeds.
#include <cstdlib>
#include <deque>

#include "tests/sim/sync_world.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Micros;

namespace {

constexpr Micros kLongestReply = 40 * kSecond;
constexpr Micros kFileEvery = kSecond;

/// Replies come when the test lets them, at once or late; some sources have an interval of their own.
struct MoodyCloud final : Provider {
    MoodyCloud(FakeClock& c, core::Random& r) : clock(c), random(r) {}
    void describe_endpoint(const std::string& id, Callback done) override {
        const Micros delay = at_once ? 0 : static_cast<Micros>(random.below(static_cast<std::uint64_t>(longest_reply)));
        if (delay == 0) return done(answer(id));
        clock.set_alarm(clock.mono_us() + delay, [this, id, done = std::move(done)] { done(answer(id)); });
    }
    core::Result<EndpointReport> answer(const std::string& id) const {
        if (trouble) return core::fail(*trouble);
        EndpointReport report{
            .endpoint_id = id, .status = "Active", .business_status = "Normal", .connection_status = "Connected"};
        report.zones.push_back({"h", "Connected", IpAddress::parse(moved ? "10.0.0.2" : "10.0.0.1"), {}, ""});
        report.valid_us = id.starts_with("dns:") ? 10 * kSecond : 0;
        return report;
    }
    void when_news(std::function<void(const std::string&)> tell_sync) override { tell = std::move(tell_sync); }
    Micros not_before_mono_us() const override { return not_before; }
    SourcePace pace(const std::string& id) const override {
        return id == "ep-file" ? SourcePace{kFileEvery, kFileEvery} : SourcePace{};
    }

    FakeClock& clock;
    core::Random& random;
    std::function<void(const std::string&)> tell;
    std::optional<core::Error> trouble;
    Micros longest_reply = 50 * core::kMillisecond, not_before = 0;
    bool at_once = false, moved = false;
};

struct Storm final : EndpointSync::Listener {
    explicit Storm(std::uint64_t seed) : random(seed) {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
        sync = std::make_unique<EndpointSync>(clock, random, cloud, *this);
        reload();
        sync->start();
    }
    ~Storm() override { core::capture_log({}); }
    void on_addresses(const std::string&, const EndpointSet&) override {
        if (random.below(20) == 0) sync->refresh({});
    }
    void save_addresses() override {}
    bool may_work(const IpAddress&) const override { return random.below(2) == 0; }

    std::size_t below(std::size_t n) const { return static_cast<std::size_t>(random.below(n)); }
    void reload() {
        sources.clear();
        config.links.clear();
        for (const auto* id : {"ep-1", "ep-2", "ep-3", "ep-4", "ep-5", "ep-6", "ep-7", "ep-file"}) {
            if (below(3) == 0) continue;
            sources.emplace_back(id);
            config.links.push_back(on(std::string("link-") + id, {id}));
        }
        config.aliyun.poll_interval_us = static_cast<Micros>(1 + below(60)) * kSecond;
        config.aliyun.poll_max_interval_us = config.aliyun.poll_interval_us * static_cast<Micros>(1 + below(4));
        sync->configure(config);
    }
    void step() {
        switch (below(10)) {
            case 0:
                return sync->refresh({});
            case 1:
                return below(4) == 0 ? reload() : sync->configure(config);
            case 2:
                cloud.trouble = error(below(2) == 0 ? Code::kApiThrottled : Code::kApiUnavailable);
                break;
            case 3:
                cloud.trouble = error(Code::kCredentialsMissing);
                cloud.at_once = below(2) == 0;  // known without a request
                break;
            case 4:
            case 5:
                cloud.trouble.reset();
                cloud.at_once = false;
                break;
            case 6:
                cloud.not_before =
                    std::max(cloud.not_before, clock.mono_us() + static_cast<Micros>(below(300)) * kSecond);
                break;
            case 7:
                if (!sources.empty()) cloud.tell(sources[below(sources.size())]);
                break;
            case 8:
                for (const auto& link : config.links)
                    sync->probe_failed(link.name);
                cloud.moved = !cloud.moved;
                break;
            case 9:
                cloud.longest_reply = below(3) == 0 ? kLongestReply : 50 * core::kMillisecond;
                break;
        }
    }
    void check() const {
        const Micros now = clock.mono_us();
        const Micros longest = std::max(config.aliyun.poll_max_interval_us, config.aliyun.poll_interval_us);
        // After a pause that the API asks for, hosts come within a quarter of the interval.
        const Micros pause = std::max<Micros>(cloud.not_before - now, 0) + config.aliyun.poll_interval_us / 4;
        const Micros bound = cloud.not_before > now ? std::max(longest, pause) + longest : longest + pause;
        // Others' polls come first while all slots are taken.
        const Micros queue = kLongestReply * static_cast<Micros>(1 + sources.size() / 4);
        const auto polled = sync->counters().since_poll_us;
        for (const auto& source : sources) {
            INFO(source << " at " << now);
            const Micros next = sync->next_poll_mono_us(source);
            if (next != core::kNever) {
                CHECK(next - now <= bound);
                CHECK(now - next <= queue);
            } else {
                REQUIRE(polled.count(source) == 1);
                CHECK(polled.at(source) <= kLongestReply);
            }
        }
    }

    FakeClock clock;
    mutable core::SeededRandom random;
    MoodyCloud cloud{clock, random};
    std::unique_ptr<EndpointSync> sync;
    Config config;
    std::vector<std::string> sources;
};

std::uint64_t seeds() {
    const char* wanted = std::getenv("POSTERN_SEEDS");
    return wanted == nullptr ? 150 : std::strtoull(wanted, nullptr, 10);
}

}  // namespace

TEST_CASE("polls: every source has a next poll within poll_max_interval, whatever happens", "[sync][polls]") {
    for (std::uint64_t seed = 1; seed <= seeds(); ++seed) {
        INFO("seed " << seed);
        Storm storm(seed);
        for (int i = 0; i < 150; ++i) {
            storm.step();
            storm.check();
            storm.clock.advance(static_cast<Micros>(storm.below(storm.below(4) == 0 ? 90 : 3)) * kSecond +
                                static_cast<Micros>(storm.below(1000)) * core::kMillisecond);
            storm.check();
        }
        // When all is well again, so is every source within the longest interval and the queue.
        storm.cloud.trouble.reset();
        storm.cloud.at_once = false;
        storm.cloud.longest_reply = 50 * core::kMillisecond;
        storm.clock.advance(std::max<Micros>(storm.cloud.not_before - storm.clock.mono_us(), 0) +
                            storm.config.aliyun.poll_max_interval_us + 2 * kLongestReply + kMinute);
        for (const auto& source : storm.sources)
            CHECK_FALSE(storm.sync->status("link-" + source).error);
    }
}

TEST_CASE("polls: one that never ends is started again and said so, and its late end counts for nothing",
          "[sync][polls]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.cloud.silent = true;
    w.begin({on("a", {"ep-1"})});
    for (int minute = 0; minute < 30; ++minute) {
        w.sync->restart_overdue();
        CHECK(w.sync->warnings().empty());
        w.clock.advance(kMinute);
    }
    CHECK(w.cloud.total() == 1);
    w.cloud.silent = false;
    w.clock.advance(kMinute);
    w.sync->restart_overdue();
    REQUIRE(w.sync->warnings().size() == 1);
    CHECK(w.sync->warnings()[0].find("ep-1 was not asked for 31 minutes") != std::string::npos);
    CHECK(w.count("poll_overdue") == 1);
    w.clock.advance(kSecond);
    CHECK(w.served("a") == "10.0.0.1 (h)");
    CHECK(w.sync->warnings().empty());
    w.clock.advance(kHour);
    w.sync->restart_overdue();
    CHECK(w.count("poll_overdue") == 1);
    CHECK(w.cloud.total() > 15);
}

TEST_CASE("polls: after a suspend nothing is overdue", "[sync][polls]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    w.sync->restart_overdue();
    w.clock.suspend(3 * kHour);
    w.sync->restart_overdue();
    CHECK(w.sync->warnings().empty());
    w.clock.advance(kMinute);
    w.sync->restart_overdue();
    CHECK(w.sync->warnings().empty());
}

TEST_CASE("polls: a refresh is done though others follow it all the time, and though a source is silent",
          "[sync][polls]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    int done = 0, asked = 0;
    for (int i = 0; i < 100; ++i) {
        w.sync->refresh([&] { ++done; });
        ++asked;
        w.clock.advance(300 * core::kMillisecond);
    }
    CHECK(done >= asked - 10);
    w.clock.advance(5 * kSecond);
    CHECK(done == asked);
    w.cloud.silent = true;
    w.sync->refresh([&] { ++done; });
    w.clock.advance(59 * kSecond);
    CHECK(done == asked);
    w.clock.advance(2 * kSecond);
    CHECK(done == asked + 1);
}

TEST_CASE("polls: a change during a poll is followed by another one", "[sync][polls]") {
    World w;
    w.cloud.put("ep-1", {{"h", "10.0.0.1"}});
    w.begin({on("a", {"ep-1"})});
    const int before = w.cloud.total();
    int done = 0;
    w.sync->refresh([&] { ++done; });
    w.clock.advance(10 * core::kMillisecond);  // the poll is under way
    w.config.aliyun.region = "cn-beijing";
    w.sync->configure(w.config);
    w.clock.advance(kSecond);
    CHECK(w.cloud.total() == before + 2);
    CHECK(done == 1);
}

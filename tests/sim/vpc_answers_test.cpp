// SPDX-License-Identifier: Apache-2.0
// Names that are only verified, on a fake clock: how often the VPC's DNS is asked, what is said, what a reload changes.
#include <algorithm>

#include "agent/steering/steering.h"
#include "agent/steering/vpc_answers.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/fake_prober.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::IpAddress;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

/// The VPC's DNS: a host's addresses; none: it does not exist; silent: no answer.
struct VpcDns final : Lookup {
    explicit VpcDns(core::Clock& c) : clock(c) {}
    void resolve(const std::string& host, Callback done) override {
        ++asked;
        clock.set_alarm(clock.mono_us() + 2000, [this, host, done = std::move(done)] {
            if (silent) return done(core::fail(core::Code::kTimeout, "no answer about " + host));
            if (addresses.empty()) return done(core::fail(core::Code::kDnsFailed, host + " does not exist"));
            LookupResult found;
            found.ttl_s = 300;
            for (const auto& ip : addresses)
                found.addresses.push_back(*IpAddress::parse(ip));
            found.partial = partial;
            done(found);
        });
    }
    bool is_absent(const std::string&) const override { return addresses.empty() && !silent; }
    core::Clock& clock;
    std::vector<std::string> addresses;
    bool silent = false, partial = false;
    int asked = 0;
};

LinkConfig verified(const std::string& name) {
    LinkConfig link;
    link.name = name;
    link.host = name + ".example.com";
    link.addresses = {*IpAddress::parse("10.0.1.1"), *IpAddress::parse("10.0.2.1")};
    link.answer = false;
    return link;
}

struct Bench {
    test::FakeClock clock;
    core::SeededRandom random{3};
    VpcDns dns{clock};
    DiscoveryStatus known;
    std::vector<std::string> logged;
    VpcAnswers all{clock, random, dns, [this](const std::string&) { return known; }};

    Bench() {
        known.known = true;
        known.addresses = make_endpoint_set(
            {{*IpAddress::parse("10.0.1.1"), "h", "ep-1"}, {*IpAddress::parse("10.0.2.1"), "i", "ep-1"}});
        core::capture_log([this](core::Level level, std::string_view event, const std::string& line) {
            if (event == "vpc_answer_changed")
                logged.push_back((level == core::Level::kWarning ? "! " : "  ") + line.substr(line.find("finding=")));
        });
        all.configure({verified("a")});
    }
    ~Bench() { core::capture_log({}); }
    VpcFinding finding() const { return all.find("a")->finding; }
};

}  // namespace

TEST_CASE("verify only: the VPC's DNS is asked twice a minute whatever the TTL, and each turn is said once",
          "[verify]") {
    Bench b;
    b.dns.addresses = {"10.0.1.1", "10.0.2.1"};
    CHECK(b.finding() == VpcFinding::kUnknown);
    CHECK(b.all.find("a")->text == "the VPC's DNS was not asked about a.example.com yet");
    b.all.start();
    b.clock.advance(kSecond);
    CHECK(b.finding() == VpcFinding::kSame);
    b.clock.advance(kHour);
    CHECK(b.dns.asked >= 108);
    CHECK(b.dns.asked <= 135);
    b.dns.addresses = {"10.0.1.1"};
    b.clock.advance(kMinute);
    CHECK(b.finding() == VpcFinding::kFewer);
    b.dns.addresses = {"10.0.1.1", "203.0.113.9"};
    b.clock.advance(kMinute);
    CHECK(b.finding() == VpcFinding::kOther);
    CHECK(b.all.find("a")->foreign == std::vector<IpAddress>{*IpAddress::parse("203.0.113.9")});
    b.dns.addresses.clear();
    b.clock.advance(kMinute);
    CHECK(b.finding() == VpcFinding::kNoName);
    CHECK(b.logged ==
          std::vector<std::string>{"  finding=same", "  finding=fewer", "! finding=other", "! finding=no_name"});
}

TEST_CASE("verify only: one lost answer changes nothing, more make it unknown, and the next one counts", "[verify]") {
    Bench b;
    b.dns.addresses = {"10.0.1.1", "10.0.2.1"};
    b.all.start();
    b.clock.advance(kSecond);
    b.dns.silent = true;
    b.clock.advance(34 * kSecond);
    CHECK(b.all.find("a")->failed_in_row == 1);
    CHECK(b.finding() == VpcFinding::kSame);
    b.clock.advance(12 * kSecond);
    CHECK(b.finding() == VpcFinding::kUnknown);
    CHECK(b.all.find("a")->text.find("gives no answer for a.example.com") != std::string::npos);
    b.dns.silent = false;
    b.clock.advance(12 * kSecond);
    CHECK(b.finding() == VpcFinding::kSame);
    CHECK(b.logged.size() == 1);
}

TEST_CASE("verify only: addresses of a zone that the link leaves out, and of a family that was not answered",
          "[verify]") {
    Bench b;
    b.known.reports.push_back({.endpoint_id = "ep-1"});
    b.known.reports[0].zones = {{"j", "Connected", IpAddress::parse("10.0.3.1"), {}, ""}};
    b.known.addresses.push_back({*IpAddress::parse("2001:db8::1"), "h", "ep-1"});
    b.dns.addresses = {"10.0.1.1", "10.0.2.1", "10.0.3.1"};
    b.dns.partial = true;
    b.all.start();
    b.clock.advance(kSecond);
    CHECK(b.finding() == VpcFinding::kSame);
    b.dns.partial = false;
    b.clock.advance(kMinute);
    CHECK(b.finding() == VpcFinding::kFewer);
    CHECK(b.all.find("a")->missing == std::vector<IpAddress>{*IpAddress::parse("2001:db8::1")});
}

TEST_CASE("verify only: nothing to compare with is unknown, and its arrival is enough", "[verify]") {
    Bench b;
    b.known = {};
    b.dns.addresses = {"10.0.1.1"};
    b.all.start();
    b.clock.advance(kSecond);
    CHECK(b.finding() == VpcFinding::kUnknown);
    b.known.known = true;
    b.known.addresses = {{*IpAddress::parse("10.0.1.1"), "", ""}};
    b.all.compare("a");
    CHECK(b.finding() == VpcFinding::kSame);
    CHECK(b.logged.size() == 1);
}

TEST_CASE("verify only: a reload keeps what is known, and thousands of links share the questions", "[verify]") {
    Bench b;
    b.dns.addresses = {"10.0.1.1", "10.0.2.1"};
    b.all.start();
    b.clock.advance(kSecond);
    b.all.configure({verified("a"), verified("b")});
    CHECK(b.finding() == VpcFinding::kSame);
    b.clock.advance(kSecond);
    CHECK(b.all.find("b")->finding == VpcFinding::kSame);
    auto answered = verified("a");
    answered.answer = true;
    b.all.configure({answered});
    CHECK_FALSE(b.all.find("a"));
    std::vector<LinkConfig> many;
    for (int i = 0; i < 3000; ++i)
        many.push_back(verified("n" + std::to_string(i)));
    b.all.configure(many);
    b.dns.silent = true;
    b.dns.asked = 0;
    b.clock.advance(10 * kMinute);
    CHECK(b.dns.asked <= 10 * 60 * 23);
    CHECK(b.dns.asked >= 3000);
    b.all.stop();
    b.dns.asked = 0;
    b.clock.advance(kHour);
    CHECK(b.dns.asked == 0);
}

namespace {

/// The whole agent with fixed addresses and one link that only verifies.
struct World : Steering::Outside {
    struct NoCloud final : Provider {
        void describe_endpoint(const std::string&, Callback done) override {
            done(core::fail(core::Code::kInternal, ""));
        }
    };
    test::FakeClock clock;
    core::SeededRandom random{5};
    NoCloud cloud;
    test::FakeProber prober{clock};
    VpcDns dns{clock};
    std::vector<PlanInput> plans;
    std::size_t records = 0;
    std::vector<std::string> events;
    Steering engine{clock, random, cloud, prober, dns, *this};

    World() {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { events.emplace_back(event); });
        dns.addresses = {"10.0.1.1", "10.0.2.1"};
    }
    ~World() override { core::capture_log({}); }
    void publish(PlanInput input) override { plans.push_back(std::move(input)); }
    void record(const probe::Record&) override { ++records; }
    core::Secret token(const std::string&) override { return core::Secret("token-token"); }
    void token_refused(const std::string&) override {}
    void addresses_changed() override {}
    void verdicts_changed() override {}
    void drains_changed() override {}

    void use(bool answer) {
        Config config;
        config.links = {verified("a")};
        config.links[0].answer = answer;
        config.links[0].token.env = "T";
        engine.configure(config);
    }
    LinkStatus link() const {
        StatusSnapshot s;
        engine.fill_status(s);
        judge(s);
        return s.links[0];
    }
    bool said(const char* event) const { return std::find(events.begin(), events.end(), event) != events.end(); }
    bool in_plan() const { return !compile_plan(plans.back())->owners.empty(); }
};

}  // namespace

TEST_CASE("verify only: probed and judged as any link, and not answered", "[verify]") {
    World w;
    w.use(false);
    w.engine.start(false);
    w.clock.advance(kMinute);
    CHECK_FALSE(w.in_plan());
    CHECK(w.link().verify_only);
    CHECK(w.link().state == probe::State::kUp);
    CHECK(w.link().answer.empty());
    CHECK(w.link().addresses[0].answered);
    CHECK(w.link().vpc_answer->finding == VpcFinding::kSame);
    CHECK(w.link().cause.empty());
    CHECK(w.records > 10);
    w.prober.set("10.0.2.1", probe::Reason::kTcpRefused);
    w.clock.advance(kMinute);
    CHECK(w.link().addresses[1].state == probe::State::kDown);
    CHECK_FALSE(w.said("answer_changed"));  // there is no answer of ours
    w.prober.set("10.0.1.1", probe::Reason::kTcpRefused);
    w.clock.advance(kMinute);
    CHECK(w.link().state == probe::State::kDown);
    CHECK(w.link().cause.find("stay in the answer") == std::string::npos);
}

TEST_CASE("verify only: a name that leads only to what is down has failed, though others are up", "[verify]") {
    World w;
    w.dns.addresses = {"10.0.1.1"};
    w.use(false);
    w.engine.start(false);
    w.clock.advance(kMinute);
    CHECK(w.link().state == probe::State::kUp);
    w.prober.set("10.0.1.1", probe::Reason::kTcpTimeout);
    w.clock.advance(2 * kMinute);
    CHECK(w.link().state == probe::State::kDown);
    CHECK(w.link().cause.find("all that it answers are down") != std::string::npos);
    CHECK(w.link().fix.find("set answer = true") != std::string::npos);
    w.dns.addresses = {"10.0.1.1", "10.0.2.1"};
    w.clock.advance(kMinute);
    CHECK(w.link().state == probe::State::kDegraded);  // one of its addresses is down
}

TEST_CASE("verify only: a reload that flips it takes effect at once and keeps addresses and verdicts", "[verify]") {
    World w;
    w.use(true);
    w.engine.start(false);
    w.clock.advance(kMinute);
    w.prober.set("10.0.2.1", probe::Reason::kTcpRefused);
    w.clock.advance(kMinute);
    CHECK(w.link().answer.size() == 1);
    const auto since = w.link().addresses[1].since_wall_us;
    const auto attempts = w.link().addresses[0].counters.attempts;

    w.use(false);
    w.clock.advance(2 * core::kMillisecond * 500);
    CHECK_FALSE(w.in_plan());
    CHECK(w.link().addresses[1].state == probe::State::kDown);
    CHECK(w.link().addresses[1].since_wall_us == since);
    CHECK(w.link().addresses[0].counters.attempts >= attempts);
    CHECK(w.link().vpc_answer->finding == VpcFinding::kSame);

    const std::size_t published = w.plans.size();
    w.use(true);
    w.clock.advance(core::kMillisecond);
    CHECK(w.plans.size() > published);
    CHECK(w.in_plan());
    CHECK(w.plans.back().links[0].decision.fresh == std::vector<IpAddress>{*IpAddress::parse("10.0.1.1")});
    CHECK(w.plans.back().links[0].verdicts_until > 0);
    CHECK_FALSE(w.link().vpc_answer);
}

TEST_CASE("verify only: it is not held back by the wait for a first sweep", "[verify]") {
    World w;
    w.use(true);
    w.engine.start(true);  // the plan in place is kept until the first sweep is done
    w.prober.set_default({probe::Reason::kTcpTimeout, 4 * kSecond});
    w.clock.advance(100 * core::kMillisecond);
    const std::size_t published = w.plans.size();
    w.use(false);
    w.clock.advance(core::kMillisecond);
    CHECK(w.plans.size() > published);
    CHECK_FALSE(w.in_plan());
}

// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/serving/fake_agent.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::kMillisecond;
using core::kSecond;
using probe::LinkPolicy;
using probe::Reason;

namespace {

struct World : FakeAgent {
    LinkPolicy policy = LinkPolicy::kAny;
    std::vector<std::string> ips{"10.0.1.1", "10.0.2.1"};
    std::shared_ptr<probe::ProbeSpec> spec = std::make_shared<probe::ProbeSpec>();
    ProbeRoute route{clock, prober, *this};

    World() { spec->token = core::Secret("token-token"); }

    std::vector<std::string> link_names() override { return {"prod", "test"}; }
    std::optional<ProbedLink> probed_link(const std::string& name) override {
        if (name != "prod" && name != "test") return std::nullopt;
        ProbedLink out{policy, {}};
        for (const auto& ip : ips)
            out.targets.push_back({name, *core::IpAddress::parse(ip), "zone", "ep", spec});
        return out;
    }

    /// One request: its reply, once there is one.
    struct Asked {
        std::unique_ptr<HttpWork> work;
        std::optional<HttpReply> reply;
    };
    std::shared_ptr<Asked> ask(std::vector<std::pair<std::string, std::string>> arguments,
                               const std::string& scrape = "") {
        HttpQuery query;
        query.arguments = std::move(arguments);
        if (!scrape.empty()) query.headers.emplace_back("x-prometheus-scrape-timeout-seconds", scrape);
        auto asked = std::make_shared<Asked>();
        HttpReply reply = route.answer(query);
        if (reply.later) {
            asked->work = reply.later([to = asked.get()](HttpReply made) { to->reply = std::move(made); });
        } else {
            asked->reply = std::move(reply);
        }
        return asked;
    }
    std::string body(std::vector<std::pair<std::string, std::string>> arguments) {
        const auto asked = ask(std::move(arguments));
        clock.advance(10 * kSecond);
        REQUIRE(asked->reply);
        CHECK(asked->reply->status == 200);
        return asked->reply->body;
    }
    int status(std::vector<std::pair<std::string, std::string>> arguments, const std::string& scrape = "") {
        const auto asked = ask(std::move(arguments), scrape);
        return asked->reply ? asked->reply->status : 0;
    }
};

bool says(const std::string& text, const std::string& line) {
    return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("probe route: what can't be probed is a 400 that says why", "[probe_route]") {
    World w;
    const auto what = [&](std::vector<std::pair<std::string, std::string>> arguments) {
        const auto asked = w.ask(std::move(arguments));
        REQUIRE(asked->reply);
        CHECK(asked->reply->status == 400);
        return asked->reply->body;
    };
    CHECK(what({}).find("target=LINK") != std::string::npos);
    CHECK(what({{"target", "other"}}).find("there are: prod, test") != std::string::npos);
    CHECK(what({{"target", "prod"}, {"address", "localhost"}}).find("expected an IP address") != std::string::npos);
    CHECK(what({{"target", "prod"}, {"address", "10.9.9.9"}}).find("it has: 10.0.1.1, 10.0.2.1") != std::string::npos);
    CHECK(w.prober.count() == 0);
    CHECK(w.status({{"target", "prod"}}, "soon") == 400);
    CHECK(w.status({{"target", "prod"}}, "-1") == 400);
    CHECK(w.status({{"target", "prod"}}, "nan") == 400);
    CHECK(w.prober.count() == 0);
}

TEST_CASE("probe route: one address, freshly probed", "[probe_route]") {
    World w;
    w.prober.set("10.0.2.1", Reason::kTcpRefused);
    const std::string good = w.body({{"target", "prod"}, {"address", "10.0.1.1"}});
    CHECK(says(good, "probe_success 1"));
    CHECK(w.prober.count() == 1);
    CHECK(w.prober.starts()[0].ip.text() == "10.0.1.1");
    const std::string bad = w.body({{"target", "prod"}, {"address", "10.0.2.1"}, {"module", "http_2xx"}});
    CHECK(says(bad, "probe_success 0"));
    CHECK(says(bad,
               "postern_probe_failure_info{ip=\"10.0.2.1\",zone=\"zone\",phase=\"connect\",reason=\"tcp_"
               "refused\"} 1"));
}

TEST_CASE("probe route: without an address all are probed and the link's policy decides", "[probe_route]") {
    World w;
    w.prober.set("10.0.1.1", Reason::kTlsTimeout);
    for (const auto& [policy, success] :
         {std::pair{LinkPolicy::kAny, "probe_success 1"}, std::pair{LinkPolicy::kAll, "probe_success 0"}}) {
        w.policy = policy;
        const std::string text = w.body({{"target", "prod"}});
        CHECK(says(text, success));
        CHECK(says(text, "postern_probe_address_success{ip=\"10.0.1.1\",zone=\"zone\"} 0"));
        CHECK(says(text, "postern_probe_address_success{ip=\"10.0.2.1\",zone=\"zone\"} 1"));
        // The figures are those of an address that passed: FNV-1a of 10.0.2.1.
        CHECK(says(text, "probe_http_status_code 200"));
    }
    CHECK(w.prober.count() == 4);
}

TEST_CASE("probe route: a link without addresses is a failed probe, not a failed scrape", "[probe_route]") {
    World w;
    w.ips.clear();
    const auto asked = w.ask({{"target", "prod"}});
    REQUIRE(asked->reply);
    CHECK(asked->reply->status == 200);
    CHECK(says(asked->reply->body, "probe_success 0"));
}

TEST_CASE("probe route: the scraper's patience shortens the probe, never lengthens it", "[probe_route]") {
    World w;
    FakeProber::Outcome hangs;
    hangs.hangs = true;
    hangs.reason = Reason::kTcpTimeout;
    w.prober.set_default(hangs);
    const auto takes = [&](const std::string& scrape) {
        const auto asked = w.ask({{"target", "prod"}}, scrape);
        const core::Micros before = w.clock.mono_us();
        while (!asked->reply)
            w.clock.advance(10 * kMillisecond);
        return w.clock.mono_us() - before;
    };
    CHECK(takes("") == 3 * kSecond);  // the link's own
    CHECK(takes("10") == 3 * kSecond);
    CHECK(takes("2") == 1500 * kMillisecond);
    CHECK(takes("0.4") == 200 * kMillisecond);
    CHECK(w.spec->timeout_us == 3 * kSecond);  // the link's timeout
}

TEST_CASE("probe route: a link is probed so often and no more", "[probe_route]") {
    World w;
    for (int i = 0; i < 10; ++i)
        CHECK(w.status({{"target", "prod"}}) == 0);
    const auto refused = w.ask({{"target", "prod"}});
    REQUIRE(refused->reply);
    CHECK(refused->reply->status == 429);
    CHECK(refused->reply->headers.front() == std::pair<std::string, std::string>{"Retry-After", "1"});
    CHECK(w.status({{"target", "test"}}) == 0);  // each link has its own limit
    w.clock.advance(499 * kMillisecond);
    CHECK(w.status({{"target", "prod"}}) == 429);
    w.clock.advance(kMillisecond);
    CHECK(w.status({{"target", "prod"}}) == 0);
    CHECK(w.status({{"target", "prod"}}) == 429);
    w.clock.advance(60 * kSecond);
    for (int i = 0; i < 10; ++i)
        CHECK(w.status({{"target", "prod"}}) == 0);
    CHECK(w.status({{"target", "prod"}}) == 429);
}

TEST_CASE("probe route: so many at once; one that ends makes room before its client has read", "[probe_route]") {
    World w;
    std::vector<std::shared_ptr<World::Asked>> asked;
    for (int i = 0; i < 16; ++i)
        asked.push_back(w.ask({{"target", i < 8 ? "prod" : "test"}}));
    CHECK(w.route.in_flight() == 16);
    CHECK(w.status({{"target", "prod"}}) == 429);
    CHECK(w.prober.running() == 32);
    w.clock.advance(kSecond);
    CHECK(w.route.in_flight() == 0);
    CHECK(w.status({{"target", "prod"}}) == 0);
}

TEST_CASE("probe route: a client that goes cancels its probes", "[probe_route]") {
    World w;
    auto asked = w.ask({{"target", "prod"}});
    CHECK(w.prober.running() == 2);
    asked->work.reset();
    CHECK(w.prober.running() == 0);
    CHECK(w.route.in_flight() == 0);
    w.clock.advance(10 * kSecond);
    CHECK_FALSE(asked->reply);
}

TEST_CASE("probe route: the offset of blackbox_exporter", "[probe_route]") {
    CHECK(scrape_budget_us("10") == 9500 * kMillisecond);
    CHECK(scrape_budget_us("1") == 500 * kMillisecond);
    CHECK(scrape_budget_us("0.5") == 250 * kMillisecond);
    CHECK(scrape_budget_us("1e9").has_value());
    for (const char* bad : {"", "x", "1s", "0", "-3", "inf", "nan", "1 "}) {
        INFO(bad);
        CHECK_FALSE(scrape_budget_us(bad));
    }
}

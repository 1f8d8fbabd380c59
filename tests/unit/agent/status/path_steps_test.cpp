// SPDX-License-Identifier: Apache-2.0
// The way, step by step: each kind of trouble at its step, what is behind it skipped, nothing told that was not seen.
#include "agent/status/path_steps.h"

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;

namespace {

constexpr auto kUp = probe::State::kUp, kDown = probe::State::kDown, kNotKnown = probe::State::kUnknown;

/// "PASS answers 1 of 2"
std::string at(const std::vector<PathStep>& steps, std::string_view name,
               doctor::Language language = doctor::Language::kEnglish) {
    for (const PathStep& step : steps) {
        if (step.step != name) continue;
        const auto& words = doctor::Catalogue::in(language);
        CHECK_FALSE(name_of(step, words).empty());
        return std::string(to_string(step.state)) + " " + text_of(step, words);
    }
    return "there is no such step";
}

StatusSnapshot of(std::vector<AddressStatus> addresses) {
    auto s = snapshot({link(std::move(addresses))});
    judge(s);
    return s;
}
std::string at_link(const StatusSnapshot& s, std::string_view name) {
    return at(link_steps(s, s.links[0]), name);
}
AddressStatus good(const char* ip = "10.0.1.23") {
    return address(ip, "h", kUp, kUp);
}
AddressStatus bad(Reason reason, Phase phase, const char* ip = "10.0.2.9") {
    return address(ip, "i", kDown, kNotKnown, reason, phase);
}

UpstreamStatus upstream(const char* ip, UpstreamState state) {
    UpstreamStatus u{*core::SocketAddress::parse(ip, 53), {}};
    u.state = state;
    return u;
}
std::string upstreams(std::vector<UpstreamStatus> list) {
    auto s = of({good()});
    s.resolver.upstreams = std::move(list);
    return at(host_steps(s), "upstreams");
}

}  // namespace

TEST_CASE("path: all is well", "[status]") {
    auto s = of({good(), good("10.0.2.9")});
    s.host_dns.journal.state = TakeoverState::kOn;
    s.host_dns.journal.decision.mode = Mode::kSplit;
    s.host_dns.seen.state = PathState::kWorks;
    s.resolver.upstreams = {upstream("100.100.2.136", UpstreamState::kWorks)};
    add_connections(connections_report(s.now_wall_us), s);
    s.links[0].connections->notes.clear();
    CHECK(at(host_steps(s), "host") == "PASS asks postern for the private names");
    CHECK(at(host_steps(s), "resolver") == "PASS answers on 127.0.0.153:53");
    CHECK(at(host_steps(s), "upstreams") == "PASS 1 of 1 answer");
    CHECK(at_link(s, "credentials") == "PASS the API answers");
    CHECK(at_link(s, "endpoint") == "PASS 2 addresses");
    CHECK(at_link(s, "dns") == "PASS answers 2 of 2");
    CHECK(at_link(s, "group") == "PASS allows TCP 443");
    for (const char* name : {"tcp", "tls", "http", "sql"})
        CHECK(at_link(s, name) == "PASS 2 of 2");
    CHECK(at_link(s, "connections") == "PASS 12 open, none stuck");
    CHECK(worst_of(link_steps(s, s.links[0])) == doctor::State::kPass);
    CHECK(at(link_steps(s, s.links[0]), "tcp", doctor::Language::kChinese) == "PASS 2/2");
}

TEST_CASE("path: what lies behind a blocked step is skipped with its name", "[status]") {
    auto s = of({bad(Reason::kTcpTimeout, Phase::kConnect), bad(Reason::kTcpTimeout, Phase::kConnect, "10.0.1.23")});
    s.links[0].all_down = true;
    CHECK(at_link(s, "dns") == "WARN all down: all are answered");
    CHECK(at_link(s, "group") == "WARN TCP times out: check here first");
    CHECK(at_link(s, "tcp") == "FAIL 0 of 2");
    for (const char* name : {"tls", "http", "sql"})
        CHECK(at_link(s, name) == "SKIP not reached: TCP");
    CHECK(at(link_steps(s, s.links[0]), "sql", doctor::Language::kChinese) == "SKIP 未到达此步：TCP");
    // One of two gets through.
    s = of({good(), bad(Reason::kCertExpired, Phase::kTls)});
    CHECK(at_link(s, "tcp") == "PASS 2 of 2");
    CHECK(at_link(s, "tls") == "WARN 1 of 2");
    CHECK(at_link(s, "http") == "PASS 1 of 1");
    CHECK(at_link(s, "group") == "PASS allows TCP 443");
}

TEST_CASE("path: what is not known is skipped: no probe, not probed, a fault of this host, a kind without the step",
          "[status]") {
    auto none = good();
    none.last.reset();
    auto s = of({none});
    CHECK(at_link(s, "tcp") == "SKIP no probe yet");
    CHECK(at_link(s, "group") == "SKIP TCP shows whether it is open");
    s.links[0].probing = false;
    CHECK(at_link(s, "tcp") == "SKIP not probed");
    s = of({bad(Reason::kLocalFdLimit, Phase::kConnect)});
    CHECK(at_link(s, "tcp") == "SKIP no probe yet");
    s = of({good()});
    s.links[0].kind = probe::Kind::kTcp;
    CHECK(at_link(s, "tcp") == "PASS 1 of 1");
    for (const char* name : {"tls", "http", "sql"})
        CHECK(at_link(s, name) == "SKIP not part of a probe of kind tcp");
    s.links[0].kind = probe::Kind::kTdengine;
    s.links[0].asks_service = false;
    CHECK(at_link(s, "sql") == "SKIP no token");
    CHECK(at_link(s, "connections") == "SKIP not looked at");
}

TEST_CASE("path: credentials and the endpoint", "[status]") {
    auto s = of({good()});
    auto& d = s.links[0].discovery;
    d.source = "fixed";
    CHECK(at_link(s, "credentials") == "SKIP not needed without the cloud API");
    CHECK(at_link(s, "endpoint") == "SKIP fixed addresses");
    d.source = "dns";
    d.sources = {{"target:h.example", "h.example", {}, 5, {}}};
    CHECK(at_link(s, "credentials") == "SKIP not needed without the cloud API");
    CHECK(at_link(s, "endpoint") == "PASS 1 addresses");
    d.source = "snapshot";
    d.sources = {{"ep-1", "", {}, 5, {}}};
    CHECK(at_link(s, "credentials") == "WARN addresses from the snapshot on disk");
    d.source = "none";
    d.known = false;
    CHECK(at_link(s, "credentials") == "SKIP not asked yet");
    CHECK(at_link(s, "endpoint") == "SKIP not reached: Credentials");
    d.error = core::Error{core::Code::kApiDenied, "NoPermission", "", 0};
    CHECK(at_link(s, "credentials").starts_with("FAIL "));
    d.known = true;  // the addresses of before are used
    CHECK(at_link(s, "credentials").starts_with("WARN "));
    d.error.reset();
    d.waiting_for = "the connection is Pending";
    CHECK(at_link(s, "endpoint") == "FAIL the connection is Pending");
    d.waiting_for.clear();
    d.source = "api";
    d.reports.resize(1);
    d.reports[0].connection_status = "Connected";
    CHECK(at_link(s, "endpoint") == "PASS Connected");
}

TEST_CASE("path: a name that the VPC answers is judged by its answer", "[status]") {
    auto s = of({good()});
    VpcAnswer answer;
    answer.host = s.links[0].host;
    judge_vpc_answer(answer, s.links[0].discovery);
    s.links[0].vpc_answer = answer;
    CHECK(at_link(s, "dns") == "SKIP the VPC's DNS was not asked about gw-private.cloud.example.com yet");
    answer.at_wall_us = s.now_wall_us;
    answer.addresses = {s.links[0].addresses[0].ip};
    judge_vpc_answer(answer, s.links[0].discovery);
    s.links[0].vpc_answer = answer;
    CHECK(at_link(s, "dns").starts_with("PASS the VPC's DNS answers the endpoint's addresses"));
    answer.addresses = {*core::IpAddress::parse("203.0.113.9")};
    judge_vpc_answer(answer, s.links[0].discovery);
    s.links[0].vpc_answer = answer;
    CHECK(at_link(s, "dns").starts_with("WARN "));
}

TEST_CASE("path: whether this host asks postern is told as it was seen", "[status]") {
    auto s = of({good()});
    const auto host = [&] { return at(host_steps(s), "host"); };
    CHECK(host() == "SKIP not known");
    s.host_dns.asks.state = HostAsks::State::kNo;
    CHECK(host() == "WARN does not ask postern");
    s.host_dns.asks.state = HostAsks::State::kYes;
    CHECK(host() == "PASS asks postern, set by hand");
    s.host_dns.journal.state = TakeoverState::kOn;
    s.host_dns.journal.decision.mode = Mode::kFull;
    CHECK(host() == "SKIP taken over, not seen working yet");
    s.host_dns.seen.state = PathState::kWorks;
    CHECK(host() == "PASS asks postern for all names");
    s.host_dns.silent = true;
    CHECK(host() == "FAIL its programs get no answer from postern");
    for (const auto state : {TakeoverState::kSuspended, TakeoverState::kTruce, TakeoverState::kEnabling}) {
        s.host_dns.journal.state = state;
        CHECK(host().starts_with("WARN "));
    }
    s.host_dns.problem = "unreadable";
    CHECK(host() == "SKIP not known");
}

TEST_CASE("path: the resolver and its upstreams", "[status]") {
    using enum UpstreamState;
    CHECK(upstreams({}) == "FAIL none is known");
    CHECK(upstreams({upstream("100.100.2.136", kUnknown)}) == "SKIP not asked in the last 5 min");
    CHECK(upstreams({upstream("100.100.2.136", kWorks), upstream("100.100.2.138", kUnknown)}) == "PASS 1 of 2 answer");
    CHECK(upstreams({upstream("100.100.2.136", kWorks), upstream("100.100.2.138", kSilent)}) == "WARN 1 of 2: silent");
    CHECK(upstreams({upstream("100.100.2.136", kSilent), upstream("100.100.2.138", kRefused)}) ==
          "FAIL 2 of 2: REFUSED");
    // One of them is not known: not a failure of all.
    CHECK(upstreams({upstream("100.100.2.136", kSilent), upstream("100.100.2.138", kUnknown)}) ==
          "WARN 1 of 2: silent");
    auto s = of({good()});
    s.resolver.accepted = false;
    CHECK(at(host_steps(s), "resolver") == "WARN the plan is not accepted");
    s.resolver.running = false;
    CHECK(at(host_steps(s), "resolver") == "FAIL not running");
    CHECK(at(host_steps(s), "upstreams") == "SKIP not reached: Resolver");
    CHECK(at_link(s, "dns") == "SKIP not reached: Resolver");
}

TEST_CASE("path: stuck connections, those on a withdrawn address, those around the link", "[status]") {
    auto s = of({good(), bad(Reason::kTcpTimeout, Phase::kConnect)});
    add_connections(connections_report(s.now_wall_us), s);
    CHECK(at_link(s, "connections") == "WARN 9 stuck on 10.0.2.9");
    auto& notes = s.links[0].connections->notes;
    for (auto& note : notes)
        note.stuck = 0;
    CHECK(at_link(s, "connections") == "WARN 12 still on the withdrawn 10.0.2.9");
    std::erase_if(notes, [](const auto& note) { return note.kind != NoteKind::kBypass; });
    CHECK(at_link(s, "connections") == "WARN 3 to the public gateway, not over PrivateLink");
    notes.clear();
    s.connections.complete = false;
    CHECK(at_link(s, "connections") == "SKIP 12 seen, not all were looked at");
}

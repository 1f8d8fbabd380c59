// SPDX-License-Identifier: Apache-2.0
#include "agent/status/vpc_answer.h"

#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using probe::State;

namespace {

VpcAnswer answer_of(std::vector<const char*> ips) {
    VpcAnswer a;
    a.host = "db.example.com";
    for (const char* ip : ips)
        a.addresses.push_back(*core::IpAddress::parse(ip));
    a.at_wall_us = 5;
    return a;
}

/// A link with 10.0.1.1 up and 10.0.2.1 in the given state, judged with the answer.
StatusSnapshot judged(VpcAnswer answer, State second = State::kUp) {
    auto link =
        test::link({test::address("10.0.1.1", "h", State::kUp, State::kUp),
                    test::address("10.0.2.1", "i", second, second == State::kUp ? State::kUp : State::kUnknown)});
    link.verify_only = true;
    link.answer.clear();
    judge_vpc_answer(answer, link.discovery);
    link.vpc_answer = std::move(answer);
    auto s = test::snapshot({std::move(link)});
    judge(s);
    return s;
}

}  // namespace

TEST_CASE("verify only: the whole is as good as the VPC's answer is known to be", "[verify]") {
    VpcAnswer silent = answer_of({});
    silent.at_wall_us = 0;
    silent.error = core::Error{core::Code::kTimeout, "no answer", "check the upstreams", 0};
    VpcAnswer none = answer_of({});
    none.no_name = true;
    VpcAnswer never;
    never.host = "db.example.com";
    const struct {
        VpcAnswer answer;
        VpcFinding finding;
        Overall overall;
    } rows[] = {
        {answer_of({"10.0.1.1", "10.0.2.1"}), VpcFinding::kSame, Overall::kGood},
        {answer_of({"10.0.1.1"}), VpcFinding::kFewer, Overall::kGood},
        {answer_of({"10.0.1.1", "10.0.9.9"}), VpcFinding::kOther, Overall::kDegraded},
        {none, VpcFinding::kNoName, Overall::kDegraded},
        {silent, VpcFinding::kUnknown, Overall::kUnknown},
        {never, VpcFinding::kUnknown, Overall::kUnknown},
    };
    for (const auto& row : rows) {
        const auto s = judged(row.answer);
        const auto& link = s.links[0];
        INFO(link.vpc_answer->text);
        CHECK(link.vpc_answer->finding == row.finding);
        CHECK(s.overall == row.overall);
        CHECK(link.state == State::kUp);  // of its addresses
        CHECK(link.cause.empty() == (row.overall == Overall::kGood));
    }
    CHECK(judged(silent).links[0].fix == "check the upstreams");
    CHECK(judged(answer_of({"10.0.1.1"})).headline.find("1 verify only") != std::string::npos);
}

TEST_CASE("verify only: what is wrong with the addresses and with the answer is both told", "[verify]") {
    const auto other = judged(answer_of({"10.0.9.9"}), State::kDown);
    CHECK(other.links[0].cause.find("10.0.9.9 for db.example.com") != std::string::npos);
    CHECK(other.links[0].cause.find("10.0.2.1 (i)") != std::string::npos);
    const auto leads = judged(answer_of({"10.0.2.1"}), State::kDown);
    CHECK(leads_to_down(leads.links[0]));
    CHECK(leads.overall == Overall::kFailed);
    CHECK_FALSE(leads_to_down(judged(answer_of({"10.0.1.1"}), State::kDown).links[0]));
}

TEST_CASE("verify only: without an address nothing is known to have failed", "[verify]") {
    auto link = test::link({});
    link.discovery.error = core::Error{core::Code::kApiUnavailable, "503", "wait", 0};
    auto s = test::snapshot({link});
    judge(s);
    CHECK(s.links[0].state == State::kDown);  // postern answers SERVFAIL
    link.verify_only = true;
    link.vpc_answer = answer_of({"10.0.1.1"});
    judge_vpc_answer(*link.vpc_answer, link.discovery);
    s = test::snapshot({link});
    judge(s);
    CHECK(s.links[0].state == State::kUnknown);
    CHECK(s.overall == Overall::kDegraded);
    CHECK(s.links[0].cause.find("503") != std::string::npos);
}

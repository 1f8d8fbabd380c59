// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/upstream_look.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

ServerAnswer says(int rcode, std::vector<const char*> addresses = {}) {
    ListenerAnswer a;
    a.rcode = rcode;
    for (const char* ip : addresses)
        a.addresses.push_back(*core::IpAddress::parse(ip));
    return a;
}
const ServerAnswer kSilence = core::fail(core::Code::kTimeout, "no answer");
constexpr int kOk = 0, kServfail = 2, kNxDomain = 3, kRefused = 5;

UpstreamState judged(const ServerAnswer& root, const ServerAnswer& existing,
                     const std::optional<ServerAnswer>& absent = std::nullopt) {
    return judge_look(root, existing, absent).state;
}

}  // namespace

TEST_CASE("upstream look: one that answers works, whatever it knows", "[upstreams]") {
    const auto look = judge_look(says(kOk), says(kOk, {"203.0.113.1"}), says(kNxDomain));
    CHECK(look.state == UpstreamState::kWorks);
    CHECK(look.resolves);
    CHECK(judged(says(kOk), says(kNxDomain)) == UpstreamState::kWorks);
    CHECK(judged(says(kRefused), says(kNxDomain)) == UpstreamState::kWorks);
    CHECK(judged(kSilence, says(kOk, {"203.0.113.1"}), says(kNxDomain)) == UpstreamState::kWorks);
    CHECK(judged(says(kServfail), says(kOk, {"203.0.113.1"}), kSilence) == UpstreamState::kWorks);
    CHECK_FALSE(judge_look(says(kOk), says(kOk), std::nullopt).resolves);
}

TEST_CASE("upstream look: silence, and the same refusal to every question", "[upstreams]") {
    CHECK(judged(kSilence, kSilence) == UpstreamState::kSilent);
    CHECK(judged(says(kRefused), says(kRefused)) == UpstreamState::kRefused);
    CHECK(judged(says(kServfail), says(kServfail)) == UpstreamState::kServfail);
    CHECK(judged(says(kNxDomain), says(kNxDomain)) == UpstreamState::kNoNames);
    CHECK(judged(says(kServfail), says(kRefused)) == UpstreamState::kWorks);  // not alike: not judged
}

TEST_CASE(
    "upstream look: a captive portal has one address for every name, a search page only for those that are absent",
    "[upstreams]") {
    const auto portal = judge_look(says(kOk, {"192.0.2.1"}), says(kOk, {"192.0.2.1"}), says(kOk, {"192.0.2.1"}));
    CHECK(portal.state == UpstreamState::kOneAddress);
    CHECK(portal.one->text() == "192.0.2.1");
    CHECK_FALSE(portal.resolves);
    CHECK(judged(says(kOk), says(kOk, {"203.0.113.1"}), says(kOk, {"192.0.2.1"})) == UpstreamState::kWorks);
}

TEST_CASE("upstream look: each state has one word", "[upstreams]") {
    CHECK(to_string(UpstreamState::kUnknown) == "unknown");
    CHECK(to_string(UpstreamState::kNoNames) == "no_names");
    CHECK(to_string(UpstreamState::kOneAddress) == "one_address");
}

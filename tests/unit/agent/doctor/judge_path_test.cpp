// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/faults/codes.h"
#include "tests/unit/agent/doctor/judge_fixture.h"
#include "tests/unit/catch.h"

namespace postern::agent::doctor {
namespace {

using probe::Phase;

constexpr core::Micros kNow = 1767312000LL * core::kSecond;

}  // namespace

TEST_CASE("doctor: a link with working addresses has no finding", "[doctor]") {
    CHECK(troubles(judge_path("prod", {good("10.0.1.23"), good("10.0.2.9")}, kNow)).empty());
}

TEST_CASE("doctor: an address fails at one step, the others are skipped because of it", "[doctor]") {
    const auto findings = judge_path(
        "prod", {path("10.0.1.23", probe::Reason::kTcpTimeout, probe::Phase::kConnect), good("10.0.2.9")}, kNow);
    CHECK(troubles(findings) == "FAIL PN-TCP-TIMEOUT");
    CHECK(std::count_if(findings.begin(), findings.end(), [](const auto& f) {
              return f.state == State::kSkip && f.because == "PN-TCP-TIMEOUT" && f.ip == "10.0.1.23";
          }) == 4);
    CHECK(std::count_if(findings.begin(), findings.end(),
                        [](const auto& f) { return f.state == State::kPass && f.ip == "10.0.2.9"; }) == 4);
}

TEST_CASE("doctor: without a configuration the commands to try have the host and the port", "[doctor]") {
    PathSeen bare = path("10.0.1.23", probe::Reason::kTcpRefused, probe::Phase::kConnect);
    bare.target.link.clear();
    bare.result.link.clear();
    const auto link = [](const Findings& all) {
        const auto failed = std::find_if(all.begin(), all.end(), [](const auto& f) { return f.state == State::kFail; });
        REQUIRE(failed != all.end());
        return failed->values.at("link");
    };
    CHECK(link(judge_path("", {bare}, kNow, false)) == std::string("--host ") + kName);
    auto other = std::make_shared<probe::ProbeSpec>(*bare.target.spec);
    other->port = 8443;
    bare.target.spec = other;
    CHECK(link(judge_path("", {bare}, kNow, false)) == std::string("--host ") + kName + " --port 8443");
    CHECK(link(judge_path("prod", {path("10.0.1.23", probe::Reason::kTcpRefused, probe::Phase::kConnect)}, kNow,
                          false)) == "prod");
}

TEST_CASE("doctor: every reason is found at its step, and nothing else is", "[doctor]") {
    for (int r = 1; r < static_cast<int>(probe::Reason::kCount); ++r) {
        const auto reason = static_cast<probe::Reason>(r);
        const CodeInfo& code = code_of(reason);
        const auto findings =
            judge_path("prod", {path("10.0.1.23", reason, probe::Phase::kTls), good("10.0.2.9")}, kNow);
        CHECK(troubles(findings) == std::string(to_string(code.severity)) + " " + std::string(code.code));
    }
}

TEST_CASE("doctor: addresses that are none, one, or of the internet", "[doctor]") {
    CHECK(troubles(judge_path("prod", {}, kNow)) == "FAIL PN-ADDRESS-NONE");
    CHECK(troubles(judge_path("prod", {good("10.0.1.23")}, kNow)) == "WARN PN-ADDRESS-ONE");
    CHECK(troubles(judge_path("", {good("10.0.1.23")}, kNow)).empty());  // the command line named one
    CHECK(troubles(judge_path("prod", {good("203.0.113.1"), good("10.0.1.23")}, kNow)) == "WARN PN-ADDRESS-PUBLIC");
}

TEST_CASE("doctor: silence in TLS that small packets break is a black hole", "[doctor]") {
    auto silent = path("10.0.1.23", probe::Reason::kTlsTimeout, probe::Phase::kTls);
    silent.small_packets_pass = false;
    CHECK(troubles(judge_path("prod", {silent, good("10.0.2.9")}, kNow)) == "FAIL PN-TLS-TIMEOUT");
    silent.small_packets_pass = true;
    CHECK(troubles(judge_path("prod", {silent, good("10.0.2.9")}, kNow)) == "FAIL PN-TLS-MTU");
}

TEST_CASE("doctor: a large hello that is lost where the small one passes is a box on the way", "[doctor]") {
    using probe::HandshakeFate;
    for (const auto fate :
         {HandshakeFate::kSilent, HandshakeFate::kReset, HandshakeFate::kClosed, HandshakeFate::kRefused}) {
        auto dropped = good("10.0.1.23");
        dropped.result.large_hello = fate;
        const auto findings = judge_path("prod", {dropped, good("10.0.2.9")}, kNow);
        CHECK(troubles(findings) == "WARN PN-TLS-LARGE-HELLO");
        const auto told =
            std::find_if(findings.begin(), findings.end(), [](const auto& f) { return f.state == State::kWarn; });
        CHECK(told->values.at("fate") == to_string(fate));
    }
    for (const auto fate : {HandshakeFate::kUnknown, HandshakeFate::kPassed}) {
        auto fine = good("10.0.1.23");
        fine.result.large_hello = fate;
        CHECK(troubles(judge_path("prod", {fine, good("10.0.2.9")}, kNow)).empty());
    }
}

TEST_CASE("doctor: the WebSocket is asked for in any case, and fails the link only if its probes ask, too",
          "[doctor]") {
    const auto ws_of = [](const Findings& all, const char* address) {
        const auto f =
            std::find_if(all.begin(), all.end(), [&](const auto& x) { return x.step == Step::kWs && x.ip == address; });
        return f == all.end() ? std::string("-") : std::string(to_string(f->state)) + " " + f->because;
    };
    auto asked = good("10.0.1.23");
    asked.with_ws = asked.result;
    CHECK(ws_of(judge_path("prod", {asked}, kNow), "10.0.1.23") == "PASS ");
    asked.with_ws = path("10.0.1.23", probe::Reason::kHttpStatus403, Phase::kWs).result;
    CHECK(troubles(judge_path("", {asked}, kNow)) == "WARN PN-WS-UNASKED");
    // An attempt that did not come as far tells nothing of the WebSocket.
    asked.with_ws = path("10.0.1.23", probe::Reason::kTcpTimeout, Phase::kConnect).result;
    CHECK(troubles(judge_path("", {asked}, kNow)).empty());
    CHECK(ws_of(judge_path("prod", {asked}, kNow), "10.0.1.23") == "SKIP PN-TCP-TIMEOUT");
    CHECK(ws_of(judge_path("prod", {path("10.0.1.23", probe::Reason::kSqlError, Phase::kSql)}, kNow), "10.0.1.23") ==
          "SKIP PN-SQL-ERROR");

    auto wanted = path("10.0.1.23", probe::Reason::kHttpStatus403, Phase::kWs);
    auto spec = std::make_shared<probe::ProbeSpec>(*wanted.target.spec);
    spec->ws = true;
    wanted.target.spec = spec;
    CHECK(troubles(judge_path("", {wanted}, kNow)) == "FAIL PN-WS-FAILED");
    auto other = std::make_shared<probe::ProbeSpec>(*wanted.target.spec);
    other->kind = probe::Kind::kHttps;
    auto https = good("10.0.1.23");
    https.target.spec = other;
    CHECK(ws_of(judge_path("prod", {https}, kNow), "10.0.1.23") == "-");
}

TEST_CASE("doctor: what works is degraded by slowness and by a certificate near its end", "[doctor]") {
    auto slow = good("10.0.1.23");
    slow.result.total_us = 700 * core::kMillisecond;
    CHECK(troubles(judge_path("prod", {slow, good("10.0.2.9")}, kNow)) == "WARN PN-HTTP-SLOW");
    auto expiring = good("10.0.1.23");
    expiring.result.certificate.present = true;
    expiring.result.certificate.not_after_us = expiring.result.certificate.chain_not_after_us = kNow + 3 * core::kDay;
    CHECK(troubles(judge_path("prod", {expiring, good("10.0.2.9")}, kNow)) == "WARN PN-TLS-EXPIRING");
}

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/reason_text.h"
#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using probe::Phase;
using probe::Reason;
using probe::State;

namespace {

AddressStatus up(const char* ip = "10.0.1.23") {
    return address(ip, "cn-hangzhou-h", State::kUp, State::kUp);
}
AddressStatus refused(const char* ip = "10.0.2.9") {
    return address(ip, "cn-hangzhou-i", State::kDown, State::kUnknown, Reason::kTcpRefused, Phase::kConnect);
}
AddressStatus unauthorised(const char* ip) {
    return address(ip, "cn-hangzhou-h", State::kUp, State::kDown, Reason::kHttpStatus401, Phase::kReply);
}
StatusSnapshot judged(std::vector<LinkStatus> links) {
    auto s = snapshot(std::move(links));
    judge(s);
    return s;
}
bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("status: everything up is good and says how much", "[status]") {
    const auto s = judged({link({up(), up("10.0.2.9")})});
    CHECK(s.overall == Overall::kGood);
    CHECK(s.headline == "1 link, 2 of 2 addresses up");
    CHECK(s.links[0].cause.empty());
}

TEST_CASE("status: one address down of two degrades a link whose policy is any, and fails one whose policy is all",
          "[status]") {
    auto s = judged({link({up(), refused()})});
    CHECK(s.overall == Overall::kDegraded);
    CHECK(s.links[0].path == State::kDegraded);
    CHECK(s.links[0].state == State::kDegraded);
    CHECK(has(s.links[0].cause, "10.0.2.9 (cn-hangzhou-i) refuses the connection"));
    CHECK(has(s.links[0].cause, "tcp_refused"));
    CHECK(has(s.links[0].fix, "postern refresh"));
    CHECK(has(s.headline, "tdengine-prod: "));
    s.links[0].policy = probe::LinkPolicy::kAll;
    judge(s);
    CHECK(s.overall == Overall::kFailed);
}

TEST_CASE("status: every path down fails the link and says that all are answered", "[status]") {
    auto l = link({refused("10.0.1.23"), refused("10.0.2.9")});
    l.all_down = true;
    const auto s = judged({l});
    CHECK(s.overall == Overall::kFailed);
    CHECK(s.links[0].service == State::kUnknown);
    CHECK(has(s.links[0].cause, "every address refuses the connection"));
    CHECK(has(s.links[0].cause, "all stay in the answer"));
}

TEST_CASE("status: a wrong token is the service, not the path", "[status]") {
    const auto s = judged({link({unauthorised("10.0.1.23"), unauthorised("10.0.2.9")})});
    CHECK(s.overall == Overall::kFailed);
    CHECK(s.links[0].path == State::kUp);
    CHECK(s.links[0].service == State::kDown);
    CHECK(has(s.links[0].cause, "rejects the token (http_status_401)"));
    CHECK(has(s.links[0].fix, "token_file"));
}

TEST_CASE("status: path down here and service down there leaves no database that answers", "[status]") {
    const auto s = judged({link({unauthorised("10.0.1.23"), refused()})});
    CHECK(s.links[0].state == State::kDown);
    CHECK(s.overall == Overall::kFailed);
}

TEST_CASE("status: without a token the path is all there is to judge by", "[status]") {
    auto l = link({address("10.0.1.23", "", State::kUp, State::kUnknown, Reason::kTokenMissing, Phase::kReply)});
    l.token_configured = l.asks_service = false;
    const auto s = judged({l});
    CHECK(s.overall == Overall::kGood);
    CHECK(s.links[0].state == State::kUp);
    CHECK(s.links[0].service == State::kUnknown);
}

TEST_CASE("status: a token that can't be read degrades and names the fix", "[status]") {
    auto l = link({up()});
    l.token_problem = "/etc/postern/db.token: permission denied (chown root:postern)";
    const auto s = judged({l});
    CHECK(s.overall == Overall::kDegraded);
    CHECK(has(s.headline, "db.token"));
}

TEST_CASE("status: no address known has distinct reasons", "[status]") {
    auto l = link({});
    l.discovery = {};
    l.discovery.source = "none";
    CHECK(judged({l}).overall == Overall::kUnknown);  // just started
    l.discovery.error = core::Error{core::Code::kApiDenied, "NoPermission: privatelink:ListVpcEndpointZones",
                                    "give the RAM role this action", 0};
    auto s = judged({l});
    CHECK(s.overall == Overall::kFailed);
    CHECK(has(s.links[0].cause, "privatelink:ListVpcEndpointZones"));
    CHECK(s.links[0].fix == "give the RAM role this action");
    l.discovery.error.reset();
    l.discovery.waiting_for = "the connection is Pending: the service's owner must accept it";
    s = judged({l});
    CHECK(s.overall == Overall::kFailed);
    CHECK(has(s.links[0].cause, "must accept"));
}

TEST_CASE("status: a failing API degrades while the addresses stay", "[status]") {
    auto l = link({up(), up("10.0.2.9")});
    l.discovery.error = core::Error{core::Code::kApiUnavailable, "HTTP 503", "wait, or see status.aliyun.com", 0};
    const auto s = judged({l});
    CHECK(s.links[0].state == State::kUp);
    CHECK(s.overall == Overall::kDegraded);
    CHECK(has(s.headline, "HTTP 503"));
    CHECK(has(s.headline, "2026-01-02T03:03:51Z"));
}

TEST_CASE("status: a resolver that is not running fails everything; a plan not taken degrades", "[status]") {
    auto s = snapshot({link({up()})});
    s.resolver.running = false;
    judge(s);
    CHECK(s.overall == Overall::kFailed);
    CHECK(has(s.headline, "postern-resolver is not running"));
    s = snapshot({link({up()})});
    s.resolver.accepted = false;
    s.resolver.stats.plans_refused = 1;
    s.resolver.stats.plan_refused_fault = 8;  // bad_checksum
    judge(s);
    CHECK(s.overall == Overall::kDegraded);
    CHECK(has(s.headline, "refused the newest plan"));
}

TEST_CASE("status: an address that the resolver does not have degrades and says where to look", "[status]") {
    auto s = test::snapshot({test::link({test::address("10.0.1.23", "h", State::kUp, State::kUp)})});
    s.resolver.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53),
                         *core::SocketAddress::parse("[::1]:53", 53)};
    s.resolver.stats.listen_missing = 0b10;
    judge(s);
    CHECK(s.overall == Overall::kDegraded);
    CHECK_THAT(s.resolver.problem, Catch::Matchers::ContainsSubstring("does not listen on [::1]:53, which"));
    CHECK_THAT(s.resolver.problem, Catch::Matchers::ContainsSubstring("its log"));
    s.resolver.fault.reset();
    s.resolver.managed = false;
    s.resolver.stats.listen_missing = 0b11;
    judge(s);
    CHECK_THAT(s.resolver.problem, Catch::Matchers::ContainsSubstring("127.0.0.153:53, [::1]:53"));
    CHECK_THAT(s.resolver.problem, Catch::Matchers::ContainsSubstring("postern-resolver.socket"));
    s.resolver.fault.reset();
    s.resolver.stats.listen_missing = ~std::uint64_t{0} << 2;  // no address of ours: no finding
    judge(s);
    CHECK(s.overall == Overall::kGood);
}

TEST_CASE("status: remarks on the configuration are no state, a disk that is full is", "[status]") {
    auto s = snapshot({link({up()})});
    s.reported = {make_fault("PN-CONFIG-WARNING", {}, {}, {{"where", "/etc/postern/postern.toml:3: dns.listen: x"}})};
    judge(s);
    CHECK(s.overall == Overall::kGood);
    CHECK(s.faults.size() == 1);
    s.reported.push_back(make_fault("PN-AGENT-WARNING", {}, {}, {{"problem", "the snapshot can't be written"}}));
    judge(s);
    CHECK(s.overall == Overall::kDegraded);
    CHECK(s.headline == "the snapshot can't be written");
    REQUIRE(s.faults.size() == 2);
    CHECK(s.faults[1].code == "PN-CONFIG-WARNING");  // a remark is the last
}

TEST_CASE("status: the code and the severity of a fault decide, not its words", "[status]") {
    for (const char* words : {"endpoint", "/etc/hosts.d/postern.toml:3: dns.listen", "host DNS: x:3: agent", ""}) {
        INFO(words);
        auto s = snapshot({link({up()})});
        s.config_path = words;
        s.reported = {make_fault("PN-CONFIG-WARNING", {}, {}, {{"where", words}})};
        judge(s);
        CHECK(s.overall == Overall::kGood);
        for (const char* code : {"PN-AGENT-DISCOVERY", "PN-API-CLOCK", "PN-RESOLV-TRUCE", "PN-AGENT-WARNING"}) {
            s.reported = {make_fault(code, {}, {}, {{"problem", words}})};
            s.reported[0].state = doctor::State::kWarn;
            judge(s);
            CHECK(s.overall == Overall::kDegraded);
            s.reported[0].state = doctor::State::kFail;
            judge(s);
            CHECK(s.overall == Overall::kFailed);
        }
    }
}

TEST_CASE("status: faults come worst first, an older configuration before all", "[status]") {
    auto s = snapshot({link({up(), refused()})});
    s.reported = {make_fault("PN-CONFIG-WARNING"), make_fault("PN-CONFIG-OLDER")};
    s.resolver.fault = make_fault("PN-AGENT-RESOLVER", {}, {}, {{"problem", "it is not running"}});
    judge(s);
    std::vector<std::string> codes;
    for (const auto& fault : s.faults)
        codes.push_back(fault.code);
    CHECK(codes ==
          std::vector<std::string>{"PN-CONFIG-OLDER", "PN-AGENT-RESOLVER", "PN-TCP-REFUSED", "PN-CONFIG-WARNING"});
    CHECK(s.overall == Overall::kFailed);
    CHECK(s.headline_more == 2);
    CHECK(s.resolver.problem == "it is not running");
}

TEST_CASE("status: a link has a fault for each way of failing, and one that is not known yet is none of the agent's",
          "[status]") {
    auto silent =
        address("10.0.3.3", "cn-hangzhou-j", State::kDown, State::kUnknown, Reason::kTcpTimeout, Phase::kConnect);
    auto s = judged({link({refused("10.0.1.23"), silent, refused("10.0.2.9"), up("10.0.4.4")})});
    REQUIRE(s.links[0].faults.size() == 2);
    CHECK(s.links[0].faults[0].code == "PN-TCP-REFUSED");
    CHECK(s.links[0].faults[0].ip.empty());  // of two
    CHECK(has(s.links[0].cause, "10.0.1.23 (cn-hangzhou-h) and 1 more refuses") == false);
    CHECK(has(s.links[0].cause, "10.0.1.23 (cn-hangzhou-i) and 1 more refuses the connection"));
    CHECK(s.links[0].faults[1].code == "PN-TCP-TIMEOUT");
    CHECK(s.links[0].faults[1].ip == "10.0.3.3");
    auto starting = link({address("10.0.1.23", "", State::kUnknown, State::kUnknown)});
    starting.addresses[0].last.reset();
    s = judged({starting});
    CHECK(s.overall == Overall::kUnknown);
    CHECK(s.headline == "tdengine-prod: the first probes are under way");
    CHECK(s.links[0].faults.size() == 1);
    CHECK(s.faults.empty());
}

TEST_CASE("status: an address whose probes fail by this host alone keeps its state, and its link says why",
          "[status]") {
    auto ours = address("10.0.1.23", "", State::kUp, State::kUp, Reason::kLocalFdLimit, Phase::kConnect);
    const auto s = judged({link({ours})});
    CHECK(s.overall == Overall::kGood);
    CHECK(has(s.links[0].cause, "local_fd_limit"));
}

TEST_CASE("status: the worst comes first and the others are counted", "[status]") {
    auto second = link({refused(), refused("10.0.3.3")});
    second.name = "other";
    const auto s = judged({link({up(), refused()}), second});
    CHECK(s.overall == Overall::kFailed);
    CHECK(s.headline.starts_with("other: "));
    CHECK(s.headline.ends_with("(and 1 more)"));
    CHECK(s.headline_link == "other");
    CHECK(s.headline_more == 1);
}

TEST_CASE("status: a link that is not probed is neither good nor bad", "[status]") {
    auto l = link({address("10.0.1.23", "", State::kUnknown, State::kUnknown)});
    l.addresses[0].last.reset();
    l.probing = false;
    const auto s = judged({l});
    CHECK(s.overall == Overall::kGood);
    CHECK(s.headline == "1 link, 0 of 0 addresses up, 1 not probed");
}

TEST_CASE("status: every reason has a cause, an owner and (but for one) a next step, with the names filled in",
          "[status]") {
    const ReasonContext context{"prod", "gw.example.com", "10.0.1.23", 443};
    for (int r = 1; r < static_cast<int>(Reason::kCount); ++r) {
        const auto reason = static_cast<Reason>(r);
        INFO(probe::to_string(reason));
        CHECK(reason_cause(reason, context) != "answers");
        CHECK_FALSE(reason_owner(reason).empty());
        if (reason != Reason::kLocalCancelled) CHECK_FALSE(reason_fix(reason, context).empty());
        CHECK_FALSE(has(reason_fix(reason, context) + reason_cause(reason, context), "{"));
    }
    CHECK(reason_fix(Reason::kTlsEof, context) ==
          "check whether the gateway serves this name: openssl s_client -connect 10.0.1.23:443 -servername "
          "gw.example.com");
    CHECK(has(reason_fix(Reason::kBodyInvalidJson, {"", "h", "", 443}), "postern probe --json"));
}

TEST_CASE("status: what degrades is named: a rate, the certificate within its own warning time, else slowness",
          "[status]") {
    auto l = link({address("10.0.1.23", "cn-hangzhou-h", State::kUp, State::kDegraded)});
    auto& a = l.addresses[0];
    a.last->certificate.chain_not_after_us = a.last->started_wall_us + 20 * core::kDay;
    a.certificate_expiring = true;  // expiry_warning = "30d"
    judge(l);
    CHECK(l.state == State::kDegraded);
    CHECK(l.cause == "the certificate at 10.0.1.23 (cn-hangzhou-h) expires in 20 days");
    a.certificate_expiring = false;
    judge(l);
    CHECK(l.cause == "10.0.1.23 (cn-hangzhou-h) is slow: its last probe took 5 ms");
    a.partial = true;
    a.rate = {20, 30};
    a.peers_rate = {59, 60};
    judge(l);
    CHECK(l.cause ==
          "10.0.1.23 (cn-hangzhou-h) fails in part: 20 of its last 30 probes passed, 59 of 60 at the others");
}

TEST_CASE("status: a link that asks no service is judged by its path alone", "[status]") {
    auto l =
        link({address("10.0.1.23", "", State::kUp, State::kDown, probe::Reason::kBodyMismatch, probe::Phase::kReply)});
    l.token_configured = l.asks_service = false;
    judge(l);
    CHECK(l.state == State::kUp);  // no service was asked
    l.asks_service = true;
    judge(l);
    CHECK(l.state == State::kDown);
}

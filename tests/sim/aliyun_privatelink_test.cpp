// SPDX-License-Identifier: Apache-2.0
// The PrivateLink client against a scripted gateway on fake time.
#include <ctime>
#include <map>
#include <optional>
#include <set>

#include "agent/cloud/aliyun_privatelink.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

namespace {

struct Refusal {
    int status;
    std::string code;
    std::vector<std::pair<std::string, std::string>> headers = {};
};

/// The gateway's side: date window, nonces, tokens, hosts that may be unreachable, refusals to come.
struct Gateway {
    explicit Gateway(FakeClock& c) : clock(c) {}

    core::Result<HttpResponse> operator()(const HttpRequest& r) {
        const std::string host = r.url.substr(8, r.url.find('/', 8) - 8);
        hosts.push_back(host);
        if (unreachable.count(host) != 0) return core::fail(unreachable.at(host), "cannot reach " + host, "look there");
        if (failing.count(host) != 0) return reply(failing.at(host), "<html>", {});
        CHECK(r.method == "POST");
        CHECK(r.body.empty());
        CHECK(header_of(r, "host").empty());
        const std::string date = header_of(r, "x-acs-date");
        const std::string nonce = header_of(r, "x-acs-signature-nonce");
        CHECK(date.size() == 20);
        CHECK(nonce.size() == 32);
        CHECK(nonces.insert(nonce).second);
        CHECK(header_of(r, "Authorization").find(";x-acs-version,Signature=") != std::string::npos);
        const core::Micros now = clock.wall_us() + offset_us;
        const auto headers = [&] {
            std::time_t t = static_cast<std::time_t>(now / core::kSecond);
            std::tm tm{};
            gmtime_r(&t, &tm);
            char text[64];
            std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
            return std::vector<std::pair<std::string, std::string>>{{"date", text}};
        }();
        const core::Micros skew = core::parse_utc(date) - now;
        if (skew > 15 * core::kMinute || skew < -15 * core::kMinute)
            return error(400, "InvalidTimeStamp.Expired", headers);
        if (!token.empty() && header_of(r, "x-acs-security-token") != token) {
            return error(400, "InvalidSecurityToken.Expired", headers);
        }
        if (!refusals.empty()) {
            const Refusal next = refusals.front();
            if (refusals.size() > 1 || !endless) refusals.erase(refusals.begin());
            if (next.code == "html") return reply(next.status, "<html>", next.headers);
            return error(next.status, next.code, next.headers);
        }
        if (header_of(r, "x-acs-action") == "GetVpcEndpointAttribute") {
            return reply(
                200,
                R"({"RequestId":"R-a","EndpointId":"ep-1","EndpointStatus":"Active","EndpointBusinessStatus":"Normal",)"
                R"("ConnectionStatus":"Connected"})",
                headers);
        }
        CHECK(header_of(r, "x-acs-action") == "ListVpcEndpointZones");
        CHECK(r.url.find("MaxResults=50") != std::string::npos);
        const auto at = r.url.find("NextToken=p");
        const int page = at == std::string::npos ? 0 : std::stoi(r.url.substr(at + 11));
        std::string body = R"({"RequestId":"R-z)" + std::to_string(page) + R"(","Zones":[{"ZoneId":"z)" +
                           std::to_string(page) + R"(","ZoneStatus":"Connected","EniIp":"10.0.)" +
                           std::to_string(page % 250) + R"(.1"}])";
        if (page + 1 < pages) body += R"(,"NextToken":"p)" + std::to_string(page + 1) + "\"";
        return reply(200, body + "}", headers);
    }
    static HttpResponse error(int status, const std::string& code,
                              std::vector<std::pair<std::string, std::string>> headers) {
        return reply(status, R"({"RequestId":"R-e","Code":")" + code + R"(","Message":"words"})", std::move(headers));
    }

    FakeClock& clock;
    core::Micros offset_us = 0;
    std::string token;
    bool endless = false;
    int pages = 1;
    std::map<std::string, Code> unreachable;
    std::map<std::string, int> failing;  // hosts that answer, with this status and a page instead of a reply
    std::vector<Refusal> refusals;
    std::set<std::string> nonces;
    std::vector<std::string> hosts;
};

/// Credentials that the test changes.
struct FakeSource final : CredentialSource {
    explicit FakeSource(std::string& t) : token(t) {}
    std::string_view name() const override { return "ecs_ram_role"; }
    void fetch(Callback done) override {
        ++fetches;
        Credentials c;
        c.access_key_id = "STS.id" + token;
        c.access_key_secret = core::Secret("a-secret");
        c.security_token = core::Secret(token);
        c.provider = "ecs_ram_role";
        c.principal = "role R";
        done(std::move(c));
    }
    std::string& token;
    int fetches = 0;
};

struct World {
    FakeClock clock;
    core::SeededRandom random{11};
    Gateway gateway{clock};
    ScriptedHttp http{clock, [this](const HttpRequest& r) { return gateway(r); }};
    MetadataClient metadata{clock, http, {}};
    std::string token = "the-token-1";
    FakeSource* source = nullptr;
    std::unique_ptr<CredentialChain> chain;
    std::unique_ptr<AliyunPrivatelink> provider;
    std::vector<std::string> log;

    World() {
        core::capture_log([this](core::Level, std::string_view event, const std::string&) { log.emplace_back(event); });
        std::vector<std::unique_ptr<CredentialSource>> sources;
        sources.push_back(std::make_unique<FakeSource>(token));
        source = static_cast<FakeSource*>(sources.front().get());
        chain = std::make_unique<CredentialChain>(clock, random, std::move(sources));
        open({.region = "cn-hangzhou"});
    }
    ~World() { core::capture_log({}); }
    void open(AliyunOptions options) {
        provider = std::make_unique<AliyunPrivatelink>(clock, random, http, *chain, metadata, std::move(options));
    }
    core::Result<EndpointReport> describe_within(core::Micros limit) {
        std::optional<core::Result<EndpointReport>> out;
        int calls = 0;
        provider->describe_endpoint("ep-1", [&](auto r) {
            out = std::move(r);
            ++calls;
        });
        clock.advance(limit);
        CHECK(calls == 1);
        REQUIRE(out);
        return *out;
    }
    core::Result<EndpointReport> describe_endpoint() { return describe_within(2 * core::kMinute); }
    std::uint64_t count(const std::string& action, const std::string& code) const {
        const auto all = provider->requests();
        const auto it = all.find({action, code});
        return it == all.end() ? 0 : it->second;
    }
};

const std::string kInside = "privatelink-vpc.cn-hangzhou.aliyuncs.com",
                  kOutside = "privatelink.cn-hangzhou.aliyuncs.com";

}  // namespace

TEST_CASE("aliyun sim: attributes and every page of zones make one report", "[aliyun]") {
    World w;
    w.gateway.pages = 3;
    const auto r = w.describe_endpoint();
    REQUIRE(r);
    CHECK(r->zones.size() == 3);
    CHECK(r->request_id == "R-z2");
    CHECK(describe(ready_addresses(*r, {})) == "10.0.0.1 (z0), 10.0.1.1 (z1), 10.0.2.1 (z2)");
    CHECK(w.gateway.hosts == std::vector<std::string>(4, kInside));
    CHECK(w.count("ListVpcEndpointZones", "ok") == 3);
    w.gateway.pages = 1000;
    const auto endless = w.describe_endpoint();
    REQUIRE_FALSE(endless);
    CHECK(endless.error().code == Code::kApiBadReply);
}

TEST_CASE("aliyun sim: without the VPC host the public one serves, and is asked first for a while", "[aliyun]") {
    World w;
    w.gateway.unreachable[kInside] = Code::kDnsFailed;
    REQUIRE(w.describe_endpoint());
    CHECK(w.gateway.hosts == std::vector<std::string>{kInside, kOutside, kOutside});
    w.gateway.hosts.clear();
    REQUIRE(w.describe_endpoint());
    CHECK(w.gateway.hosts == std::vector<std::string>{kOutside, kOutside});
    w.clock.advance(11 * core::kMinute);
    w.gateway.unreachable[kInside] = Code::kHttpFailed;  // there, but its connections break: no reason to go outside
    w.gateway.hosts.clear();
    CHECK(w.describe_endpoint().error().code == Code::kHttpFailed);
    CHECK(w.gateway.hosts == std::vector<std::string>(3, kInside));
    w.gateway.hosts.clear();
    w.gateway.unreachable.clear();
    REQUIRE(w.describe_endpoint());
    CHECK(w.gateway.hosts == std::vector<std::string>{kInside, kInside});
    w.gateway.unreachable = {{kInside, Code::kTimeout}, {kOutside, Code::kConnectFailed}};
    const auto none = w.describe_endpoint();
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Code::kConnectFailed);
    CHECK(none.error().text() ==
          "GetVpcEndpointAttribute: cannot reach " + kInside + "; then: cannot reach " + kOutside + " (look there)");
    w.gateway.unreachable = {{kInside, Code::kDnsFailed}, {kOutside, Code::kDnsFailed}};
    const auto nowhere = w.describe_endpoint();
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().hint == "is the region cn-hangzhou spelled right? look there");
}

TEST_CASE("aliyun sim: a VPC host that answers and always fails is as good as none", "[aliyun]") {
    for (const int status : {200, 403, 404, 502, 503}) {
        INFO(status);
        World w;
        w.gateway.failing[kInside] = status;
        REQUIRE(w.describe_endpoint());
        CHECK(w.gateway.hosts == std::vector<std::string>{kInside, kInside, kOutside, kOutside});
    }
    World w;
    w.gateway.refusals = {{403, "NoPermission"}};  // the API itself says no: that is its answer everywhere
    CHECK(w.describe_endpoint().error().code == Code::kApiDenied);
    CHECK(w.gateway.hosts == std::vector<std::string>{kInside});
}

TEST_CASE("aliyun sim: an override is the only host, and plain http is for loopback only", "[aliyun]") {
    World w;
    w.open({.region = "cn-hangzhou", .api_endpoint = "https://127.0.0.1:8443/"});
    REQUIRE(w.describe_endpoint());
    CHECK(w.gateway.hosts == std::vector<std::string>(2, "127.0.0.1:8443"));
    w.open({.region = "cn-hangzhou", .api_endpoint = "http://api.example"});
    CHECK(w.describe_endpoint().error().code == Code::kConfigBadValue);
    w.open({.region = "cn-hangzhou.evil.example/"});
    CHECK(w.describe_endpoint().error().code == Code::kConfigBadValue);
    CHECK(w.gateway.hosts.size() == 2);
}

TEST_CASE("aliyun sim: what passes is retried a little, with new signatures, and then reported", "[aliyun]") {
    World w;
    w.gateway.refusals = {{500, "InternalError"}, {503, "html"}};
    REQUIRE(w.describe_endpoint());
    CHECK(w.gateway.nonces.size() == 4);
    w.gateway.refusals = {{400, "SignatureNonceUsed"}};
    REQUIRE(w.describe_endpoint());
    w.gateway.refusals = {{503, "html"}};
    w.gateway.endless = true;
    const auto before = w.http.requests.size();
    const auto r = w.describe_endpoint();
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Code::kApiUnavailable);
    CHECK(w.http.requests.size() - before == 3);
    w.gateway.refusals = {{403, "NoPermission"}};
    CHECK(w.describe_endpoint().error().code == Code::kApiDenied);
    CHECK(w.http.requests.size() - before == 4);  // no use in asking again
}

TEST_CASE("aliyun sim: a 503 that asks for a pause is that host's: the next one is asked, the last one waited for",
          "[aliyun]") {
    World w;
    w.gateway.refusals = {{503, "html", {{"retry-after", "1800"}}}};
    REQUIRE(w.describe_within(core::kSecond));
    CHECK(w.gateway.hosts.front() == "privatelink-vpc.cn-hangzhou.aliyuncs.com");
    CHECK(w.gateway.hosts.at(1) == "privatelink.cn-hangzhou.aliyuncs.com");
    CHECK(w.provider->not_before_mono_us() == 0);
    // A proxy that is the only host.
    w.provider->configure({.region = "cn-hangzhou", .api_endpoint = "https://proxy.example"});
    w.gateway.refusals = {{503, "html", {{"retry-after", "1800"}}}};
    CHECK(w.describe_endpoint().error().code == Code::kApiUnavailable);
    CHECK(w.provider->not_before_mono_us() >= w.clock.mono_us() + 25 * core::kMinute);
    const auto before = w.http.requests.size();
    CHECK_FALSE(w.describe_endpoint());
    CHECK(w.http.requests.size() == before);           // not sent during the pause
    w.provider->configure({.region = "cn-hangzhou"});  // corrected: the pause was the proxy's
    CHECK(w.provider->not_before_mono_us() == 0);
    REQUIRE(w.describe_within(core::kSecond));
}

TEST_CASE("aliyun sim: throttling waits what the reply says, for everyone", "[aliyun]") {
    World w;
    w.gateway.refusals = {
        {400, "Throttling.User", {{"x-ratelimit-user-api", "Limit:1,Remain:0,TimeLeft:2000,Reset:1"}}}};
    const core::Micros started = w.clock.mono_us();
    std::optional<core::Micros> done;
    w.provider->describe_endpoint("ep-1", [&](auto r) {
        REQUIRE(r);
        done = w.clock.mono_us() - started;
    });
    w.clock.advance(core::kMinute);
    REQUIRE(done);
    CHECK(*done >= 2 * core::kSecond);
    CHECK(*done < 3 * core::kSecond);

    w.gateway.refusals = {{429, "Throttling.Api", {{"x-ratelimit-user", "TimeLeft:120000"}}}};
    const auto r = w.describe_within(core::kSecond);
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Code::kApiThrottled);
    CHECK(w.provider->not_before_mono_us() >= w.clock.mono_us() + 100 * core::kSecond);
    const auto sent = w.http.requests.size();
    CHECK(w.describe_within(core::kSecond).error().code == Code::kApiThrottled);
    CHECK(w.http.requests.size() == sent);  // nothing goes out before
    w.clock.advance(3 * core::kMinute);
    CHECK(w.describe_endpoint());
    w.gateway.refusals = {{400, "Throttling", {{"x-ratelimit-user", "TimeLeft:86399999"}}}};
    (void)w.describe_within(core::kSecond);
    CHECK(w.provider->not_before_mono_us() - w.clock.mono_us() < core::kHour);  // whatever it says
}

TEST_CASE("aliyun sim: a wrong clock is measured, worked around, reported, and noticed when it is right again",
          "[aliyun]") {
    World w;
    w.gateway.offset_us = 1203 * core::kSecond;
    REQUIRE(w.describe_endpoint());
    CHECK(w.count("GetVpcEndpointAttribute", "InvalidTimeStamp.Expired") == 1);
    CHECK(w.provider->clock_offset_us() / core::kSecond == 1203);
    CHECK(w.provider->clock_problem() == "20 min 3 s behind");
    REQUIRE(w.describe_endpoint());
    CHECK(w.count("GetVpcEndpointAttribute", "InvalidTimeStamp.Expired") == 1);
    w.clock.jump_wall(1203 * core::kSecond);  // NTP steps it
    w.gateway.offset_us = 0;
    REQUIRE(w.describe_endpoint());
    CHECK(w.provider->clock_offset_us() == 0);
    CHECK(w.provider->clock_problem().empty());
    CHECK(std::count(w.log.begin(), w.log.end(), "clock_offset_gone") == 1);
    w.gateway.refusals = {{400, "InvalidTimeStamp.Expired"}};  // no Date header: nothing to learn from
    w.gateway.endless = true;
    const auto r = w.describe_endpoint();
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Code::kApiClock);
    CHECK(r.error().hint.find("fix NTP") != std::string::npos);
}

TEST_CASE("aliyun sim: an expired token is renewed once and the request sent once more", "[aliyun]") {
    World w;
    w.gateway.token = "the-token-1";
    REQUIRE(w.describe_endpoint());
    CHECK(w.source->fetches == 1);
    w.gateway.token = "the-token-2";
    w.token = "the-token-2";
    REQUIRE(w.describe_endpoint());
    CHECK(w.source->fetches == 2);
    w.gateway.token = "the-token-3";  // the source has no such token
    const auto r = w.describe_endpoint();
    REQUIRE_FALSE(r);
    CHECK(r.error().code == Code::kCredentialsExpired);
    CHECK(w.source->fetches == 3);
    w.gateway.token.clear();
    w.gateway.refusals = {{400, "SignatureDoesNotMatch"}};
    CHECK(w.describe_endpoint().error().code == Code::kCredentialsInvalid);
    REQUIRE(w.describe_endpoint());  // read again for the next request
    CHECK(w.source->fetches >= 4);
}

TEST_CASE("aliyun sim: no callback after the end, whatever was under way", "[aliyun]") {
    for (core::Micros at = 0; at < 40 * core::kMillisecond; at += core::kMillisecond) {
        World w;
        w.gateway.refusals = {{500, "InternalError"}};
        bool called = false;
        w.provider->describe_endpoint("ep-1", [&](auto) { called = true; });
        w.clock.advance(at);
        const bool before = called;
        w.provider.reset();
        w.clock.advance(core::kMinute);
        CHECK(called == before);
    }
    World w;
    bool done = false;
    w.provider->describe_endpoint("ep-1", [&](auto) {
        w.provider.reset();  // by its own callback
        done = true;
    });
    w.clock.advance(core::kMinute);
    CHECK(done);
}

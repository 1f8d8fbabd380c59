// SPDX-License-Identifier: Apache-2.0
// Endpoints that are searched for: ListVpcEndpoints in its odd forms, and what comes of the parts over time.
#include <functional>
#include <optional>
#include <set>

#include "agent/cloud/aliyun_privatelink.h"
#include "agent/discovery/endpoint_sync.h"
#include "agent/endpoint/endpoint_query.h"
#include "core/log.h"
#include "tests/sim/counting_listener.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;
using core::kMinute;
using core::kSecond;

namespace {

const std::string kService = "com.aliyuncs.privatelink.cn-hangzhou.epsrv-1";

struct StaticKeys final : CredentialSource {
    std::string_view name() const override { return "environment"; }
    void fetch(Callback done) override {
        Credentials c;
        c.access_key_id = "id";
        c.access_key_secret = core::Secret("a-secret");
        c.provider = name();
        done(std::move(c));
    }
};

std::string endpoint(const std::string& id, const std::string& more = "") {
    return R"({"EndpointId":")" + id + R"(","EndpointStatus":"Active","ConnectionStatus":"Connected","ServiceName":")" +
           kService + "\"" + more + "}";
}

struct World {
    FakeClock clock;
    core::SeededRandom random{5};
    ScriptedHttp http{clock, [this](const HttpRequest& r) { return answer(r); }};
    MetadataClient metadata{clock, http, {}};
    std::unique_ptr<CredentialChain> chain;
    std::unique_ptr<AliyunPrivatelink> provider;
    std::vector<std::string> log;

    std::function<std::string(const std::string& url)> list = [](const std::string&) { return R"({"Endpoints":[]})"; };
    std::map<std::string, std::string> addresses;  // by endpoint; none: EndpointNotFound
    bool with_metadata = true;

    World() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            log.push_back(std::string(event) + " " + line);
        });
        std::vector<std::unique_ptr<CredentialSource>> sources;
        sources.push_back(std::make_unique<StaticKeys>());
        chain = std::make_unique<CredentialChain>(clock, random, std::move(sources));
        provider = std::make_unique<AliyunPrivatelink>(clock, random, http, *chain, metadata,
                                                       AliyunOptions{.region = "cn-hangzhou"});
    }
    ~World() { core::capture_log({}); }

    core::Result<HttpResponse> answer(const HttpRequest& r) {
        if (r.url.find("/meta-data/all") != std::string::npos && with_metadata)
            return reply(200, R"({"vpc-id":"vpc-own","region-id":"cn-hangzhou"})");
        if (r.url.find("100.100.100.200") != std::string::npos) return reply(404, "");
        if (header_of(r, "x-acs-action") == "ListVpcEndpoints") return reply(200, list(r.url));
        CHECK(header_of(r, "x-acs-action") == "ListVpcEndpointZones");
        for (const auto& [id, ip] : addresses) {
            if (r.url.find("EndpointId=" + id + "&") == std::string::npos) continue;
            return reply(
                200, R"({"RequestId":"R-z","Zones":[{"ZoneId":"h","ZoneStatus":"Connected","EniIp":")" + ip + "\"}]}");
        }
        return reply(404, R"({"Code":"EndpointNotFound","Message":"m"})");
    }
    core::Result<EndpointReport> find(const EndpointQuery& query) {
        std::optional<core::Result<EndpointReport>> out;
        provider->describe_endpoint(query_key(query), [&](auto r) { out = std::move(r); });
        clock.advance(2 * kMinute);
        REQUIRE(out);
        return *out;
    }
    std::string found(const EndpointQuery& query = {kService, {}, ""}) {
        const auto report = find(query);
        return report ? describe(ready_addresses(*report, {})) : report.error().what.text();
    }
};

}  // namespace

TEST_CASE("found: the question has VPC, service and tags, and the answer every page in all its forms", "[found]") {
    World w;
    w.addresses = {{"ep-1", "10.0.0.1"}, {"ep-2", "10.0.0.2"}, {"ep-3", "10.0.0.3"}};
    const std::string ends[] = {"", R"(,"NextToken":null)", R"(,"NextToken":"")"};
    for (const auto& end : ends) {
        for (const bool wrapped : {false, true}) {
            w.list = [&](const std::string& url) {
                CHECK(url.find("VpcId=vpc-own") != std::string::npos);
                CHECK(url.find("ServiceName=" + kService) != std::string::npos);
                CHECK(url.find("Tag.1.Key=env&Tag.1.Value=a%26b&Tag.2.Key=x&Tag.2.Value=") != std::string::npos);
                CHECK(url.find("MaxResults=50") != std::string::npos);
                const bool second = url.find("NextToken=p%2F2") != std::string::npos;
                const std::string tags = R"(,"Tags":[{"Key":"x"},{"Key":"env","Value":"a&b"}])";
                const std::string items =
                    second ? endpoint("ep-3", tags)
                           : endpoint("ep-1", tags) + "," + endpoint("ep-2", R"(,"EndpointType":"Interface")" + tags);
                const std::string list = wrapped ? R"({"Endpoint":[)" + items + "]}" : "[" + items + "]";
                return R"({"RequestId":"R-1","TotalCount":"3","Endpoints":)" + list +
                       (second ? end : R"(,"NextToken":"p/2")") + "}";
            };
            CHECK(w.found({kService, {{"env", "a&b"}, {"x", ""}}, ""}) == "10.0.0.1 (h), 10.0.0.2 (h), 10.0.0.3 (h)");
        }
    }
}

TEST_CASE("found: none, foreign ones, too many, endless pages and odd replies", "[found]") {
    World w;
    for (const char* none :
         {R"({"Endpoints":[],"TotalCount":0})", R"({"Endpoints":null,"TotalCount":"0"})", R"({"TotalCount":0})"}) {
        w.list = [none](const std::string&) { return none; };
        const auto report = w.find({kService, {}, ""});
        REQUIRE(report);
        CHECK(why_not_ready(*report, {})
                  .find("there is no endpoint of " + kService + " in vpc-own in region cn-hangzhou: ") == 0);
    }
    w.addresses = {{"ep-1", "10.0.0.1"}, {"ep-2", "10.0.0.2"}};
    w.list = [](const std::string&) {  // the filter was not known; and another kind of endpoint
        return R"({"Endpoints":[{"EndpointId":"ep-2","EndpointStatus":"Active","ServiceName":"other"},)" +
               endpoint("ep-1") + "," + endpoint("ep-9", R"(,"EndpointType":"GatewayLoadBalancer")") + "]}";
    };
    CHECK(w.found() == "10.0.0.1 (h)");
    w.list = [](const std::string&) {  // neither the VPC nor the tags were known as filters
        const std::string prod = R"(,"Tags":{"Tag":[{"TagKey":"env","TagValue":"prod"}]})";
        return R"({"Endpoints":[)" + endpoint("ep-2", R"(,"VpcId":"vpc-other")" + prod) + "," +
               endpoint("ep-3", R"(,"VpcId":"vpc-own","Tags":[{"Key":"env","Value":"test"}])") + "," +
               endpoint("ep-4", R"(,"VpcId":"vpc-own")") + "," + endpoint("ep-1", R"(,"VpcId":"vpc-own")" + prod) +
               "]}";
    };
    CHECK(w.found({kService, {{"env", "prod"}}, ""}) == "10.0.0.1 (h)");
    w.list = [](const std::string&) {
        return R"({"Endpoints":[)" + endpoint("ep-1") + "," + endpoint("ep-gone") + "]}";
    };
    CHECK(w.found() == "10.0.0.1 (h)");  // deleted between the two questions
    w.list = [](const std::string&) {
        std::string all = endpoint("ep-0");
        for (int i = 1; i <= 20; ++i)
            all += "," + endpoint("ep-" + std::to_string(i));
        return R"({"Endpoints":[)" + all + "]}";
    };
    CHECK(w.found().find("more than 20 endpoints match") == 0);
    w.list = [](const std::string&) { return R"({"Endpoints":[)" + endpoint("ep-1") + R"(],"NextToken":"again"})"; };
    CHECK(w.found() == "ListVpcEndpoints: its pages repeat without end");
    for (const char* bad :
         {R"({})", R"({"Endpoints":5})", R"({"Endpoints":[5]})", R"({"Endpoints":[{}]})", R"({"TotalCount":3})"}) {
        w.list = [bad](const std::string&) { return bad; };
        CHECK_FALSE(w.find({kService, {}, ""}));
    }
}

TEST_CASE("found: the VPC is the instance's, unless it is given", "[found]") {
    World w;
    w.addresses = {{"ep-1", "10.0.0.1"}};
    w.with_metadata = false;
    w.list = [](const std::string& url) {
        CHECK(url.find("VpcId=vpc-given") != std::string::npos);
        return R"({"Endpoints":[)" + endpoint("ep-1") + "]}";
    };
    const auto unknown = w.find({kService, {}, ""});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code == Code::kConfigBadValue);
    CHECK(unknown.error().hint.find("vpc = ") != std::string::npos);
    CHECK(w.found({kService, {}, "vpc-given"}) == "10.0.0.1 (h)");
}

TEST_CASE("found: a part that vanishes has its grace time, one whose end is stated has none, and none never empties",
          "[found]") {
    World w;
    w.addresses = {{"ep-1", "10.0.0.1"}, {"ep-2", "10.0.0.2"}, {"ep-3", "10.0.0.3"}};
    std::vector<std::string> listed{endpoint("ep-1"), endpoint("ep-2"), endpoint("ep-3")};
    w.list = [&](const std::string&) {
        std::string all;
        for (const auto& e : listed)
            all += (all.empty() ? "" : ",") + e;
        return R"({"RequestId":"R-2","Endpoints":[)" + all + "]}";
    };
    CountingListener listener;
    EndpointSync sync(w.clock, w.random, *w.provider, listener);
    Config config;
    LinkConfig link;
    link.name = "a";
    link.find.service = kService;
    config.links = {link};
    sync.configure(config);
    sync.start();
    w.clock.advance(10 * kSecond);
    const auto served = [&] { return describe(sync.status("a").addresses); };
    CHECK(served() == "10.0.0.1 (h), 10.0.0.2 (h), 10.0.0.3 (h)");
    CHECK(sync.status("a").reports.size() == 3);
    CHECK(sync.status("a").source == "api");
    listed = {endpoint("ep-1"),
              R"({"EndpointId":"ep-3","EndpointStatus":"Deleting","ConnectionStatus":"Disconnected","ServiceName":")" +
                  kService + "\"}"};
    w.clock.advance(70 * kSecond);
    CHECK(served() == "10.0.0.1 (h), 10.0.0.2 (h)");  // though another endpoint is ready in the same zone
    REQUIRE_FALSE(sync.warnings().empty());
    CHECK(sync.warnings()[0].find("10.0.0.2 (h) no longer listed") != std::string::npos);
    w.clock.advance(11 * kMinute);
    CHECK(served() == "10.0.0.1 (h)");
    listed.clear();
    w.clock.advance(core::kHour);
    CHECK(served() == "10.0.0.1 (h)");
    CHECK(sync.status("a").waiting_for.find("there is no endpoint of") == 0);
}

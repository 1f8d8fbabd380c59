// SPDX-License-Identifier: Apache-2.0
// A write through AliyunApi on fake time: what is repeated, what stays the same, and what counts as success.
#include <optional>
#include <set>

#include "agent/account/operation_error.h"
#include "agent/cloud/aliyun_api.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

namespace {

struct FixedKey final : CredentialSource {
    std::string_view name() const override { return "environment"; }
    void fetch(Callback done) override {
        Credentials c;
        c.access_key_id = "LTAIx";
        c.access_key_secret = core::Secret("a-secret-key");
        c.provider = "environment";
        done(std::move(c));
    }
};

std::unique_ptr<CredentialChain> chain_of(core::Clock& clock, core::Random& random) {
    std::vector<std::unique_ptr<CredentialSource>> sources;
    sources.push_back(std::make_unique<FixedKey>());
    return std::make_unique<CredentialChain>(clock, random, std::move(sources));
}

HttpResponse refusal(int status, const std::string& code) {
    return {status, {}, R"({"RequestId":"R-1","Code":")" + code + R"(","Message":"words"})"};
}

std::string host_of(const HttpRequest& r) {
    return r.url.substr(8, r.url.find('/', 8) - 8);
}

struct World {
    FakeClock clock;
    core::SeededRandom random{7};
    std::vector<core::Result<HttpResponse>> replies;  // in turn, the last again and again
    ScriptedHttp http{clock, [this](const HttpRequest&) {
                          const auto reply = replies.front();
                          if (replies.size() > 1) replies.erase(replies.begin());
                          return reply;
                      }};
    MetadataClient metadata{clock, http, {}};
    std::unique_ptr<CredentialChain> chain = chain_of(clock, random);
    AliyunApi api{clock, random, http, *chain, metadata, {.region = "cn-hangzhou"}};

    World() {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
    }
    ~World() { core::capture_log({}); }

    core::Result<JsonView> write(const AliyunProduct& product = {"privatelink", "2020-04-15"}) {
        std::optional<core::Result<JsonView>> out;
        api.call(
            product, "CreateVpcEndpoint", {{"ClientToken", "once"}}, "an endpoint", [&](auto r) { out = std::move(r); },
            explain_operation);
        clock.advance(core::kMinute);
        REQUIRE(out);
        return std::move(*out);
    }
};

}  // namespace

TEST_CASE("cloud operation: a repeated write has the same token and its own signature", "[cloud]") {
    World w;
    w.replies = {core::fail(Code::kHttpFailed, "reset"), refusal(400, "EndpointLocked"),
                 HttpResponse{200, {}, R"({"RequestId":"R","EndpointId":"ep-1"})"}};
    const auto reply = w.write();
    REQUIRE(reply);
    CHECK(reply->at("EndpointId").text() == "ep-1");
    REQUIRE(w.http.requests.size() == 3);
    std::set<std::string> nonces;
    for (const auto& request : w.http.requests) {
        CHECK(request.url.find("ClientToken=once") != std::string::npos);
        CHECK(request.send_once);
        for (const auto& [name, value] : request.headers) {
            if (name == "x-acs-signature-nonce") nonces.insert(value);
        }
    }
    CHECK(nonces.size() == 3);
}

TEST_CASE("cloud operation: a dry run that passed is a success, whatever its status", "[cloud]") {
    for (const int status : {400, 403, 412}) {
        World w;
        w.replies = {refusal(status, "DryRunOperation")};
        CHECK(w.write());
        CHECK(w.http.requests.size() == 1);
        CHECK(w.api.requests().at({"CreateVpcEndpoint", "ok"}) == 1);
    }
}

TEST_CASE("cloud operation: what is refused for good is not repeated, and has a person's next step", "[cloud]") {
    World w;
    w.replies = {refusal(400, "EndpointServiceNotFound")};
    const auto reply = w.write();
    REQUIRE_FALSE(reply);
    CHECK(reply.error().hint.find("添加白名单") != std::string::npos);
    CHECK(w.http.requests.size() == 1);
}

TEST_CASE("cloud operation: a configured PrivateLink host stands for each product's own; another host serves all",
          "[cloud]") {
    struct Case {
        const char* configured;
        const char* product;
        const char* host;
    };
    const Case cases[] = {
        {"", "ecs", "ecs-vpc.cn-hangzhou.aliyuncs.com"},
        {"https://privatelink-vpc.cn-hangzhou.aliyuncs.com", "ecs", "ecs-vpc.cn-hangzhou.aliyuncs.com"},
        {"https://privatelink.cn-hangzhou.aliyuncs.com", "ecs", "ecs.cn-hangzhou.aliyuncs.com"},
        {"https://privatelink.cn-hangzhou.aliyuncs.com", "privatelink", "privatelink.cn-hangzhou.aliyuncs.com"},
        {"https://gateway.example.com:8443", "ecs", "gateway.example.com:8443"},
        {"https://privatelink.example.com", "ecs", "privatelink.example.com"},
    };
    for (const auto& c : cases) {
        INFO(c.configured << " for " << c.product);
        World w;
        w.api.configure({.region = "cn-hangzhou", .api_endpoint = c.configured});
        w.replies = {HttpResponse{200, {}, R"({"RequestId":"R"})"}};
        CHECK(w.write({c.product, "2014-05-26"}));
        CHECK(host_of(w.http.requests.front()) == c.host);
    }
}

TEST_CASE("cloud operation: a product that is the same in all regions has its own hosts", "[cloud]") {
    const AliyunProduct central{"pvtz", "2018-01-01", "pvtz.vpc-proxy.aliyuncs.com", "pvtz.aliyuncs.com"};
    const std::pair<const char*, const char*> cases[] = {
        {"", "pvtz.vpc-proxy.aliyuncs.com"},
        {"https://privatelink-vpc.cn-hangzhou.aliyuncs.com", "pvtz.vpc-proxy.aliyuncs.com"},
        {"https://privatelink.cn-hangzhou.aliyuncs.com", "pvtz.aliyuncs.com"},
        {"https://gateway.example.com:8443", "gateway.example.com:8443"},
    };
    for (const auto& [configured, host] : cases) {
        INFO(configured);
        World w;
        w.api.configure({.region = "cn-hangzhou", .api_endpoint = configured});
        w.replies = {HttpResponse{200, {}, R"({"RequestId":"R"})"}};
        CHECK(w.write(central));
        CHECK(host_of(w.http.requests.front()) == host);
    }
}

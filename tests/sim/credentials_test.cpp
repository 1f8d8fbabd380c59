// SPDX-License-Identifier: Apache-2.0
// Credentials over hours of fake time.
#include <map>
#include <optional>

#include "tests/sim/fake_imds.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

TEST_CASE("credentials: the environment comes first and is asked no one else", "[credentials]") {
    ImdsWorld w;
    w.variables = {{"ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIexample"}, {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "a-secret"}};
    w.open_chain();
    const auto c = w.get();
    REQUIRE(c);
    CHECK(c->access_key_id == "LTAIexample");
    CHECK(c->access_key_secret.expose() == "a-secret");
    CHECK(c->security_token.empty());
    CHECK(w.chain->source() == "environment");
    CHECK(w.http.requests.empty());
    w.clock.advance(30 * core::kDay);
    CHECK(w.clock.idle());
    w.variables["ALIBABA_CLOUD_SECURITY_TOKEN"] = "a-token";
    w.open_chain();
    CHECK(w.get()->security_token.expose() == "a-token");
}

TEST_CASE("credentials: the role's keys are renewed ahead of time for days, and no call waits for it",
          "[credentials]") {
    ImdsWorld w;
    w.open_chain();
    auto c = w.get();
    REQUIRE(c);
    CHECK(c->provider == "ecs_ram_role");
    CHECK(c->principal == "role PosternRole");
    std::string last;
    int waits = 0;
    for (int minute = 0; minute < 3 * 24 * 60; ++minute) {
        w.clock.advance(core::kMinute);
        bool at_once = false;
        w.chain->get([&](core::Result<Credentials> r) {
            at_once = true;
            REQUIRE(r);
            CHECK(r->expires_wall_us > w.clock.wall_us() + 3 * core::kMinute);
        });
        waits += at_once ? 0 : 1;
    }
    CHECK(waits == 0);
    CHECK(w.imds.generation == 13);  // 72 h of 5 h 45 min each
    CHECK(w.imds.keys_asked < 40);
}

TEST_CASE("credentials: everyone who waits gets the answer of one question", "[credentials]") {
    ImdsWorld w;
    w.open_chain();
    int answers = 0;
    for (int i = 0; i < 50; ++i)
        w.chain->get([&](auto r) { answers += r.has_value(); });
    w.clock.advance(core::kSecond);
    CHECK(answers == 50);
    CHECK(w.imds.keys_asked == 1);
}

TEST_CASE("credentials: when renewal fails the old ones serve until they expire, then the reason is reported",
          "[credentials]") {
    ImdsWorld w;
    w.open_chain();
    REQUIRE(w.get());
    w.imds.down = true;
    w.clock.advance(6 * core::kHour - 2 * core::kMinute);
    const auto old = w.get();
    REQUIRE(old);
    CHECK(old->access_key_id == "STS.id1");
    w.clock.advance(5 * core::kMinute);
    const auto gone = w.get();
    REQUIRE_FALSE(gone);
    CHECK(gone.error().code == Code::kCredentialsMissing);
    CHECK(gone.error().what.starts_with("no Alibaba Cloud credentials: ecs_ram_role: no instance metadata: "));
    CHECK(
        gone.error().what.ends_with("; not set up: environment, oidc_role_arn, cli_profile, profile, credentials_uri"));
    REQUIRE(w.chain->attempts().size() == 6);
    CHECK(w.chain->attempts()[0].why_not == "ALIBABA_CLOUD_ACCESS_KEY_ID is not set");
    CHECK_FALSE(w.chain->attempts()[0].used);
    w.imds.down = false;
    w.clock.advance(core::kMinute);
    REQUIRE(w.get());
    CHECK(w.get()->access_key_id == "STS.id2");
}

TEST_CASE("credentials: a token that the API calls expired is replaced at once", "[credentials]") {
    ImdsWorld w;
    w.open_chain();
    const auto first = w.get();
    REQUIRE(first);
    w.chain->invalidate("some other key");
    CHECK(w.get()->access_key_id == "STS.id1");
    CHECK(w.imds.keys_asked == 1);
    w.imds.expires = 0;  // the service has new ones
    w.chain->invalidate(first->access_key_id);
    const auto second = w.get();
    REQUIRE(second);
    CHECK(second->access_key_id == "STS.id2");
    CHECK(w.imds.keys_asked == 2);
}

TEST_CASE("credentials: a wall clock that is hours wrong does not make them ask without end", "[credentials]") {
    ImdsWorld w;
    w.open_chain();
    REQUIRE(w.get());
    w.clock.jump_wall(9 * core::kHour);  // everything looks expired now, and the service thinks otherwise
    w.imds.renew = false;
    const int before = w.imds.keys_asked;
    for (int i = 0; i < 60; ++i) {
        REQUIRE(w.get());  // ten seconds each
    }
    CHECK(w.imds.keys_asked - before < 80);
    w.clock.jump_wall(-9 * core::kHour);
    w.imds.renew = true;
    REQUIRE(w.get());
}

TEST_CASE("credentials: switches and odd replies", "[credentials]") {
    ImdsWorld w;
    w.variables["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "True";
    w.open_chain();
    const auto none = w.get();
    REQUIRE_FALSE(none);
    CHECK(w.http.requests.empty());
    w.variables = {{"ALIBABA_CLOUD_ECS_METADATA", "PosternRole"}};
    w.open_chain();
    REQUIRE(w.get());
    CHECK(w.http.count("security-credentials/") == 1);  // the role's name was not asked
    ImdsWorld failing;
    failing.imds.code = "Failed";
    failing.open_chain();
    CHECK(failing.get().error().what.find("refused with code \"Failed\"") != std::string::npos);
    ImdsWorld no_role;
    no_role.imds.role.clear();
    no_role.open_chain();
    CHECK(no_role.get().error().what.find("no RAM role is attached to this instance") != std::string::npos);
}

TEST_CASE("credentials: only a whole document counts", "[credentials]") {
    const std::string good =
        R"({"AccessKeyId":"i","AccessKeySecret":"secret-x","SecurityToken":"token-x","Expiration":"2026-01-02T03:04:05Z","Code":"Success"})";
    REQUIRE(parse_role_credentials(good, true));
    for (std::size_t cut = 0; cut < good.size(); ++cut)
        CHECK_FALSE(parse_role_credentials(good.substr(0, cut), true));
    for (
        const char* bad :
        {"", "[]", "null", "{}", "{\"Code\":\"Success\"}", "<html>",
         R"({"AccessKeyId":"i","AccessKeySecret":"","SecurityToken":"t","Expiration":"2026-01-02T03:04:05Z","Code":"Success"})",
         R"({"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t","Expiration":"tomorrow","Code":"Success"})",
         R"({"AccessKeyId":{},"AccessKeySecret":[],"SecurityToken":1,"Expiration":2,"Code":"Success"})"}) {
        CHECK_FALSE(parse_role_credentials(bad, true));
    }
    const std::string no_code =
        R"({"AccessKeyId":"i","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2026-01-02T03:04:05Z"})";
    CHECK_FALSE(parse_role_credentials(no_code, true));
    CHECK(parse_role_credentials(no_code, false));
}

TEST_CASE("credentials: what several sources are told to do stands once in the line", "[credentials]") {
    class Failing final : public CredentialSource {
      public:
        Failing(std::string name, std::string hint) : name_(std::move(name)), hint_(std::move(hint)) {}
        std::string_view name() const override { return name_; }
        void fetch(Callback done) override {
            done(core::fail(Code::kCredentialsInvalid, "no answer for " + name_, hint_));
        }

      private:
        std::string name_, hint_;
    };
    ImdsWorld w;
    std::vector<std::unique_ptr<CredentialSource>> sources;
    sources.push_back(std::make_unique<Failing>("one", "check the network"));
    sources.push_back(std::make_unique<Failing>("two", "attach a role"));
    sources.push_back(std::make_unique<Failing>("three", "check the network"));
    CredentialChain chain(w.clock, w.random, std::move(sources));
    std::optional<core::Result<Credentials>> got;
    chain.get([&](core::Result<Credentials> r) { got = std::move(r); });
    REQUIRE(got);
    REQUIRE_FALSE(*got);
    CHECK(got->error().what ==
          "no Alibaba Cloud credentials: one: no answer for one; two: no answer for two (attach a role); three: no "
          "answer for three (check the network)");
}

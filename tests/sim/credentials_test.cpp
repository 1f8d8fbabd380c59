// Metadata and credentials over hours of fake time.
#include <catch2/catch.hpp>
#include <map>
#include <optional>

#include "agent/cloud/credentials.h"
#include "agent/cloud/metadata.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

namespace {

/// The instance metadata service as its documentation has it.
struct FakeImds {
    explicit FakeImds(FakeClock& c) : clock(c) {}
    core::Result<HttpResponse> operator()(const HttpRequest& r) {
        CHECK_FALSE(r.allow_proxy);
        CHECK(r.timeout_us <= core::kSecond);
        if (down) return core::fail(Code::kTimeout, "no connection to 100.100.100.200:80 within 1 s");
        if (r.method == "PUT") {
            if (put_status != 200) return reply(put_status, "");
            CHECK(header_of(r, "X-aliyun-ecs-metadata-token-ttl-seconds") == "21600");
            session = "session-" + std::to_string(++sessions);
            return reply(200, session + "\r\n");
        }
        const std::string token = header_of(r, "X-aliyun-ecs-metadata-token");
        if (token_required && token != session) return reply(401, "");
        if (token_refused && !token.empty()) return reply(500, "<html>");
        const std::string path = r.url.substr(r.url.find("/meta-data/") + 11);
        if (path == "ram/security-credentials/" && !role.empty()) return reply(200, role);
        if (!role.empty() && path == "ram/security-credentials/" + role) {
            ++keys_asked;
            if (code != "Success") return reply(200, "{\"Code\":\"" + code + "\"}");
            if (renew && (expires == 0 || expires - clock.wall_us() < 30 * core::kMinute)) {
                ++generation;
                expires = clock.wall_us() + lifetime;
            }
            const std::string n = std::to_string(generation);
            return reply(200, "{\"AccessKeyId\":\"STS.id" + n + "\",\"AccessKeySecret\":\"the-secret-" + n +
                                  "\",\"SecurityToken\":\"the-token-" + n + "\",\"Expiration\":\"" +
                                  core::format_utc(expires).substr(0, 19) + "Z\",\"Code\":\"Success\"}");
        }
        const auto it = values.find(path);
        return it == values.end() ? reply(404, "<html>404</html>") : reply(200, it->second);
    }

    FakeClock& clock;
    bool down = false, token_required = true, token_refused = false, renew = true;
    int put_status = 200, sessions = 0, generation = 0, keys_asked = 0;
    std::string session, role = "PosternRole", code = "Success";
    core::Micros expires = 0, lifetime = 6 * core::kHour;
    std::map<std::string, std::string> values{
        {"region-id", "cn-hangzhou\r\n"}, {"zone-id", " cn-hangzhou-h"}, {"vpc-id", "vpc-bp1"}};
};

struct World {
    FakeClock clock;
    core::SeededRandom random{7};
    FakeImds imds{clock};
    ScriptedHttp http{clock, [this](const HttpRequest& r) { return imds(r); }};
    std::unique_ptr<MetadataClient> metadata = std::make_unique<MetadataClient>(clock, http, MetadataOptions{});
    std::map<std::string, std::string> variables;
    std::unique_ptr<CredentialChain> chain;

    void open_chain() {
        chain = default_credential_chain(clock, random, http, *metadata, [this](const std::string& name) {
            const auto it = variables.find(name);
            return it == variables.end() ? name == "HOME" ? "/nonexistent" : std::string() : it->second;
        });
    }
    core::Result<Credentials> get() {
        std::optional<core::Result<Credentials>> out;
        chain->get([&](auto r) { out = std::move(r); });
        clock.advance(10 * core::kSecond);
        REQUIRE(out);
        return *out;
    }
    core::Result<std::string> value(const std::string& path) {
        std::optional<core::Result<std::string>> out;
        metadata->get(path, [&](auto r) { out = std::move(r); });
        clock.advance(10 * core::kSecond);
        REQUIRE(out);
        return *out;
    }
};

}  // namespace

TEST_CASE("metadata: a session token is asked once and sent with every value", "[metadata]") {
    World w;
    CHECK(*w.value("region-id") == "cn-hangzhou");
    CHECK(*w.value("zone-id") == "cn-hangzhou-h");
    CHECK(w.imds.sessions == 1);
    const auto missing = w.value("no-such-thing");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Code::kApiNotFound);
    w.clock.advance(7 * core::kHour);
    CHECK(w.value("vpc-id"));
    CHECK(w.imds.sessions == 2);  // before the old one ends
}

TEST_CASE("metadata: a stale session token is replaced once, a refusal is an error", "[metadata]") {
    World w;
    CHECK(w.value("region-id"));
    w.imds.session = "another";
    CHECK(*w.value("region-id") == "cn-hangzhou");
    CHECK(w.imds.sessions == 2);
    w.imds.put_status = 403;
    w.imds.session = "yet another";
    const auto refused = w.value("region-id");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kApiDenied);
}

TEST_CASE("metadata: without tokens the old way serves, unless it is forbidden", "[metadata]") {
    World w;
    w.imds.put_status = 404;
    w.imds.token_required = false;
    CHECK(*w.value("region-id") == "cn-hangzhou");
    CHECK(*w.value("zone-id") == "cn-hangzhou-h");
    CHECK(w.http.count("/latest/api/token") == 1);  // not for every value
    w.clock.advance(2 * core::kMinute);
    w.imds.put_status = 200;
    CHECK(w.value("zone-id"));
    CHECK(w.imds.sessions == 1);

    World odd;
    odd.imds.token_required = false;
    odd.imds.token_refused = true;
    CHECK(*odd.value("region-id") == "cn-hangzhou");
    CHECK(odd.http.count("/meta-data/") == 2);

    World strict;
    strict.metadata = std::make_unique<MetadataClient>(strict.clock, strict.http, MetadataOptions{.v1_disabled = true});
    strict.imds.put_status = 404;
    strict.imds.token_required = false;
    const auto refused = strict.value("region-id");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kApiDenied);
    CHECK(strict.http.count("/meta-data/") == 0);
}

TEST_CASE("metadata: identity asks together, once, and survives a silent service", "[metadata]") {
    World w;
    w.imds.down = true;
    std::optional<core::Result<InstanceIdentity>> failed;
    w.metadata->identity([&](auto r) { failed = std::move(r); });
    w.clock.advance(10 * core::kSecond);
    REQUIRE(failed);
    REQUIRE_FALSE(*failed);
    CHECK(failed->error().code == Code::kApiUnavailable);
    CHECK(failed->error().hint == "only ECS instances have the metadata service at http://100.100.100.200");
    w.imds.down = false;
    w.clock.advance(core::kMinute);
    int answers = 0;
    for (int i = 0; i < 3; ++i) {
        w.metadata->identity([&](auto r) {
            REQUIRE(r);
            CHECK(r->region == "cn-hangzhou");
            CHECK(r->zone == "cn-hangzhou-h");
            CHECK(r->vpc == "vpc-bp1");
            ++answers;
        });
    }
    w.clock.advance(core::kSecond);
    CHECK(answers == 3);
    CHECK(w.http.count("/meta-data/all") == 2);  // the failed one and one for all
    CHECK(w.http.count("/region-id") == 1);      // there is no meta-data/all
    CHECK(w.metadata->known_identity().zone == "cn-hangzhou-h");
    w.imds.values.clear();
    MetadataClient odd(w.clock, w.http, {});
    w.imds.values = {{"region-id", "cn-hangzhou.evil.example/?"}, {"zone-id", "<html>"}};
    std::optional<core::Result<InstanceIdentity>> empty;
    odd.identity([&](auto r) { empty = std::move(r); });
    w.clock.advance(core::kSecond);
    REQUIRE(empty);
    if (*empty) CHECK((*empty)->region.empty());
}

TEST_CASE("metadata: one document is enough, and what it lacks or garbles is asked for by itself", "[metadata]") {
    World w;
    const auto identity = [&] {
        MetadataClient client(w.clock, w.http, {});
        std::optional<core::Result<InstanceIdentity>> out;
        client.identity([&](auto r) { out = std::move(r); });
        w.clock.advance(core::kSecond);
        REQUIRE(out);
        REQUIRE(*out);
        return **out;
    };
    w.imds.values["all"] =
        R"({"dns-conf":{"nameservers":"100.100.2.136\r\n100.100.2.138\r\n0.0.0.0 x"},"zone-id":"cn-beijing-c","region-id":"cn-beijing","vpc-id":"vpc-2"})";
    auto found = identity();
    CHECK(found.region == "cn-beijing");
    CHECK(found.zone == "cn-beijing-c");
    CHECK(found.vpc == "vpc-2");
    REQUIRE(found.nameservers.size() == 2);
    CHECK(found.nameservers[1].text() == "100.100.2.138");
    CHECK(w.http.count("-id") == 0);
    w.imds.values["all"] = R"({"region-id":"cn-beijing","zone-id":["x"],"vpc-id":null})";
    w.imds.values["dns-conf/nameservers"] = "100.100.2.136";
    found = identity();
    CHECK(found.region == "cn-beijing");
    CHECK(found.zone == "cn-hangzhou-h");
    CHECK(found.vpc == "vpc-bp1");
    CHECK(found.nameservers.size() == 1);
    for (const char* bad : {"<html>", "{", "[]", "null", "\"text\"", R"({"region-id":"evil.example/"})"}) {
        w.imds.values["all"] = bad;
        CHECK(identity().region == "cn-hangzhou");
    }
}

TEST_CASE("metadata: no callback runs once the client is gone, even from inside another", "[metadata]") {
    World w;
    int calls = 0;
    for (int i = 0; i < 3; ++i) {
        w.metadata->get("region-id", [&](auto) {
            ++calls;
            w.metadata.reset();
        });
    }
    w.clock.advance(core::kMinute);
    CHECK(calls == 1);
    w.metadata = std::make_unique<MetadataClient>(w.clock, w.http, MetadataOptions{});
    w.metadata->identity([&](auto) { ++calls; });
    w.metadata.reset();
    w.clock.advance(core::kMinute);
    CHECK(calls == 1);
}

TEST_CASE("metadata: values are trimmed and bounded", "[metadata]") {
    CHECK(metadata_value(" cn-hangzhou \r\n") == std::optional<std::string>("cn-hangzhou"));
    CHECK(metadata_value("100.100.2.136\r\n100.100.2.138") ==
          std::optional<std::string>("100.100.2.136\r\n100.100.2.138"));
    CHECK_FALSE(metadata_value(""));
    CHECK_FALSE(metadata_value(" \r\n"));
    CHECK_FALSE(metadata_value(std::string("a\0b", 3)));
    CHECK_FALSE(metadata_value(std::string(20000, 'x')));
    CHECK(is_region_id("cn-north-2-gov-1"));
    for (const char* bad : {"", "CN-x", "a.b", "-a", "a-", "a/b", "a b"})
        CHECK_FALSE(is_region_id(bad));
}

TEST_CASE("credentials: the environment comes first and is asked no one else", "[credentials]") {
    World w;
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
    World w;
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
    World w;
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
    World w;
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
    World w;
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
    World w;
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
    World w;
    w.variables["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "True";
    w.open_chain();
    const auto none = w.get();
    REQUIRE_FALSE(none);
    CHECK(w.http.requests.empty());
    w.variables = {{"ALIBABA_CLOUD_ECS_METADATA", "PosternRole"}};
    w.open_chain();
    REQUIRE(w.get());
    CHECK(w.http.count("security-credentials/") == 1);  // the role's name was not asked
    World failing;
    failing.imds.code = "Failed";
    failing.open_chain();
    CHECK(failing.get().error().what.find("refused with code \"Failed\"") != std::string::npos);
    World no_role;
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

// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/sts.h"

#include <map>
#include <optional>

#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

namespace {

struct Bench {
    FakeClock clock;
    core::SeededRandom random{5};
    core::Result<HttpResponse> answer = reply(200, "");
    ScriptedHttp http{clock, [this](const HttpRequest&) { return answer; }};
    StsClient sts{clock, random, http, "", ""};
    RoleRequest role{
        .role_arn = "acs:ram::1:role/reader", .session_name = "s", .host = "sts.example", .source = "test"};

    Bench() {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
    }
    ~Bench() { core::capture_log({}); }
    core::Result<Credentials> assume() {
        Credentials as;
        as.access_key_id = "LTAIx";
        as.access_key_secret = core::Secret("a-secret-key");
        as.security_token = core::Secret("a-security-token");
        std::optional<core::Result<Credentials>> out;
        sts.assume_role(as, role, [&](auto r) { out.emplace(std::move(r)); });
        clock.advance(core::kMinute);
        REQUIRE(out);
        return *out;
    }
    static std::string keys(const std::string& id, const std::string& expiration) {
        return R"({"Credentials":{"AccessKeyId":")" + id +
               R"(","AccessKeySecret":"new-secret","SecurityToken":"new-token","Expiration":")" + expiration + "\"}}";
    }
};

}  // namespace

TEST_CASE("rpc v2: the published vectors", "[sts]") {
    const NameValues query{{"AccessKeyId", "testid"},
                           {"Action", "DescribeDedicatedHosts"},
                           {"Format", "JSON"},
                           {"RegionId", "cn-beijing"},
                           {"SignatureMethod", "HMAC-SHA1"},
                           {"SignatureNonce", "edb2b34af0af9a6d14deaf7c1a5315eb"},
                           {"SignatureVersion", "1.0"},
                           {"Timestamp", "2023-03-13T08:34:30Z"},
                           {"Version", "2014-05-26"}};
    CHECK(rpc_v2_string_to_sign("GET", query) ==
          "GET&%2F&AccessKeyId%3Dtestid%26Action%3DDescribeDedicatedHosts%26Format%3DJSON%26RegionId%3Dcn-beijing%26"
          "SignatureMethod%3DHMAC-SHA1%26SignatureNonce%3Dedb2b34af0af9a6d14deaf7c1a5315eb%26SignatureVersion%3D1.0%26"
          "Timestamp%3D2023-03-13T08%253A34%253A30Z%26Version%3D2014-05-26");
    CHECK(rpc_v2_signature("GET", query, core::Secret("testsecret")) == "9NaGiOspFP5UPcwX8Iwt2YJXXuk=");
    CHECK(rpc_v2_signature("GET", {{"query", "test"}, {"body", "test"}}, core::Secret("secret")) ==
          "XlUyV4sXjOuX5FnjUz9IF9tm5rU=");
    CHECK(rpc_v2_signature("", {{"test", "ok"}}, core::Secret("accessKeySecret")) == "jHx/oHoHNrbVfhncHEvPdHXZwHU=");
}

TEST_CASE("sts: its host follows region and VPC", "[sts]") {
    std::map<std::string, std::string> v;
    const Environment env = [&](const std::string& n) { return v[n]; };
    CHECK(sts_host("", false, env) == "sts.aliyuncs.com");
    CHECK(sts_host("", true, env) == "sts.aliyuncs.com");
    CHECK(sts_host("cn-hangzhou", false, env) == "sts.cn-hangzhou.aliyuncs.com");
    CHECK(sts_host("evil.example/", false, env) == "sts.aliyuncs.com");
    v = {{"ALIBABA_CLOUD_STS_REGION", "cn-beijing"}, {"ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED", "TRUE"}};
    CHECK(sts_host("", false, env) == "sts-vpc.cn-beijing.aliyuncs.com");
}

TEST_CASE("sts: a role's keys say whose they are and until when", "[sts]") {
    Bench b;
    b.answer = reply(200, Bench::keys("STS.new", "2026-01-02T04:00:00Z"));
    const auto keys = b.assume();
    REQUIRE(keys);
    CHECK(keys->access_key_id == "STS.new");
    CHECK(keys->expires_wall_us == core::parse_utc("2026-01-02T04:00:00Z"));
    CHECK(keys->provider == "test");
    CHECK(keys->principal == "role reader");
    const HttpRequest& sent = b.http.requests.at(0);
    CHECK(sent.url.starts_with("https://sts.example/?"));
    CHECK(sent.url.find("a-secret-key") == std::string::npos);
    CHECK(sent.body.find("RoleArn=acs%3Aram%3A%3A1%3Arole%2Freader") != std::string::npos);
    CHECK(sent.body.find("ExternalId") == std::string::npos);
}

TEST_CASE("sts: a reply without whole keys is an error without them", "[sts]") {
    Bench b;
    const std::string whole = Bench::keys("STS.new", "2026-01-02T04:00:00Z");
    REQUIRE(parse_sts_reply(whole));
    for (std::size_t n = 0; n < whole.size(); ++n)
        CHECK_FALSE(parse_sts_reply(whole.substr(0, n)));
    const std::string bad[] = {Bench::keys("", "2026-01-02T04:00:00Z"),
                               Bench::keys("STS.new", ""),
                               Bench::keys("STS.new", "soon"),
                               R"({"Credentials":null})",
                               R"({"Credentials":["STS.new"]})",
                               R"({"Credentials":{"AccessKeyId":{"a":1}}})",
                               "[]",
                               "null",
                               "<html>new-secret</html>",
                               std::string(1 << 20, ' ')};
    for (const auto& body : bad) {
        INFO(body.substr(0, 100));
        b.answer = reply(200, body);
        const auto keys = b.assume();
        REQUIRE_FALSE(keys);
        CHECK(keys.error().code == Code::kCredentialsInvalid);
        CHECK(keys.error().what.starts_with("AssumeRole at sts.example: "));
        CHECK(keys.error().text().find("new-secret") == std::string::npos);
    }
}

TEST_CASE("sts: a refusal has its code, and the next step of whoever can fix it", "[sts]") {
    Bench b;
    struct Case {
        const char* code;
        const char* hint;
    };
    for (const auto& [code, hint] :
         {Case{"NoPermission", "trust policy"}, Case{"Forbidden.RAM", "trust policy"},
          Case{"EntityNotExist.Role", "exists"}, Case{"AuthenticationFail.OIDCToken", "OIDC"},
          Case{"SignatureDoesNotMatch", "check the key"}}) {
        INFO(code);
        b.answer = reply(403, R"({"Code":")" + std::string(code) + R"(","Message":"words","RequestId":"R"})");
        const auto keys = b.assume();
        REQUIRE_FALSE(keys);
        CHECK(keys.error().what.find(code) != std::string::npos);
        CHECK(keys.error().hint.find(hint) != std::string::npos);
    }
    b.answer = reply(502, "<html>");
    CHECK(b.assume().error().what == "AssumeRole at sts.example: HTTP 502 with an HTML or XML page");
    b.answer = core::fail(Code::kTimeout, "no reply");
    const auto silent = b.assume();
    CHECK(silent.error().code == Code::kTimeout);
    CHECK(silent.error().what == "AssumeRole at sts.example: no reply");
}

TEST_CASE("sts: a clock that is refused is corrected once, and only by a reply that has a time", "[sts]") {
    Bench b;
    const std::string refusal = R"({"Code":"InvalidTimeStamp.Expired","Message":"words","RequestId":"R"})";
    b.answer = reply(400, refusal);
    CHECK(b.assume().error().hint.find("NTP") != std::string::npos);
    CHECK(b.http.requests.size() == 1);
    b.answer = reply(400, refusal, {{"date", "Fri, 02 Jan 2026 05:00:00 GMT"}});
    CHECK_FALSE(b.assume());
    REQUIRE(b.http.requests.size() == 3);
    CHECK(b.http.requests[1].url.find("Timestamp=2026-01-02T05") == std::string::npos);
    CHECK(b.http.requests[2].url.find("Timestamp=2026-01-02T05%3A00%3A") != std::string::npos);
}

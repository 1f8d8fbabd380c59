// SPDX-License-Identifier: Apache-2.0
// The official default chain, source by source, against a scripted token service.
#include <unistd.h>
#include <ctime>
#include <map>
#include <optional>

#include "agent/cloud/credential_sources.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

namespace {

struct World {
    FakeClock clock;
    core::SeededRandom random{5};
    std::string host;
    NameValues sent;  // query and form of the last request to the token service, decoded
    int status = 200, asked = 0;
    core::Micros ahead = 0;  // the token service's clock against ours
    bool tells_time = true;
    std::string body, role;  // what the token service says, and the metadata service about every role
    ScriptedHttp http{clock, [this](const HttpRequest& r) -> core::Result<HttpResponse> { return answer(r); }};
    MetadataClient metadata{clock, http, {}};
    std::map<std::string, std::string> variables;
    CredentialOptions options;
    std::unique_ptr<CredentialChain> chain;
    std::string folder;
    std::vector<std::string> files;
    std::vector<std::string> log;

    World() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            log.push_back(std::string(event) + " " + line);
        });
        char name[] = "/tmp/postern-creds-XXXXXX";
        folder = ::mkdtemp(name);
        variables["HOME"] = folder;
        variables["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true";
        body =
            R"({"RequestId":"R","AssumedRoleUser":{},"Credentials":{"AccessKeyId":"STS.new","AccessKeySecret":"new-secret",)"
            R"("SecurityToken":"new-token-value","Expiration":")" +
            core::format_time(clock.wall_us() + core::kHour) + R"("}})";
    }
    ~World() {
        core::capture_log({});
        for (const auto& file : files)
            ::unlink(file.c_str());
        for (const char* sub : {"/.aliyun", "/.alibabacloud", ""})
            ::rmdir((folder + sub).c_str());
    }
    std::string put(const std::string& path, const std::string& text, mode_t mode = 0600) {
        const std::string file = folder + path;
        REQUIRE(core::make_folders(core::folder_of(file), 0700));
        REQUIRE(core::write_file(file, core::as_bytes(text), mode, false));
        files.push_back(file);
        return file;
    }
    static std::string decode(std::string_view text) {
        std::string out;
        for (std::size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '%') {
                out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
                i += 2;
            } else {
                out += text[i];
            }
        }
        return out;
    }
    void collect(std::string_view pairs) {
        while (!pairs.empty()) {
            const auto end = std::min(pairs.find('&'), pairs.size());
            const auto equals = pairs.find('=');
            sent.emplace_back(decode(pairs.substr(0, equals)), decode(pairs.substr(equals + 1, end - equals - 1)));
            pairs.remove_prefix(std::min(end + 1, pairs.size()));
        }
    }
    core::Result<HttpResponse> answer(const HttpRequest& r) {
        ++asked;
        if (r.url.starts_with("http://100.100.100.200")) {
            if (role.empty()) return core::fail(Code::kTimeout, "silence");
            return r.method == "PUT" ? reply(200, "session-token") : reply(200, role);
        }
        sent.clear();
        host = r.url.substr(8, r.url.find('/', 8) - 8);
        if (r.url.find('?') != std::string::npos) collect(std::string_view(r.url).substr(r.url.find('?') + 1));
        collect(r.body);
        const core::Micros theirs = clock.wall_us() + ahead, ours = core::parse_utc(parameter("Timestamp"));
        if (ours > 0 && (theirs - ours > 15 * core::kMinute || ours - theirs > 15 * core::kMinute)) {
            auto refusal = reply(400, R"({"Code":"InvalidTimeStamp.Expired","Message":"expired","RequestId":"R"})");
            if (tells_time) refusal.headers.emplace_back("date", http_date(theirs));
            return refusal;
        }
        return reply(status, body);
    }
    static std::string http_date(core::Micros wall_us) {
        const std::time_t s = wall_us / core::kSecond;
        std::tm tm{};
        char text[40];
        std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&s, &tm));
        return text;
    }
    std::string parameter(const std::string& name) const {
        for (const auto& [key, value] : sent) {
            if (key == name) return value;
        }
        return {};
    }
    /// Does the signature of the last request fit this secret?
    bool signed_with(const std::string& secret) const {
        NameValues all;
        std::string signature;
        for (const auto& [key, value] : sent) {
            if (key == "Signature") {
                signature = value;
            } else {
                all.emplace_back(key, value);
            }
        }
        return signature == rpc_v2_signature("POST", all, core::Secret(secret));
    }
    core::Result<Credentials> get() {
        chain = default_credential_chain(
            clock, random, http, metadata,
            [this](const std::string& name) {
                const auto it = variables.find(name);
                return it == variables.end() ? std::string() : it->second;
            },
            options);
        return again();
    }
    core::Result<Credentials> again() {
        std::optional<core::Result<Credentials>> out;
        chain->get([&](auto r) { out = std::move(r); });
        clock.advance(10 * core::kSecond);
        REQUIRE(out);
        return *out;
    }
    std::string why(const std::string& source) const {
        for (const auto& a : chain->attempts()) {
            if (a.source == source) return a.told().text();
        }
        return "not asked";
    }
};

}  // namespace

TEST_CASE("credentials: OIDC sends the token unsigned and renews before the hour is over", "[credentials]") {
    World w;
    w.variables["ALIBABA_CLOUD_OIDC_TOKEN_FILE"] = w.put("/token", "oidc-token-value\n");
    w.variables["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"] = "acs:ram::1:oidc-provider/ack";
    w.variables["ALIBABA_CLOUD_ROLE_ARN"] = "acs:ram::1:role/reader";
    const auto keys = w.get();
    REQUIRE(keys);
    CHECK(keys->provider == "oidc_role_arn");
    CHECK(keys->principal == "role reader");
    CHECK(keys->security_token.expose() == "new-token-value");
    CHECK(w.host == "sts.aliyuncs.com");
    CHECK(w.parameter("Action") == "AssumeRoleWithOIDC");
    CHECK(w.parameter("OIDCToken") == "oidc-token-value");
    CHECK(w.parameter("OIDCProviderArn") == "acs:ram::1:oidc-provider/ack");
    CHECK(w.parameter("DurationSeconds") == "3600");
    CHECK(w.parameter("Signature").empty());
    const int asked = w.asked;
    w.clock.advance(46 * core::kMinute);
    CHECK(w.asked > asked);
    w.status = 400;
    w.body = R"({"Code":"AuthenticationFail.OIDCToken.Expired","Message":"expired","RequestId":"R"})";
    const auto failed = w.get();
    REQUIRE_FALSE(failed);
    CHECK(failed.error().what.find("AssumeRoleWithOIDC at sts.aliyuncs.com: AuthenticationFail.OIDCToken.Expired") !=
          std::string::npos);
    CHECK(failed.error().text().find("oidc-token-value") == std::string::npos);
}

TEST_CASE("credentials: profiles of the command line tool, mode by mode", "[credentials]") {
    World w;
    w.put("/.aliyun/config.json", R"({"current":"ak","profiles":[
        {"name":"ak","mode":"AK","access_key_id":"id-ak","access_key_secret":"secret-ak","sts_token":"ignored"},
        {"name":"sts","mode":"StsToken","access_key_id":"id-sts","access_key_secret":"secret-sts","sts_token":"token-sts"},
        {"name":"role","mode":"RamRoleArn","access_key_id":"id-base","access_key_secret":"secret-base","ram_role_arn":"acs:ram::1:role/r",
         "ram_session_name":"session","expired_seconds":1800,"sts_region":"cn-hangzhou","enable_vpc":true,"policy":"{}","external_id":"x"},
        {"name":"chain","mode":"ChainableRamRoleArn","source_profile":"sts","ram_role_arn":"acs:ram::1:role/c"},
        {"name":"loop","mode":"ChainableRamRoleArn","source_profile":"loop","ram_role_arn":"acs:ram::1:role/c"},
        {"name":"external","mode":"External","process_command":"/bin/provide  --json"},
        {"name":"quoted","mode":"External","process_command":"'/opt/my tools/provide' --for=\"a \\\"b\\\" $HOME\" c\\ d ''"},
        {"name":"open","mode":"External","process_command":"/bin/provide 'x"},
        {"name":"uri","mode":"CredentialsURI","credentials_uri":"https://keys.example/for-us"},
        {"name":"instance","mode":"RamRoleArnWithRoleName","ram_role_name":"base","ram_role_arn":"acs:ram::1:role/w","sts_region":"cn-hangzhou"},
        {"name":"tokenless","mode":"StsToken","access_key_id":"id-sts","access_key_secret":"secret-sts"},
        {"name":"sso","mode":"CloudSSO"},{"name":"new","mode":"Telepathy"},{"name":"empty","mode":"AK"}]})");
    auto keys = w.get();
    REQUIRE(keys);
    CHECK(keys->provider == "cli_profile");
    CHECK(keys->access_key_id == "id-ak");
    CHECK(keys->security_token.empty());
    CHECK(keys->expires_wall_us == core::kNever);

    w.variables["ALIBABA_CLOUD_PROFILE"] = "sts";
    CHECK(w.get()->security_token.expose() == "token-sts");

    w.variables["ALIBABA_CLOUD_PROFILE"] = "role";
    keys = w.get();
    REQUIRE(keys);
    CHECK(keys->access_key_id == "STS.new");
    CHECK(keys->principal == "role r");
    CHECK(w.host == "sts-vpc.cn-hangzhou.aliyuncs.com");
    CHECK(w.signed_with("secret-base"));
    CHECK(w.parameter("RoleSessionName") == "session");
    CHECK(w.parameter("DurationSeconds") == "1800");
    CHECK(w.parameter("ExternalId") == "x");
    CHECK(w.parameter("Policy") == "{}");

    w.variables["ALIBABA_CLOUD_PROFILE"] = "chain";
    REQUIRE(w.get());
    CHECK(w.signed_with("secret-sts"));
    CHECK(w.parameter("SecurityToken") == "token-sts");

    w.variables["ALIBABA_CLOUD_PROFILE"] = "external";
    REQUIRE_FALSE(w.get());
    w.options.run = [](std::vector<std::string> argv, auto done) {
        CHECK(argv == std::vector<std::string>{"/bin/provide", "--json"});
        done(std::string(
            R"({"mode":"StsToken","access_key_id":"ext","access_key_secret":"s","sts_token":"t","expiration":"2030-01-01T00:00:00Z"})"));
    };
    CHECK(w.get()->access_key_id == "ext");

    w.variables["ALIBABA_CLOUD_PROFILE"] = "quoted";
    w.options.run = [](std::vector<std::string> argv, auto done) {
        CHECK(argv == std::vector<std::string>{"/opt/my tools/provide", "--for=a \"b\" $HOME", "c d", ""});
        done(std::string(R"({"mode":"AK","access_key_id":"quoted","access_key_secret":"s"})"));
    };
    CHECK(w.get()->access_key_id == "quoted");

    const std::string sts_reply = w.body;
    w.body =
        R"({"Code":"Success","AccessKeyId":"STS.uri","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2099-01-01T00:00:00Z"})";
    w.variables["ALIBABA_CLOUD_PROFILE"] = "uri";
    CHECK(w.get()->access_key_id == "STS.uri");
    CHECK(w.host == "keys.example");
    w.body = sts_reply;

    for (const auto& [profile, word] :
         std::map<std::string, std::string>{{"loop", "in a circle"},
                                            {"sso", "through a browser"},
                                            {"open", "a quote is not closed"},
                                            {"tokenless", "it has no sts_token"},
                                            {"instance", "ALIBABA_CLOUD_ECS_METADATA_DISABLED forbids"},
                                            {"new", "unsupported profile mode \"Telepathy\""},
                                            {"empty", "lacks the AccessKey's ID or secret"},
                                            {"absent", "there is no profile \"absent\""}}) {
        w.variables["ALIBABA_CLOUD_PROFILE"] = profile;
        const auto failed = w.get();
        REQUIRE_FALSE(failed);
        INFO(failed.error().what);
        CHECK(failed.error().what.find(word) != std::string::npos);
    }
    w.variables["ALIBABA_CLOUD_CLI_PROFILE_DISABLED"] = "true";
    REQUIRE_FALSE(w.get());
    CHECK(w.why("cli_profile") == "switched off");
}

TEST_CASE("credentials: a key that a browser's sign-in left in the profile is used until it ends", "[credentials]") {
    for (const std::string mode : {"OAuth", "CloudSSO"}) {
        INFO(mode);
        World w;
        const auto profile = [&](const std::string& id, core::Micros left) {
            w.put("/.aliyun/config.json",
                  R"({"current":"o","profiles":[{"name":"o","mode":")" + mode + R"(","access_key_id":")" + id +
                      R"(","access_key_secret":"s","sts_token":"cached-token","sts_expiration":)" +
                      std::to_string((w.clock.wall_us() + left) / core::kSecond) + "}]}");
        };
        profile("STS.one", core::kHour);
        auto keys = w.get();
        REQUIRE(keys);
        CHECK(keys->access_key_id == "STS.one");
        CHECK(keys->security_token.expose() == "cached-token");
        CHECK(keys->expires_wall_us < w.clock.wall_us() + core::kHour + core::kSecond);
        CHECK(w.asked == 0);
        profile("STS.two", 2 * core::kHour);  // somebody signed in again
        w.clock.advance(50 * core::kMinute);
        keys = w.again();
        REQUIRE(keys);
        CHECK(keys->access_key_id == "STS.two");
        w.clock.advance(3 * core::kHour);
        REQUIRE_FALSE(w.again());
        CHECK(w.why("cli_profile").find("the key of its last sign-in ended at 20") != std::string::npos);
        CHECK(w.why("cli_profile").find("cached-token") == std::string::npos);
    }
    World w;
    w.put("/.aliyun/config.json", R"({"current":"o","profiles":[{"name":"o","mode":"OAuth","access_key_id":"a",
        "access_key_secret":"s","sts_token":"t","sts_expiration":"soon"}]})");
    REQUIRE_FALSE(w.get());
    CHECK(w.why("cli_profile").find("its sts_expiration is no time") != std::string::npos);
}

TEST_CASE("credentials: a profile's OIDC token, in the profile or in a file, and what the variables add",
          "[credentials]") {
    World w;
    w.put("/.aliyun/config.json", R"({"current":"inline","profiles":[
        {"name":"inline","mode":"OIDC","oidc_token":"inline-token-value","oidc_provider_arn":"acs:ram::1:oidc-provider/p",
         "ram_role_arn":"acs:ram::1:role/r","expired_seconds":900},
        {"name":"both","mode":"OIDC","oidc_token":"inline-token-value","oidc_token_file":")" +
                                      w.put("/token", "file-token-value\n") + R"(","oidc_provider_arn":"p",
         "ram_role_arn":"acs:ram::1:role/r"},
        {"name":"variables","mode":"OIDC","ram_role_arn":"acs:ram::1:role/r"}]})");
    REQUIRE(w.get());
    CHECK(w.parameter("OIDCToken") == "inline-token-value");
    CHECK(w.parameter("DurationSeconds") == "900");
    w.variables["ALIBABA_CLOUD_PROFILE"] = "both";
    REQUIRE(w.get());
    CHECK(w.parameter("OIDCToken") == "file-token-value");  // it is renewed
    w.variables["ALIBABA_CLOUD_PROFILE"] = "variables";
    w.variables["ALIBABA_CLOUD_OIDC_TOKEN_FILE"] = w.put("/other", "variable-token-value");
    REQUIRE_FALSE(w.get());
    CHECK(w.why("cli_profile").find("oidc_provider_arn is not set, nor ALIBABA_CLOUD_OIDC_PROVIDER_ARN") !=
          std::string::npos);
    w.variables["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"] = "acs:ram::1:oidc-provider/v";
    REQUIRE(w.get());
    CHECK(w.parameter("OIDCToken") == "variable-token-value");
    CHECK(w.parameter("OIDCProviderArn") == "acs:ram::1:oidc-provider/v");
}

TEST_CASE("credentials: a role's time is what the token service takes, or an error", "[credentials]") {
    struct Case {
        const char* given;
        const char* sent;  // "": refused
    };
    for (const auto& [given, sent] :
         {Case{"900", "900"}, Case{"0", "3600"}, Case{"\"\"", "3600"}, Case{"\"1800\"", "1800"}, Case{"null", "3600"},
          Case{"899", ""}, Case{"60", ""}, Case{"-1", ""}, Case{"\"1h\"", ""}, Case{"99999999999", ""}}) {
        for (const std::string mode : {"RamRoleArn", "OIDC", "ChainableRamRoleArn"}) {
            INFO(given << " for " << mode);
            World w;
            w.put("/.aliyun/config.json",
                  R"({"current":"r","profiles":[{"name":"r","mode":")" + mode +
                      R"(","access_key_id":"i","access_key_secret":"s",
                "source_profile":"ak","oidc_token":"a-token-value","oidc_provider_arn":"p","ram_role_arn":"acs:ram::1:role/r",
                "expired_seconds":)" +
                      given + R"(},{"name":"ak","mode":"AK","access_key_id":"i","access_key_secret":"s"}]})");
            const auto keys = w.get();
            CHECK(keys.has_value() == (*sent != '\0'));
            CHECK(w.parameter("DurationSeconds") == sent);
            if (!keys)
                CHECK(w.why("cli_profile").find("expired_seconds: the token service takes 900 to 43200 s") !=
                      std::string::npos);
        }
    }
}

TEST_CASE("credentials: a profile takes a role with that of the instance", "[credentials]") {
    World w;
    w.put("/.aliyun/config.json",
          R"({"current":"i","profiles":[{"name":"i","mode":"RamRoleArnWithRoleName","ram_role_name":"base",
        "ram_role_arn":"acs:ram::1:role/w","sts_region":"cn-hangzhou"}]})");
    w.variables["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "";
    w.role =
        R"({"Code":"Success","AccessKeyId":"STS.base","AccessKeySecret":"base-secret","SecurityToken":"base-token","Expiration":")" +
        core::format_time(w.clock.wall_us() + core::kHour) + R"("})";
    const auto keys = w.get();
    REQUIRE(keys);
    CHECK(keys->access_key_id == "STS.new");
    CHECK(keys->principal == "role w");
    CHECK(w.host == "sts.cn-hangzhou.aliyuncs.com");
    CHECK(w.parameter("SecurityToken") == "base-token");
    CHECK(w.signed_with("base-secret"));
}

TEST_CASE("credentials: a wrong clock does not keep the token service from giving a role", "[credentials]") {
    World w;
    w.put("/.aliyun/config.json",
          R"({"current":"r","profiles":[{"name":"r","mode":"RamRoleArn","access_key_id":"i","access_key_secret":"s",
        "ram_role_arn":"acs:ram::1:role/r"}]})");
    w.ahead = 20 * core::kMinute;
    REQUIRE(w.get());
    CHECK(w.signed_with("s"));
    CHECK(w.asked == 2);
    CHECK(w.log.front().find("Fix NTP") != std::string::npos);
    w.ahead = -core::kHour;
    w.chain->invalidate("STS.new");
    CHECK(w.again());  // it may be set right, or wrong again
    w.tells_time = false;
    w.ahead = 20 * core::kMinute;
    const auto refused = w.get();
    REQUIRE_FALSE(refused);
    CHECK(w.why("cli_profile").find("fix NTP") != std::string::npos);
}

TEST_CASE("credentials: the list names what is switched off", "[credentials]") {
    World w;
    CHECK_FALSE(w.get());
    CHECK(w.why("ecs_ram_role") == "switched off by ALIBABA_CLOUD_ECS_METADATA_DISABLED");
}

TEST_CASE("credentials: the ini file under both of its names", "[credentials]") {
    World w;
    w.put("/.alibabacloud/credentials.ini",
          "\xef\xbb\xbf; comment\n[default]\nenable = true\ntype = access_key   # kind\r\n"
          "access_key_id = id-ini\naccess_key_secret = \"se#cret ini\"  # end\n\n"
          "[ram]\ntype=ram_role_arn\naccess_key_id=i\naccess_key_secret=se#cret\n"
          "role_arn=acs:ram::1:role/x\nrole_session_name=n\n[off]\nenable=false\ntype=access_key\n"
          "[odd]\ntype=rsa_key_pair\n[colon]\nType: access_key\naccess_key_id:id-colon\naccess_key_secret : a=b:c\n",
          0644);
    auto keys = w.get();
    REQUIRE(keys);
    CHECK(keys->provider == "profile");
    CHECK(keys->access_key_id == "id-ini");
    CHECK(keys->access_key_secret.expose() == "se#cret ini");
    CHECK(w.log.front().find("credentials_file_exposed") == 0);
    w.variables["ALIBABA_CLOUD_PROFILE"] = "ram";
    REQUIRE(w.get());
    CHECK(w.signed_with("se#cret"));
    w.variables["ALIBABA_CLOUD_PROFILE"] = "colon";
    keys = w.get();
    REQUIRE(keys);
    CHECK(keys->access_key_id == "id-colon");
    CHECK(keys->access_key_secret.expose() == "a=b:c");
    for (const char* bad : {"off", "odd", "none"}) {
        w.variables["ALIBABA_CLOUD_PROFILE"] = bad;
        CHECK_FALSE(w.get());
    }
    w.variables["ALIBABA_CLOUD_PROFILE"] = "";
    w.variables["ALIBABA_CLOUD_CREDENTIALS_FILE"] =
        w.put("/other", "[default]\ntype=access_key\naccess_key_id=other\naccess_key_secret=s\n");
    CHECK(w.get()->access_key_id == "other");
}

TEST_CASE("credentials: the order is environment, OIDC, profile, ini, role, URI; the first that yields stays",
          "[credentials]") {
    World w;
    w.variables["ALIBABA_CLOUD_CREDENTIALS_URI"] = "http://127.0.0.1:9999/keys";
    const std::string keep = w.body;
    w.body = R"({"AccessKeyId":"STS.uri","AccessKeySecret":"s","SecurityToken":"t","Expiration":")" +
             core::format_time(w.clock.wall_us() + core::kHour) + R"("})";
    CHECK(w.get()->provider == "credentials_uri");
    w.put("/.alibabacloud/credentials", "[default]\ntype=access_key\naccess_key_id=ini\naccess_key_secret=s\n");
    CHECK(w.get()->provider == "profile");
    w.put("/.aliyun/config.json",
          R"({"current":"d","profiles":[{"name":"d","mode":"AK","access_key_id":"cli","access_key_secret":"s"}]})");
    CHECK(w.get()->provider == "cli_profile");
    w.body = keep;
    w.variables["ALIBABA_CLOUD_OIDC_TOKEN_FILE"] = w.put("/token", "t");
    w.variables["ALIBABA_CLOUD_OIDC_PROVIDER_ARN"] = "p";
    w.variables["ALIBABA_CLOUD_ROLE_ARN"] = "r";
    CHECK(w.get()->provider == "oidc_role_arn");
    w.variables["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "env";
    w.variables["ALIBABA_CLOUD_ACCESS_KEY_SECRET"] = "s";
    CHECK(w.get()->provider == "environment");
    // A source that fails is passed over, and the reason kept.
    w.variables.erase("ALIBABA_CLOUD_ACCESS_KEY_ID");
    w.status = 500;
    CHECK(w.get()->provider == "cli_profile");
    CHECK(w.why("oidc_role_arn").starts_with("AssumeRoleWithOIDC at sts.aliyuncs.com: HTTP 500 with"));
    CHECK(w.why("credentials_uri") == "not asked");
}

TEST_CASE("credentials: a rotated file counts once the API refuses the old key", "[credentials]") {
    World w;
    w.put("/.aliyun/config.json",
          R"({"current":"d","profiles":[{"name":"d","mode":"AK","access_key_id":"old","access_key_secret":"s"}]})");
    REQUIRE(w.get()->access_key_id == "old");
    w.put("/.aliyun/config.json",
          R"({"current":"d","profiles":[{"name":"d","mode":"AK","access_key_id":"new","access_key_secret":"s"}]})");
    CHECK(w.again()->access_key_id == "old");
    w.chain->invalidate("old");
    CHECK(w.again()->access_key_id == "new");
}

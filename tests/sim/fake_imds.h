// SPDX-License-Identifier: Apache-2.0
// The instance metadata service, and who asks it, on fake time.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "agent/cloud/credentials.h"
#include "agent/cloud/metadata.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"

namespace postern::test {

/// The instance metadata service as its documentation has it.
struct FakeImds {
    explicit FakeImds(FakeClock& c) : clock(c) {}
    core::Result<agent::HttpResponse> operator()(const agent::HttpRequest& r) {
        CHECK_FALSE(r.allow_proxy);
        CHECK(r.timeout_us <= core::kSecond);
        if (down) return core::fail(core::Code::kTimeout, "no connection to 100.100.100.200:80 within 1 s");
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
                                  core::format_time(expires) + "\",\"Code\":\"Success\"}");
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

struct ImdsWorld {
    FakeClock clock;
    core::SeededRandom random{7};
    FakeImds imds{clock};
    ScriptedHttp http{clock, [this](const agent::HttpRequest& r) { return imds(r); }};
    std::unique_ptr<agent::MetadataClient> metadata =
        std::make_unique<agent::MetadataClient>(clock, http, agent::MetadataOptions{});
    std::map<std::string, std::string> variables;
    std::unique_ptr<agent::CredentialChain> chain;

    void open_chain() {
        chain = agent::default_credential_chain(clock, random, http, *metadata, [this](const std::string& name) {
            const auto it = variables.find(name);
            return it == variables.end() ? name == "HOME" ? "/nonexistent" : std::string() : it->second;
        });
    }
    core::Result<agent::Credentials> get() {
        std::optional<core::Result<agent::Credentials>> out;
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

}  // namespace postern::test

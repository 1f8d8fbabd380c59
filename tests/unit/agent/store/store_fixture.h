// SPDX-License-Identifier: Apache-2.0
// An ObjectStore whose transport the test scripts, with a key from the environment.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/cloud/credentials.h"
#include "agent/store/object_store.h"
#include "core/log.h"
#include "core/random.h"
#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"

namespace postern::test {

struct StoreWorld {
    explicit StoreWorld(ScriptedHttp::Script script = [](const auto&) { return reply(200, ""); })
        : http(clock, std::move(script)) {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            events.emplace_back(event);
            log.push_back(line);
        });
        options.region = "cn-hangzhou";
        store.configure(options);
    }
    ~StoreWorld() { core::capture_log({}); }

    std::string variable(const std::string& name) const {
        const auto it = variables.find(name);
        return it == variables.end() ? std::string() : it->second;
    }

    std::vector<std::string> events, log;
    std::map<std::string, std::string> variables{{"ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIexample0001"},
                                                 {"ALIBABA_CLOUD_ACCESS_KEY_SECRET", "exampleSecret0001"},
                                                 {"ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true"}};
    agent::Environment environment = [this](const std::string& name) { return variable(name); };
    FakeClock clock;  // 2026-01-02T03:04:05Z
    core::SeededRandom random{5};
    ScriptedHttp http;
    agent::MetadataClient metadata{clock, http, {}};
    std::unique_ptr<agent::CredentialChain> credentials =
        agent::default_credential_chain(clock, random, http, metadata, environment);
    agent::StoreOptions options;
    agent::ObjectStore store{clock, http, *credentials, metadata, environment};
};

inline agent::ObjectPlace place(const std::string& text) {
    return *agent::parse_object_place(text);
}

}  // namespace postern::test

// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>

#include "tests/unit/agent/commands/captured.h"
#include "tests/unit/agent/net/loopback.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

constexpr const char* kStarted = R"({"started":"2026-01-02T03:04:05.000000Z"})";

std::string reply(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
}

/// The running agent, as far as refresh asks it.
struct Bench {
    std::string started = reply(202, kStarted);
    std::vector<std::string> status{reply(200, R"({"links":[]})")};  // in turn, the last again and again
    std::atomic<int> posts = 0, gets = 0;
    HttpServer agent{[this](const std::string& request) {
        if (request.starts_with("POST /api/v1/refresh ")) {
            ++posts;
            return started;
        }
        const auto n = static_cast<std::size_t>(gets++);
        return status[std::min(n, status.size() - 1)];
    }};
    Host host{"[http]\nlisten = \"127.0.0.1:" + std::to_string(agent.port()) + "\"\n"};

    Printed refresh(Micros timeout_us = 30 * core::kSecond) {
        return run(RefreshCommand{.config = host.file, .timeout_us = timeout_us});
    }
};

std::string link_json(const std::string& asked, const std::string& probed) {
    return R"({"name":"prod","probing":true,"discovery":{"source":"api","asked":")" + asked +
           R"("},"addresses":[{"ip":"10.0.0.1","last":{"ts":")" + probed + "\"}}]}";
}

}  // namespace

TEST_CASE("refresh: waits until the cloud and each probe have answered after it began", "[refresh]") {
    Bench b;
    const std::string old = "2026-01-02T03:04:04.999999Z", now = "2026-01-02T03:04:05.000001Z";
    const auto one = [](const std::string& l) { return reply(200, "{\"links\":[" + l + "]}"); };
    b.status = {one(link_json(old, old)), one(link_json(now, old)), one(link_json(now, now))};
    const Printed p = b.refresh();
    CHECK(b.posts == 1);
    CHECK(b.gets >= 3);
    CHECK_FALSE(has(p.err, "gave up"));
}

TEST_CASE("refresh: what does not come is named, and never good", "[refresh]") {
    Bench b;
    b.status = {reply(200, "{\"links\":[" + link_json("", "") + "]}")};
    const Printed cloud = b.refresh(0);
    CHECK(cloud.code >= kExitWarning);
    CHECK(has(cloud.err, "gave up waiting for the cloud's answer for prod"));
    b.status = {reply(200, "{\"links\":[" + link_json("2026-01-02T03:04:06.000000Z", "") + "]}")};
    const Printed probe = b.refresh(0);
    CHECK(has(probe.err, "gave up waiting for the probe of 10.0.0.1"));
}

TEST_CASE("refresh: an agent that refuses, or is none, is told at once", "[refresh]") {
    Bench b;
    for (const std::string& odd : {reply(403, "no\x1b[2J"), reply(200, kStarted), reply(202, "<html>"),
                                   reply(202, "[]"), reply(202, "\xff"), reply(202, std::string(1 << 20, '['))}) {
        b.started = odd;
        const Printed p = b.refresh();
        CHECK(p.code == kExitUnknown);
        CHECK_FALSE(p.err.empty());
        CHECK(harmless(p.err));
    }
    CHECK(b.gets == 0);
}

TEST_CASE("refresh: whatever answers in the agent's place, its reply is read without harm", "[refresh]") {
    for (const char* odd :
         {R"({})", R"({"links":7})", R"({"links":"text"})", R"({"links":{"a":1}})", R"({"links":[7,null,"x",[]]})",
          R"({"links":[{"probing":"yes","discovery":{"source":"fixed"},"addresses":[]}]})",
          R"({"links":[{"probing":7,"discovery":{"source":"fixed"}}]})",
          R"({"links":[{"probing":true,"discovery":{"source":"fixed"},"addresses":"none"}]})",
          R"({"links":[{"probing":true,"discovery":{"source":"fixed"},"addresses":[7,{"last":7},{"ip":{}}]}]})",
          R"({"links":[{"discovery":[]}]})", R"({"links":[{"name":["x"],"discovery":{"source":1,"asked":2}}]})"}) {
        INFO(odd);
        Bench b;
        b.status = {reply(200, odd)};
        CHECK_NOTHROW(b.refresh(0));
    }
}

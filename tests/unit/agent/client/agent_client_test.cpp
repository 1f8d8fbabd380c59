// SPDX-License-Identifier: Apache-2.0
#include "agent/client/agent_client.h"

#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

std::string reply(int status, const std::string& body) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\nConnection: close\r\n\r\n" + body;
}

Config config_at(std::uint16_t port, const std::string& folder = "/nonexistent") {
    Config config;
    config.path = "/etc/postern/postern.toml";
    config.agent.runtime_dir = folder;
    config.http.listen = {core::IpAddress::v4(0x7f000001), port};
    return config;
}

}  // namespace

TEST_CASE("agent client: who listens on every address is asked on loopback", "[agent_client]") {
    const auto asked_at = [](const char* listen) {
        Config config;
        config.http.listen = *core::SocketAddress::parse(listen, 9853);
        return agent_address(config).text();
    };
    CHECK(asked_at("0.0.0.0:1234") == "127.0.0.1:1234");
    CHECK(asked_at("[::]:1234") == "[::1]:1234");
    CHECK(asked_at("10.0.0.9:1234") == "10.0.0.9:1234");
}

TEST_CASE("agent client: one request, with the header that no web page can send", "[agent_client]") {
    std::string seen;
    const HttpServer server([&seen](const std::string& request) {
        seen = request;
        return reply(503, "not ready");
    });
    const auto answer = ask_agent(config_at(server.port()), "POST", "/api/v1/refresh?a=b", 10 * core::kSecond);
    REQUIRE(answer);
    CHECK(answer->status == 503);
    CHECK(answer->body == "not ready");
    CHECK(seen.starts_with("POST /api/v1/refresh?a=b HTTP/1.1\r\n"));
    CHECK(seen.find("X-Postern: 1\r\n") != std::string::npos);
}

TEST_CASE("agent client: nobody there is told with the next step", "[agent_client]") {
    std::uint16_t port = 0;
    { const auto closed = bound_socket(SOCK_STREAM, &port); }
    const auto nobody = ask_agent(config_at(port), "GET", "/", 10 * core::kSecond);
    REQUIRE_FALSE(nobody);
    CHECK(nobody.error().code == core::Code::kConnectFailed);
    CHECK(nobody.error().hint.find("--config /etc/postern/postern.toml") != std::string::npos);
    const HttpServer cut([](const std::string&) { return std::string(); });
    CHECK(ask_agent(config_at(cut.port()), "GET", "/", 10 * core::kSecond).error().code == core::Code::kConnectFailed);
}

TEST_CASE("agent client: the addresses of each link; of what is no status, none", "[agent_client]") {
    std::string body;
    int status = 200;
    const HttpServer server([&](const std::string&) { return reply(status, body); });
    const auto known = [&](const std::string& text) {
        body = text;
        return ask_agent_addresses(config_at(server.port()));
    };
    const std::string good =
        R"({"links":[{"name":"a","addresses":[{"ip":"10.0.0.2","zone":"h"},{"ip":"10.0.0.1","zone":null},{"ip":"x"},7]},
            {"name":"b","addresses":[]},7,{"name":"c"}]})";
    auto all = known(good);
    CHECK(describe(all["a"]) == "10.0.0.1, 10.0.0.2 (h)");
    CHECK(all["b"].empty());
    for (const std::string& odd :
         {std::string(), std::string("{}"), std::string("[]"), std::string("null"), std::string(R"({"links":{"a":1}})"),
          std::string(R"({"links":"a"})"), good.substr(0, 60), std::string("\xff"), std::string(100000, '[')}) {
        INFO(odd.substr(0, 60));
        CHECK(known(odd).empty());
    }
    status = 403;
    CHECK(known(good).empty());
}

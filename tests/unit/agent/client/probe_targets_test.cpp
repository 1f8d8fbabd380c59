// SPDX-License-Identifier: Apache-2.0
#include "agent/client/probe_targets.h"

#include "core/file_system.h"
#include "tests/unit/agent/net/loopback.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;
using core::IpAddress;

namespace {

/// A configuration whose agent is not running.
struct Bench {
    TempFolder folder;
    Config config;
    TargetWish wish;

    Bench() {
        std::uint16_t port = 0;
        { const auto closed = bound_socket(SOCK_STREAM, &port); }
        config.agent.state_dir = config.agent.runtime_dir = folder.path();
        config.http.listen = {IpAddress::v4(0x7f000001), port};
        add("a", {"10.0.0.2", "10.0.0.1"});
        add("b", {"10.0.0.3"});
    }
    void add(const std::string& name, const std::vector<const char*>& addresses) {
        LinkConfig link;
        link.name = name;
        link.host = name + ".example.com";
        for (const char* ip : addresses)
            link.addresses.push_back(*IpAddress::parse(ip));
        config.links.push_back(std::move(link));
    }
    std::string targets() const {
        const auto found = probe_targets(config, wish);
        if (!found) return "error: " + found.error().what;
        std::string out;
        for (const auto& t : found->targets)
            out += (out.empty() ? "" : ", ") + t.link + " " + t.ip.text();
        return out;
    }
};

}  // namespace

TEST_CASE("probe targets: all links, or the one that is named", "[probe_targets]") {
    Bench b;
    CHECK(b.targets() == "a 10.0.0.1, a 10.0.0.2, b 10.0.0.3");
    b.wish.link = "b";
    CHECK(b.targets() == "b 10.0.0.3");
    b.wish.link = "c\x1b[2J";
    const auto none = probe_targets(b.config, b.wish);
    REQUIRE_FALSE(none);
    CHECK(none.error().code == Code::kUsage);
    CHECK(none.error().hint == "there are: a, b");
    CHECK(none.error().text().find('\x1b') == std::string::npos);
    b.config.links.clear();
    CHECK(probe_targets(b.config, b.wish).error().hint == "the configuration has none");
    b.wish.link.clear();
    CHECK_FALSE(probe_targets(b.config, b.wish));
}

TEST_CASE("probe targets: addresses narrow a link, and may be ones that it does not have", "[probe_targets]") {
    Bench b;
    b.wish.link = "a";
    b.wish.addresses = {*IpAddress::parse("10.0.0.2"), *IpAddress::parse("192.0.2.1"), *IpAddress::parse("10.0.0.2")};
    CHECK(b.targets() == "a 10.0.0.2, a 192.0.2.1");
}

TEST_CASE("probe targets: a link without addresses is a note where others have some, else an error",
          "[probe_targets]") {
    Bench b;
    LinkConfig link;
    link.name = "c";
    link.host = "c.example.com";
    link.endpoints = {"ep-bp1a"};
    b.config.links.push_back(link);
    const auto found = probe_targets(b.config, b.wish);
    REQUIRE(found);
    CHECK(found->targets.size() == 3);
    REQUIRE(found->notes.size() == 1);
    CHECK(found->notes[0].find("c: no address is known") == 0);
    b.wish.link = "c";
    CHECK(b.targets().find("error: c: no address is known") == 0);
}

TEST_CASE("probe targets: options go before the configuration; a token that can't be read ends it", "[probe_targets]") {
    Bench b;
    const std::string token = b.folder / "token";
    REQUIRE(core::write_file(token, core::as_bytes("abc123\n"), 0600, false));
    b.wish.link = "b";
    b.wish.host = "other.example.com";
    b.wish.port = 8443;
    b.wish.token_file = token;
    b.wish.ca_file = "/etc/ca.pem";
    b.wish.timeout_us = 700 * core::kMillisecond;
    const auto found = probe_targets(b.config, b.wish);
    REQUIRE(found);
    const auto& spec = *found->targets.at(0).spec;
    CHECK(spec.host == "other.example.com");
    CHECK(spec.server_name == "other.example.com");
    CHECK(spec.port == 8443);
    CHECK(spec.token.expose() == "abc123");
    CHECK(spec.ca_file == "/etc/ca.pem");
    CHECK(spec.timeout_us == 700 * core::kMillisecond);
    CHECK(spec.connect_timeout_us == 700 * core::kMillisecond);
    b.wish.token_file = b.folder / "none";
    const auto missing = probe_targets(b.config, b.wish);
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Code::kFileMissing);
}

TEST_CASE("probe targets: a host and its addresses need no configuration", "[probe_targets]") {
    TargetWish wish;
    wish.config = "/nonexistent/postern.toml";
    wish.host = "db.example.com";
    wish.addresses = {*IpAddress::parse("10.0.0.1"), *IpAddress::parse("fd00::1")};
    const auto found = probe_targets(wish);
    REQUIRE(found);
    REQUIRE(found->targets.size() == 2);
    CHECK(found->targets[1].ip.text() == "fd00::1");
    CHECK(found->targets[0].spec->server_name == "db.example.com");
    CHECK(found->targets[0].spec->port == 443);
    wish.config_given = true;
    CHECK(probe_targets(wish).error().code == Code::kConfigBadValue);
}

TEST_CASE("probe targets: what the running agent knows goes before what is configured", "[probe_targets]") {
    const HttpServer agent([](const std::string&) {
        const std::string body =
            R"({"links":[{"name":"a","addresses":[{"ip":"10.9.9.9","zone":"h"}]},{"name":"b","addresses":[]}]})";
        return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\nConnection: close\r\n\r\n" +
               body;
    });
    Bench b;
    b.config.http.listen = {IpAddress::v4(0x7f000001), agent.port()};
    CHECK(b.targets() == "a 10.9.9.9, b 10.0.0.3");
}

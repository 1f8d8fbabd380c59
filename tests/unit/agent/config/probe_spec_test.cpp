// SPDX-License-Identifier: Apache-2.0
#include "agent/config/probe_spec.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("probe spec: each key of [link.probe] reaches the probe", "[probe_spec]") {
    const auto config = parse_config("f", R"(
[[link]]
name = "a"
host = "db.example.com"
addresses = ["10.0.0.1"]
[link.probe]
port = 8443
timeout = "4s"
connect_timeout = "700ms"
path = "/x"
sql = "select 2"
ca_file = "/etc/ca.pem"
server_name = "tls.example.com"
ws = true
degraded_over = "80ms"
expiry_warning = "3d"
)");
    REQUIRE(config);
    const auto spec = probe_spec(config->links.at(0), core::Secret("a-token"));
    CHECK(spec.kind == probe::Kind::kTdengine);
    CHECK(spec.host == "db.example.com");
    CHECK(spec.server_name == "tls.example.com");
    CHECK(spec.port == 8443);
    CHECK(spec.path == "/x");
    CHECK(spec.sql == "select 2");
    CHECK(spec.ws);
    CHECK(spec.ca_file == "/etc/ca.pem");
    CHECK(spec.timeout_us == 4 * core::kSecond);
    CHECK(spec.connect_timeout_us == 700 * core::kMillisecond);
    CHECK(spec.degraded_over_us == 80 * core::kMillisecond);
    CHECK(spec.expiry_warning_us == 3 * 24 * core::kHour);
    CHECK(spec.token.expose() == "a-token");
}

TEST_CASE("probe spec: the server's name in TLS is the host's unless another is given; https has its own checks",
          "[probe_spec]") {
    LinkConfig link;
    link.host = "db.example.com";
    link.probe.kind = probe::Kind::kHttps;
    link.probe.accepted_status = {200, 204};
    link.probe.body_contains = "ok";
    link.probe.body_json = {{"/status", "ok"}};
    const auto spec = probe_spec(link, {});
    CHECK(spec.server_name == "db.example.com");
    CHECK(spec.kind == probe::Kind::kHttps);
    CHECK(spec.accepted_status == link.probe.accepted_status);
    CHECK(spec.body_contains == "ok");
    CHECK(spec.body_json == link.probe.body_json);
    CHECK(spec.token.empty());
}

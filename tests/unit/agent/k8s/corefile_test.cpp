// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/corefile.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent::k8s;

namespace {

core::SocketAddress server(const char* text) {
    return *parse_resolver(text, "--service");
}

const std::vector<std::string> kNames = {"db.example.com", "db-2.example.com", "db.example.com"};

}  // namespace

TEST_CASE("corefile: a block for each name, once", "[k8s]") {
    const CorefileOptions options{.upstreams = {server("169.254.20.153"), server("10.96.0.53")}};
    CHECK(corefile(kNames, options) == R"(# Written by postern k8s corefile: a server block for each private name.
db.example.com:53 {
    errors
    cache 1 {
        success 9984 1
        denial 9984 1
    }
    forward . 169.254.20.153 10.96.0.53 {
        policy sequential
        max_fails 1
    }
}
db-2.example.com:53 {
    errors
    cache 1 {
        success 9984 1
        denial 9984 1
    }
    forward . 169.254.20.153 10.96.0.53 {
        policy sequential
        max_fails 1
    }
}
)");
}

TEST_CASE("corefile: NodeLocal DNSCache binds what its other blocks do", "[k8s]") {
    const CorefileOptions options{
        .dns = ClusterDns::kNodeLocal,
        .upstreams = {server("[fd00::53]:5353"), server("10.96.0.53")},
        .binds = {*core::IpAddress::parse("169.254.20.10"), *core::IpAddress::parse("10.96.0.10")},
        .failover = true};
    CHECK(corefile({"db.example.com"}, options) ==
          R"(# Written by postern k8s corefile --for nodelocal: a server block for each private name.
# bind: what the other blocks of node-local-dns bind (postern k8s corefile --bind).
db.example.com:53 {
    errors
    bind 169.254.20.10 10.96.0.10
    reload
    cache 1 {
        success 9984 1
        denial 9984 1
    }
    forward . [fd00::53]:5353 10.96.0.53 {
        policy sequential
        max_fails 1
        failover SERVFAIL REFUSED
    }
    prometheus :9253
}
)");
}

TEST_CASE("corefile: ACK's CustomDNSConfig", "[k8s]") {
    const CorefileOptions options{.dns = ClusterDns::kAck,
                                  .upstreams = {server("10.0.0.53"), server("10.0.0.54:5353")}};
    CHECK(
        corefile({"db.example.com"}, options) ==
        R"(# Written by postern k8s corefile --for ack. A cluster has one CustomDNSConfig, "default": if it has zones of
# others already, add these to them.
apiVersion: networking.alibabacloud.com/v1beta1
kind: CustomDNSConfig
metadata:
  name: default
spec:
  zones:
    - name: "db.example.com"
      forward:
        upstreams:
          - "10.0.0.53"
          - "10.0.0.54:5353"
)");
    CHECK(check_ack(options.upstreams));
    CHECK_FALSE(check_ack({server("fd00::53")}));
}

TEST_CASE("corefile: an address that a pod can't ask is refused, with the next step", "[k8s]") {
    for (const char* text : {"", "dns.example.com", "0.0.0.0", "224.0.0.1", "127.0.0.153", "::1", "fe80::1%eth0",
                             "10.0.0.1:0", "10.0.0.1:70000", "::"}) {
        INFO(text);
        const auto parsed = parse_resolver(text, "--service");
        REQUIRE_FALSE(parsed);
        CHECK(parsed.error().code == core::Code::kUsage);
        CHECK(parsed.error().what.text().starts_with("--service "));
        CHECK_FALSE(parsed.error().hint.empty());
    }
    CHECK(server("169.254.20.153").text() == "169.254.20.153:53");
    CHECK(server("10.96.0.53:5353").port == 5353);
}

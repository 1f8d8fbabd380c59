// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_asks.h"

#include "agent/hostdns/host_facts.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::Lab;

namespace {

const std::vector<core::SocketAddress> kListen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};

HostAsks asks(const char* resolv_conf) {
    Lab lab(test::plain_host());
    lab.host.with_file(kResolvConf, resolv_conf);
    return whom_host_asks(lab.host, kListen, {});
}

}  // namespace

TEST_CASE("host asks: by what resolv.conf names", "[hostdns]") {
    CHECK(asks("nameserver 127.0.0.153\nnameserver 10.0.0.2\n").state == HostAsks::State::kYes);
    const HostAsks others = asks("nameserver 10.0.0.2\nnameserver 10.0.0.3\n");
    CHECK(others.state == HostAsks::State::kNo);
    CHECK(others.servers.size() == 2);
    CHECK(asks("nameserver 127.0.0.53\n").state == HostAsks::State::kUnknown);  // which may ask us
    CHECK(asks("nameserver 127.0.0.1\nnameserver 10.0.0.2\n").state == HostAsks::State::kUnknown);
    CHECK(asks("").state == HostAsks::State::kUnknown);
}

TEST_CASE("host asks: a takeover that is on is asked, a container's file says nothing of an intention", "[hostdns]") {
    Lab lab(test::plain_host());
    REQUIRE(lab.enable());
    CHECK(whom_host_asks(lab.host, kListen, lab.journal()).state == HostAsks::State::kYes);
    Lab container(test::plain_host());
    container.host.with_file(kResolvConf, "nameserver 10.0.0.2\n").with_file("/.dockerenv", "");
    CHECK(whom_host_asks(container.host, kListen, {}).state == HostAsks::State::kUnknown);
}

TEST_CASE("host asks: each state has one word", "[hostdns]") {
    CHECK(to_string(HostAsks::State::kYes) == "yes");
    CHECK(to_string(HostAsks::State::kNo) == "no");
    CHECK(to_string(HostAsks::State::kUnknown) == "unknown");
}

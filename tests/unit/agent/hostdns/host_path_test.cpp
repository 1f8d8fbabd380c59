// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/host_path.h"

#include "tests/unit/agent/hostdns/lab.h"

using namespace postern;
using namespace postern::agent;
using test::kName;
using test::kPrivate;
using test::kPublic;
using test::kUs;
using test::Lab;

namespace {

struct Looked : Lab {
    Looked() : Lab(test::plain_host()), own(hooks()), path(host, own) {
        host.with_file(kResolvConf, "nameserver 127.0.0.153\n");
    }
    PathLook look(bool public_too = true, std::vector<std::string> names = {kName}) {
        Target target;
        target.listen = kUs;
        target.names = std::move(names);
        return path.look(target, public_too);
    }
    TakeoverHooks own;
    HostPath path;
};

}  // namespace

TEST_CASE("host path: it works where programs get our addresses", "[hostdns]") {
    Looked host;
    const PathLook seen = host.look();
    CHECK(seen.state == PathState::kWorks);
    CHECK(seen.wall_us == host.now_us);
    CHECK(host.look(false).state == PathState::kWorks);
}

TEST_CASE("host path: another address of a private name is no answer of ours", "[hostdns]") {
    Looked host;
    host.host.with_file(kResolvConf, "nameserver 10.0.0.1\n");
    const PathLook seen = host.look(false);
    CHECK(seen.state == PathState::kFails);
    CHECK(seen.problem() == "programs of this host can't look up " + kName);
}

TEST_CASE("host path: what a cache in between still has of ours is one", "[hostdns]") {
    Looked host;
    REQUIRE(host.look().state == PathState::kWorks);
    const auto later = *core::IpAddress::parse("10.0.7.2");
    host.own.ask = [&](const auto&, const auto& name, auto) -> core::Result<ListenerAnswer> {
        return ListenerAnswer{0, name == kName ? std::vector{later} : std::vector<core::IpAddress>{}};
    };
    CHECK(host.look().state == PathState::kWorks);  // programs get 10.0.7.1
}

TEST_CASE("host path: public names fail only where we find them", "[hostdns]") {
    Looked host;
    host.deaf_programs = true;
    CHECK(host.look(true, {}).state == PathState::kFails);
    CHECK(host.look(true, {}).name == kPublicName);
    CHECK(host.look(false, {}).state == PathState::kUnknown);
    host.public_rcode = 2;  // no upstream answers
    CHECK(host.look(true, {}).state == PathState::kUnknown);
    host.alive = false;
    CHECK(host.look().state == PathState::kUnknown);
}

TEST_CASE("host path: names without an address, or in /etc/hosts, tell nothing", "[hostdns]") {
    Looked host;
    host.host.with_file(kResolvConf, "nameserver 10.0.0.1\n");
    int asked = 0;
    host.own.ask = [&](const auto&, const auto&, auto) -> core::Result<ListenerAnswer> {
        ++asked;
        return ListenerAnswer{0, {}};
    };
    CHECK(host.look(false, {"a.lab", "b.lab", "c.lab", "d.lab", "e.lab"}).state == PathState::kUnknown);
    CHECK(asked == 3);
    host.host.with_file("/etc/hosts", "10.0.7.9 " + kName + "\n");
    CHECK(host.look(false).state == PathState::kUnknown);
    CHECK(asked == 3);
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/hostdns/listener.h"

#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::kUs;
using test::Lab;

namespace {

constexpr const char* kHead =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

void bind(test::FakeHost& host, const std::string& table, const std::string& local, const std::string& state,
          const std::string& pid, const std::string& program) {
    host.with_file("/proc/net/" + table, kHead + std::string("   7: ") + local + " 00000000:0000 " + state +
                                             " 00000000:00000000 00:00000000 00000000     0        0 47" + pid +
                                             " 2 0 0\n");
    host.with_link("/proc/" + pid + "/fd/3", "/dev/null").with_link("/proc/" + pid + "/fd/4", "socket:[47" + pid + "]");
    host.with_file("/proc/" + pid + "/comm", program + "\n");
}

}  // namespace

TEST_CASE("hostdns: who holds the port is named", "[hostdns]") {
    Lab lab(test::plain_host());
    CHECK_FALSE(port_holder(lab.host, kUs));
    bind(lab.host, "udp", "9900007F:0035", "07", "812", "dnsmasq");
    CHECK(port_holder(lab.host, kUs).value().text() == "dnsmasq (pid 812)");
    bind(lab.host, "udp", "9900007F:0036", "07", "812", "dnsmasq");
    CHECK_FALSE(port_holder(lab.host, kUs));
    bind(lab.host, "udp", "00000000:0035", "07", "812", "named");
    CHECK(port_holder(lab.host, kUs).value().text() == "named (pid 812)");
    bind(lab.host, "udp", "00000000:0036", "07", "812", "named");
    bind(lab.host, "tcp6", "00000000000000000000000000000000:0035", "0A", "813", "unbound");
    CHECK(port_holder(lab.host, kUs).value().text() == "unbound (pid 813)");
    bind(lab.host, "tcp6", "00000000000000000000000000000000:0035", "01", "813", "unbound");
    CHECK_FALSE(port_holder(lab.host, kUs));  // a connection
}

TEST_CASE("hostdns: systemd's socket for postern is not another program", "[hostdns]") {
    Lab lab(test::plain_host());
    bind(lab.host, "udp", "9900007F:0035", "07", "1", "systemd");
    CHECK_FALSE(port_holder(lab.host, kUs));
}

TEST_CASE("hostdns: a listener that is silent is started again, unless another program has its port", "[hostdns]") {
    Lab lab(test::plain_host());
    lab.host.with_file("/run/systemd/system/x", "");
    auto hooks = lab.hooks();
    REQUIRE(wake_listener(lab.host, hooks, kUs));
    CHECK(lab.host.ran.empty());  // it answers
    lab.alive = false;
    lab.on_pause = [&] { lab.alive = true; };
    REQUIRE(wake_listener(lab.host, hooks, kUs));
    REQUIRE(lab.host.ran.size() == 1);
    CHECK(lab.host.ran[0] == "systemctl --no-block start postern-resolver.socket postern-resolver.service");

    lab.alive = false;
    bind(lab.host, "udp", "9900007F:0035", "07", "812", "dnsmasq");
    const auto refused = wake_listener(lab.host, hooks, kUs);
    start_rescue(lab.host);
    CHECK(lab.host.ran.back() == "systemctl --no-block start postern-rescue.service");
    lab.host.ran.pop_back();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == core::Code::kAddressInUse);
    CHECK(refused.error().what.find("127.0.0.153:53 is held by dnsmasq (pid 812)") != std::string::npos);
    CHECK(lab.host.ran.size() == 1);
}

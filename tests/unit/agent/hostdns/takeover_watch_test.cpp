// SPDX-License-Identifier: Apache-2.0
// Files that other programs write over ours: which of them become the host's own, and for how long.
#include "agent/hostdns/upstreams.h"
#include "tests/unit/agent/hostdns/lab.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using test::kName;
using test::kUs;
using test::Lab;

namespace {

/// A plain host that is taken over, and programs that write its file.
struct Written : Lab {
    Written() : Lab(test::plain_host()) {
        REQUIRE(enable());
        ours = resolv_conf();
    }
    void write(const std::string& text) {
        host.with_file(kResolvConf, text);
        now_us += 2 * core::kMinute;
        REQUIRE(takeover().reapply({kName}));
        CHECK(host.reaches(kUs.ip, kName));
    }
    std::string upstreams_now() {
        std::string list;
        for (const auto& server : host_upstreams(host, {kUs}, journal()).servers)
            list += (list.empty() ? "" : " ") + server.host();
        return list;
    }
    std::string given_back() {
        REQUIRE(takeover().disable(false));
        return resolv_conf();
    }
    std::string ours;
};

const std::string kVpn = "# VPN\nsearch corp.example\nnameserver 10.8.0.1\n";

}  // namespace

TEST_CASE("rewritten: a VPN's server is tried first, what worked before stays behind it, until the VPN is gone",
          "[hostdns]") {
    Written host;
    host.host.with_file(kResolvConf, kVpn);
    CHECK(host.upstreams_now() == "10.8.0.1 10.0.0.1");  // at once, before the reapply
    host.write(kVpn);
    CHECK(host.upstreams_now() == "10.8.0.1 10.0.0.1");
    CHECK(host.resolv_conf().find("search corp.example\n") != std::string::npos);
    host.write(host.ours);  // its backup
    CHECK(host.upstreams_now() == "10.0.0.1");
    CHECK(host.resolv_conf() == host.ours);
    CHECK(host.journal().earlier.empty());
    CHECK(host.given_back() == host.first[kResolvConf].content);
    CHECK(host.host.files == host.first);
}

TEST_CASE("rewritten: a VPN's backup that looks like our present file can't be told, and costs nothing", "[hostdns]") {
    Written host;
    host.write(
        "options timeout:2 attempts:3 rotate single-request-reopen\nsearch a.example b.example\n"
        "nameserver 10.8.0.1\n");
    REQUIRE(host.resolv_conf() == host.ours);
    CHECK(host.upstreams_now() == "10.8.0.1 10.0.0.1");
    host.dead = {"10.8.0.1"};
    host.served.upstreams = host_upstreams(host.host, {kUs}, host.journal()).servers;
    CHECK(ResolvConf::parse(host.given_back()).names(*core::IpAddress::parse("10.0.0.1")));
}

TEST_CASE("rewritten: a lease after the other is what is given back; the file before the takeover is never lost",
          "[hostdns]") {
    Written host;
    for (int i = 1; i <= 9; ++i)
        host.write("search lease" + std::to_string(i) + ".example\nnameserver 10.0.1." + std::to_string(i) + "\n");
    CHECK(host.upstreams_now() == "10.0.1.9 10.0.1.8 10.0.1.7 10.0.1.6 10.0.0.1");
    CHECK(host.journal().earlier.size() == kMaxEarlier);
    CHECK(host.journal().earlier.back().before == host.first[kResolvConf]);
    host.write("search lease7.example\nnameserver 10.0.1.7\n");  // again, as it was then
    CHECK(host.upstreams_now() == "10.0.1.7 10.0.1.6 10.0.0.1");
    CHECK(host.given_back() == "search lease7.example\nnameserver 10.0.1.7\n");
}

TEST_CASE("rewritten: the SELinux label stays that of the path, whatever label the other's file has", "[hostdns]") {
    const std::string label = "system_u:object_r:net_conf_t:s0";
    Lab host(test::plain_host());
    host.host.files[kResolvConf].selinux = label;
    REQUIRE(host.enable());
    CHECK(host.host.files[kResolvConf].selinux == label);
    for (const std::string foreign : {"", "system_u:object_r:etc_t:s0"}) {
        host.host.with_file(kResolvConf, kVpn + "# " + foreign + "\n");
        host.host.files[kResolvConf].selinux = foreign;
        REQUIRE(host.takeover().reapply({kName}));
        CHECK(host.host.reaches(kUs.ip, kName));
        CHECK(host.host.files[kResolvConf].selinux == label);
    }
    REQUIRE(host.takeover().disable(false));
    CHECK(host.host.files[kResolvConf].content == kVpn + "# system_u:object_r:etc_t:s0\n");
    CHECK(host.host.files[kResolvConf].selinux == label);
}

TEST_CASE("rewritten: an edit of our file is no news, nor is one that names us alone", "[hostdns]") {
    Written host;
    host.write("search new.example\nnameserver 10.0.0.9\n");
    const auto known = host.upstreams_now();
    for (const std::string& edit :
         {"search x\n" + host.resolv_conf(), "# header\n" + host.resolv_conf(), host.resolv_conf() + "# end\n",
          std::string("nameserver 127.0.0.153\n"), std::string("search z\nnameserver 127.0.0.153\n")}) {
        host.write(edit);
        CHECK(host.upstreams_now() == known);
    }
    CHECK(host.given_back() == "search new.example\nnameserver 10.0.0.9\n");
}

TEST_CASE("rewritten: a server that is put in front of us, or behind, counts as written by another", "[hostdns]") {
    for (const bool front : {true, false}) {
        Written host;
        const std::string line = "nameserver 10.8.0.1\n";
        host.write(front ? line + host.ours : host.ours + line);
        CHECK(host.upstreams_now() == (front ? "10.8.0.1 10.0.0.1" : "10.0.0.1 10.8.0.1"));
        CHECK(ResolvConf::parse(host.given_back()).servers.size() == 2);
    }
    // But not the second line, which is ours to write.
    Lab lab(test::dhclient_host());
    EnableRequest request;
    request.listen = kUs;
    request.names = {kName};
    request.second_server = true;
    REQUIRE(lab.takeover().enable(request));
    lab.host.with_file(kResolvConf, "# header\n" + lab.resolv_conf());
    REQUIRE(lab.takeover().reapply({kName}));
    CHECK(lab.journal().earlier.empty());
    CHECK(lab.journal().find(kResolvConf)->before == lab.first[kResolvConf]);
}

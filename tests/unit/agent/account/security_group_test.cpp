// SPDX-License-Identifier: Apache-2.0
#include "agent/account/security_group.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using Policy = SecurityGroupRule::Policy;

namespace {

SecurityGroupRule rule(Policy policy, int priority, const std::string& cidr, const std::string& ports = "443/443",
                       const std::string& protocol = "TCP") {
    SecurityGroupRule r;
    r.id = (policy == Policy::kAccept ? "sgr-accept" : "sgr-drop") + std::to_string(priority);
    r.policy = policy;
    r.priority = priority;
    r.protocol = protocol;
    r.port_range = ports;
    r.cidr = cidr;
    return r;
}
SecurityGroupRule accept(const std::string& cidr, int priority = 1) {
    return rule(Policy::kAccept, priority, cidr);
}
SecurityGroupRule drop(const std::string& cidr, int priority = 1) {
    return rule(Policy::kDrop, priority, cidr);
}

SecurityGroupRule from_group(SecurityGroupRule r, const std::string& group) {
    r.cidr.clear();
    r.group = group;
    return r;
}
SecurityGroupRule from_list(SecurityGroupRule r, const std::string& list) {
    r.cidr.clear();
    r.prefix_list = list;
    return r;
}
SecurityGroupRule with(SecurityGroupRule r, std::string SecurityGroupRule::*field, const std::string& value) {
    r.*field = value;
    return r;
}

SecurityGroup group(std::vector<SecurityGroupRule> rules, bool inner = false, const std::string& id = "sg-a") {
    return {id, "name", "vpc-x", inner, std::move(rules)};
}

TrafficSource from(const std::string& cidr) {
    return {*parse_cidr(cidr), std::nullopt, {}};
}

std::string judged(const std::vector<SecurityGroup>& groups, const TrafficSource& source) {
    return std::string(to_string(judge_ingress(groups, source, 443).access));
}
std::string judged(std::vector<SecurityGroupRule> rules, const std::string& cidr = "192.168.2.9") {
    return judged({group(std::move(rules))}, from(cidr));
}

}  // namespace

TEST_CASE("security group: addresses, ports and protocols of a single accept", "[security_group]") {
    struct Case {
        const char* about;
        SecurityGroupRule rule;
        const char* expected;
    };
    const SecurityGroupRule open = accept("192.168.0.0/16");
    const auto ports = [&](const char* range) { return with(open, &SecurityGroupRule::port_range, range); };
    const auto protocol = [&](const char* word) { return with(open, &SecurityGroupRule::protocol, word); };
    const Case cases[] = {
        {"the VPC's range", open, "yes"},
        {"everybody", accept("0.0.0.0/0"), "yes"},
        {"the bare address", accept("192.168.2.9"), "yes"},
        {"another address", accept("192.168.2.8"), "no"},
        {"another range", accept("10.0.0.0/8"), "no"},
        {"bits behind the length", accept("192.168.2.9/16"), "yes"},
        {"no address at all", accept("somewhere"), "unknown"},
        {"a range of ports", ports("400/500"), "yes"},
        {"all ports", ports("-1/-1"), "yes"},
        {"its first port", ports("443/500"), "yes"},
        {"its last port", ports("1/443"), "yes"},
        {"the port below", ports("1/442"), "no"},
        {"the port above", ports("444/500"), "no"},
        {"ports that can't be read", ports("https"), "unknown"},
        {"a list of ports", with(ports(""), &SecurityGroupRule::port_range_list, "prl-1"), "unknown"},
        {"all protocols", protocol("ALL"), "yes"},
        {"small letters", protocol("tcp"), "yes"},
        {"UDP", protocol("UDP"), "no"},
        {"ICMPV6", protocol("icmpv6"), "no"},
        {"a protocol of a later time", protocol("QUIC"), "unknown"},
        {"any source port", with(open, &SecurityGroupRule::source_port_range, "-1/-1"), "yes"},
        {"all source ports", with(open, &SecurityGroupRule::source_port_range, "1/65535"), "yes"},
        {"some source ports", with(open, &SecurityGroupRule::source_port_range, "1024/2048"), "unknown"},
        {"IPv6 for IPv4", with(accept(""), &SecurityGroupRule::ipv6_cidr, "::/0"), "no"},
        {"no source", accept(""), "unknown"},
    };
    for (const auto& c : cases) {
        INFO(c.about);
        CHECK(judged({c.rule}) == c.expected);
    }
    SecurityGroupRule egress = open;
    egress.ingress = false;
    CHECK(judged({egress}) == "no");
}

TEST_CASE("security group: IPv6 hosts go by IPv6 ranges", "[security_group]") {
    const auto v6 = [](const char* cidr) { return with(accept(""), &SecurityGroupRule::ipv6_cidr, cidr); };
    CHECK(judged({v6("2408:4005:3b6::/48")}, "2408:4005:3b6:4a00::1") == "yes");
    CHECK(judged({v6("::/0")}, "2408::1") == "yes");
    CHECK(judged({v6("2408:4005:3b7::/48")}, "2408:4005:3b6:4a00::1") == "no");
    CHECK(judged({accept("0.0.0.0/0")}, "2408::1") == "no");
}

TEST_CASE("security group: the least priority number decides, drop before accept among equals", "[security_group]") {
    CHECK(judged({accept("0.0.0.0/0", 1), drop("0.0.0.0/0", 100)}) == "yes");
    CHECK(judged({drop("0.0.0.0/0", 1), accept("0.0.0.0/0", 100)}) == "no");
    CHECK(judged({accept("0.0.0.0/0", 5), drop("0.0.0.0/0", 5)}) == "no");
    CHECK(judged({drop("0.0.0.0/0", 5), accept("0.0.0.0/0", 5)}) == "no");
    CHECK(judged({drop("10.0.0.0/8", 1), accept("192.168.0.0/16", 2)}) == "yes");
    // Rules of several groups count together.
    CHECK(judged({group({accept("0.0.0.0/0", 2)}), group({drop("0.0.0.0/0", 1)}, false, "sg-b")},
                 from("192.168.2.9")) == "no");
    CHECK(judged({group({accept("0.0.0.0/0", 2)}), group({drop("0.0.0.0/0", 3)}, false, "sg-b")},
                 from("192.168.2.9")) == "yes");
    CHECK(judge_ingress({group({drop("192.168.0.0/16", 7)})}, from("192.168.2.9"), 443).reason ==
          "rule sgr-drop7 of sg-a drops TCP 443/443 from 192.168.0.0/16 (priority 7)");
}

TEST_CASE("security group: an unknown matters only where it could change the answer", "[security_group]") {
    const auto maybe_accept = from_group(accept("", 1), "sg-other");
    const auto maybe_drop = from_group(drop("", 1), "sg-other");
    CHECK(judged({maybe_accept}) == "unknown");
    CHECK(judged({maybe_drop}) == "no");  // shut either way
    CHECK(judged({maybe_accept, accept("0.0.0.0/0", 2)}) == "yes");
    CHECK(judged({maybe_accept, drop("0.0.0.0/0", 2)}) == "unknown");
    CHECK(judged({maybe_drop, accept("0.0.0.0/0", 2)}) == "unknown");
    CHECK(judged({maybe_drop, drop("0.0.0.0/0", 2)}) == "no");
    CHECK(judged({from_group(drop("", 3), "sg-other"), accept("0.0.0.0/0", 2)}) == "yes");  // comes too late
    SecurityGroupRule odd = accept("0.0.0.0/0", 1);
    odd.policy = Policy::kOther;
    CHECK(judged({odd, accept("0.0.0.0/0", 2)}) == "unknown");
    CHECK(judged({odd}) == "unknown");
}

TEST_CASE("security group: groups and prefix lists as sources", "[security_group]") {
    TrafficSource member = from("192.168.2.9");
    member.groups = {"sg-host", "sg-other"};
    CHECK(judged({group({from_group(accept(""), "sg-host")})}, member) == "yes");
    CHECK(judged({group({from_group(accept(""), "sg-elsewhere")})}, member) == "no");

    TrafficSource listed = from("192.168.2.9");
    listed.prefix_lists["pl-1"] = {*parse_cidr("10.0.0.0/8"), *parse_cidr("192.168.2.0/24")};
    listed.prefix_lists["pl-2"] = {*parse_cidr("10.0.0.0/8")};
    CHECK(judged({group({from_list(accept(""), "pl-1")})}, listed) == "yes");
    CHECK(judged({group({from_list(accept(""), "pl-2")})}, listed) == "no");
    CHECK(judged({group({from_list(accept(""), "pl-unread")})}, listed) == "unknown");
}

TEST_CASE("security group: without a rule members alone get in, where the group says so", "[security_group]") {
    TrafficSource host = from("192.168.2.9");
    CHECK(judged({group({}, false)}, host) == "no");
    CHECK(judged({group({}, true)}, host) == "unknown");
    host.groups = std::vector<std::string>{"sg-a"};
    CHECK(judged({group({}, true)}, host) == "yes");
    CHECK(judged({group({}, false)}, host) == "no");
    CHECK(judged({group({from_list(drop(""), "pl-unread")}, true)}, host) == "unknown");
    host.groups = std::vector<std::string>{};
    CHECK(judged({group({}, true)}, host) == "no");
    CHECK(judge_ingress({group({}), group({}, false, "sg-b")}, host, 443).reason ==
          "no rule of sg-a, sg-b opens TCP 443 to 192.168.2.9");
    CHECK(judged(std::vector<SecurityGroup>{}, host) == "unknown");
}

TEST_CASE("security group: a whole range is let in only by what holds all of it", "[security_group]") {
    TrafficSource vpc = from("192.168.0.0/16");
    vpc.groups = std::vector<std::string>{};
    CHECK(judged({group({accept("192.168.0.0/16")})}, vpc) == "yes");
    CHECK(judged({group({accept("192.0.0.0/8")})}, vpc) == "yes");
    CHECK(judged({group({accept("192.168.2.0/24")})}, vpc) == "unknown");  // a part of it
    CHECK(judged({group({accept("10.0.0.0/8")})}, vpc) == "no");
    CHECK(judged({group({drop("192.168.2.0/24", 1), accept("192.168.0.0/16", 2)})}, vpc) == "unknown");
}

TEST_CASE("security group: address ranges as the cloud writes them", "[security_group]") {
    CHECK(parse_cidr("10.1.2.3/8")->text() == "10.0.0.0/8");
    CHECK(parse_cidr("0.0.0.0/0")->text() == "0.0.0.0/0");
    CHECK(parse_cidr("10.1.2.3")->text() == "10.1.2.3/32");
    CHECK(parse_cidr("2408:4005:3b6:4a00::1/48")->text() == "2408:4005:3b6::/48");
    for (const char* bad :
         {"", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/", "10.0.0/8", "::/129", "10.0.0.0/8x", "a/8"}) {
        INFO(bad);
        CHECK_FALSE(parse_cidr(bad));
    }
}

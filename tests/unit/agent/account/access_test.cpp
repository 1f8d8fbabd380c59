// SPDX-License-Identifier: Apache-2.0
#include "agent/account/access.h"

#include "tests/unit/agent/account/cloud_fixture.h"

using namespace postern;
using namespace postern::agent;
using core::IpAddress;
using test::Parameters;

namespace {

struct Bench : test::FakeCloud {
    EndpointCloud account{*session};
    EndpointReport report;
    std::string rules =
        R"({"Direction":"ingress","Policy":"Accept","IpProtocol":"TCP","PortRange":"443/443","SourceCidrIp":"127.0.0.0/8"})";

    Bench() {
        report.zones.push_back({.zone_id = "h", .status = "Connected", .ipv4 = IpAddress::v4(0x7f000009)});
        actions["DescribeSecurityGroupAttribute"] = [this](const Parameters& p) {
            return R"({"RequestId":"R","SecurityGroupId":")" + p.at("SecurityGroupId") +
                   R"(","Permissions":{"Permission":[)" + rules + "]}}";
        };
    }
    EndpointAccess ask(const core::Result<std::vector<AttachedGroup>>& attached,
                       std::optional<IpAddress> from = std::nullopt) {
        return ask_access(*session, account, report, attached, from);
    }
};

const std::vector<AttachedGroup> kOne{{"sg-1", "Attached"}};

}  // namespace

TEST_CASE("access: this host comes from where its routes say, another from where it is said", "[access]") {
    Bench b;
    auto own = b.ask(kOne);
    CHECK(own.from == "127.0.0.1");
    CHECK(own.judgement.access == Access::kYes);
    const auto other = b.ask(kOne, IpAddress::parse("10.0.0.1"));
    CHECK(other.from == "10.0.0.1");
    CHECK(other.judgement.access == Access::kNo);
}

TEST_CASE("access: without an address to go to, the metadata service says where this host is; else it is asked for",
          "[access]") {
    Bench b;
    b.report.zones.clear();
    const auto nobody = b.ask(kOne);
    CHECK(nobody.judgement.access == Access::kUnknown);
    CHECK(nobody.judgement.reason.find("--from") != std::string::npos);
    CHECK(nobody.from.empty());
    for (const char* odd : {"", "here", "10.0.0.1\n10.0.0.2"}) {
        b.metadata["private-ipv4"] = odd;
        CHECK(b.ask(kOne).from.empty());
    }
    b.metadata["private-ipv4"] = "127.0.0.3";
    CHECK(b.ask(kOne).from == "127.0.0.3");
    CHECK(b.ask(kOne).judgement.access == Access::kYes);
}

TEST_CASE("access: what can't be read is not known, never a no", "[access]") {
    Bench b;
    const auto unread = b.ask(core::fail(core::Code::kApiDenied, "may not"));
    CHECK(unread.judgement.access == Access::kUnknown);
    CHECK(unread.judgement.reason.find("may not") != std::string::npos);
    const auto moving = b.ask(std::vector<AttachedGroup>{{"sg-1", "Attached"}, {"sg-2", "Attaching"}});
    CHECK(moving.judgement.access == Access::kUnknown);
    CHECK(moving.judgement.reason == "sg-2 is Attaching right now");
    b.actions.erase("DescribeSecurityGroupAttribute");
    const auto denied = b.ask(kOne);
    CHECK(denied.judgement.access == Access::kUnknown);
    CHECK(denied.judgement.reason.find("the rules of sg-1 can't be read") == 0);
}

TEST_CASE("access: rules for a group of hosts count where the metadata service names this host's groups", "[access]") {
    Bench b;
    b.rules =
        R"({"Direction":"ingress","Policy":"Accept","IpProtocol":"TCP","PortRange":"443/443","SourceGroupId":"sg-9"})";
    CHECK(b.ask(kOne).judgement.access == Access::kUnknown);  // nobody names them
    b.metadata["security-groups"] = "sg-8\nsg-9\n";
    CHECK(b.ask(kOne).judgement.access == Access::kYes);
    b.metadata["security-groups"] = "sg-8, sg-9";
    CHECK(b.ask(kOne).judgement.access == Access::kYes);
    b.metadata["security-groups"] = "sg-8";
    CHECK(b.ask(kOne).judgement.access == Access::kNo);
    b.metadata["security-groups"] = "sg-8 <html> sg-9";
    CHECK(b.ask(kOne).judgement.access == Access::kUnknown);
    b.metadata["security-groups"] = "sg-9";
    CHECK(b.ask(kOne, IpAddress::parse("10.0.0.1")).judgement.access ==
          Access::kUnknown);  // another host's are not known
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/account/creation.h"

#include <catch2/catch.hpp>

using namespace postern;
using namespace postern::agent;

namespace {

const EndpointService kService{
    "epsrv-1", "com.aliyuncs.privatelink.cn-hangzhou.epsrv-1", "Interface", "", {"cn-hangzhou-h", "cn-hangzhou-i"},
    false};
const EndpointService kOther{"epsrv-2", "com.aliyuncs.privatelink.cn-hangzhou.epsrv-2", "Interface", "", {}, false};
const HostPlace kHere{"cn-hangzhou", "cn-hangzhou-h", "vpc-here", "vsw-here", "192.168.0.0/16", "1234567890123456"};

core::Error refused(const EndpointWish& wish, const HostPlace& place = kHere,
                    const std::vector<EndpointService>& services = {kService}) {
    const auto plan = plan_endpoint(wish, place, services);
    REQUIRE_FALSE(plan);
    return plan.error();
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

Creation the_plan() {
    return *plan_endpoint({}, kHere, {kService});
}

SecurityGroup group_with(const std::string& cidr) {
    SecurityGroupRule rule;
    rule.policy = SecurityGroupRule::Policy::kAccept;
    rule.protocol = "TCP";
    rule.port_range = "443/443";
    rule.cidr = cidr;
    return {"sg-1", "x", "vpc-here", false, {rule}};
}

TrafficSource vpc_range() {
    return {*parse_cidr("192.168.0.0/16"), std::vector<std::string>{}, {}};
}

}  // namespace

TEST_CASE("endpoint plan: nothing said, all from where the host is", "[endpoint]") {
    const auto plan = plan_endpoint({}, kHere, {kService});
    REQUIRE(plan);
    CHECK(plan->service.id == "epsrv-1");
    CHECK(plan->vpc == "vpc-here");
    CHECK(plan->zone == "cn-hangzhou-h");
    CHECK(plan->vswitch == "vsw-here");
    CHECK(plan->name == "postern");
    CHECK(plan->open_to.text() == "192.168.0.0/16");
}

TEST_CASE("endpoint plan: what is said goes before what is found", "[endpoint]") {
    EndpointWish wish;
    wish.service = kOther.name;
    wish.vpc = "vpc-there";
    wish.zone = "cn-hangzhou-k";
    wish.vswitch = "vsw-there";
    wish.open_to = "10.0.0.0/8";
    wish.name = "td-prod";
    const auto plan = plan_endpoint(wish, kHere, {kService, kOther});  // which zones kOther has is not known
    REQUIRE(plan);
    CHECK(plan->service.id == "epsrv-2");
    CHECK(plan->vpc == "vpc-there");
    CHECK(plan->zone == "cn-hangzhou-k");
    CHECK(plan->vswitch == "vsw-there");
    CHECK(plan->open_to.text() == "10.0.0.0/8");
    CHECK(plan->name == "td-prod");
    wish = {};
    wish.vswitch = "vsw-here";  // its zone is known
    CHECK(plan_endpoint(wish, kHere, {kService})->zone == "cn-hangzhou-h");
}

TEST_CASE("endpoint plan: a service that the account does not see is not whitelisted", "[endpoint]") {
    EndpointWish wish;
    wish.service = "epsrv-9";
    for (const auto& error : {refused(wish), refused({}, kHere, {})}) {
        CHECK(error.code == core::Code::kApiRejected);
        CHECK(has(error.hint, "添加白名单, account ID 1234567890123456"));
    }
    const auto choose = refused({}, kHere, {kService, kOther});
    CHECK(choose.code == core::Code::kUsage);
    CHECK(has(choose.hint, "--service: epsrv-1, epsrv-2"));
}

TEST_CASE("endpoint plan: a service of another region is named by its name, and its zones are not ours", "[endpoint]") {
    CHECK(other_region_of("com.aliyuncs.privatelink.cn-beijing.epsrv-1", "cn-hangzhou") == "cn-beijing");
    CHECK(other_region_of("com.aliyuncs.privatelink.cn-hangzhou.epsrv-1", "cn-hangzhou").empty());
    for (const char* odd : {"epsrv-1", "com.aliyuncs.privatelink.", "com.aliyuncs.privatelink.X;Y.epsrv-1", ""}) {
        INFO(odd);
        CHECK(other_region_of(odd, "cn-hangzhou").empty());
    }
    EndpointService far = kService;
    far.name = "com.aliyuncs.privatelink.cn-beijing.epsrv-1";
    far.zones = {"cn-beijing-h"};
    const auto plan = plan_endpoint({}, kHere, {far});
    REQUIRE(plan);
    CHECK(plan->service_region == "cn-beijing");
    CHECK(plan_endpoint({}, kHere, {kService})->service_region.empty());
}

TEST_CASE("endpoint plan: a name has 2 to 128 characters of any script", "[endpoint]") {
    const auto many = [](std::string_view character, int n) {
        std::string out;
        for (int i = 0; i < n; ++i)
            out += character;
        return out;
    };
    EndpointWish wish;
    for (const std::string& good :
         {std::string("数据库"), many("库", 128), std::string("قاعدة-1"), std::string("db_1")}) {
        wish.name = good;
        INFO(good);
        CHECK(plan_endpoint(wish, kHere, {kService}));
    }
    for (const std::string& bad : {std::string("库"), many("库", 129), std::string("db\xe2\x80\xae"),
                                   std::string("db\xff"), std::string("db\xc2\x9b"), std::string("d b")}) {
        wish.name = bad;
        INFO(bad);
        CHECK_FALSE(plan_endpoint(wish, kHere, {kService}));
    }
}

TEST_CASE("endpoint plan: a zone without the service is a no that names the zones with it", "[endpoint]") {
    HostPlace elsewhere = kHere;
    elsewhere.zone = "cn-hangzhou-k";
    const auto error = refused({}, elsewhere);
    CHECK(error.code == core::Code::kApiRejected);
    CHECK(error.what ==
          "the service epsrv-1 is not offered in zone cn-hangzhou-k; it is in cn-hangzhou-h, cn-hangzhou-i");
    CHECK(has(error.hint, "--zone"));
    CHECK(has(error.hint, "--vswitch"));
}

TEST_CASE("endpoint plan: what is not known has to be given", "[endpoint]") {
    struct Case {
        const char* about;
        EndpointWish wish;
        HostPlace place;
        const char* option;
    };
    EndpointWish other_vpc, other_switch, other_zone, bad_range, bad_name;
    other_vpc.vpc = "vpc-there";
    other_switch.vswitch = "vsw-there";
    other_zone.zone = "cn-hangzhou-i";
    bad_range.open_to = "everybody";
    bad_name.name = "1st";
    EndpointWish whole = other_vpc;
    whole.zone = "cn-hangzhou-h";
    whole.vswitch = "vsw-there";
    const Case cases[] = {
        {"not on an ECS instance", {}, {}, "--vpc"},
        {"the zone in another VPC", other_vpc, kHere, "--zone"},
        {"the zone of another vSwitch", other_switch, kHere, "--zone"},
        {"the vSwitch of another zone", other_zone, kHere, "--vswitch"},
        {"the range of another VPC", whole, kHere, "--open-to"},
        {"a range that is none", bad_range, kHere, "--open-to"},
        {"a name that is none", bad_name, kHere, "--name"},
    };
    for (const auto& c : cases) {
        INFO(c.about);
        const auto error = refused(c.wish, c.place);
        CHECK(error.code == core::Code::kUsage);
        CHECK(has(error.hint, c.option));
    }
}

TEST_CASE("endpoint plan: an endpoint of the same service, VPC and zone is there already", "[endpoint]") {
    EndpointInfo there;
    there.report.endpoint_id = "ep-1";
    there.report.status = "Active";
    there.report.service_name = kService.name;
    there.report.zones = {{.zone_id = "cn-hangzhou-i"}, {.zone_id = "cn-hangzhou-h"}};
    there.vpc = "vpc-here";
    CHECK(already_there(the_plan(), {there}) != nullptr);
    const auto without = [&](auto change) {
        EndpointInfo other = there;
        change(other);
        return already_there(the_plan(), {other}) == nullptr;
    };
    CHECK(without([](EndpointInfo& e) { e.vpc = "vpc-there"; }));
    CHECK(without([](EndpointInfo& e) { e.report.service_name = "com.other"; }));
    CHECK(without([](EndpointInfo& e) { e.report.zones = {{.zone_id = "cn-hangzhou-i"}}; }));
    CHECK(without([](EndpointInfo& e) { e.report.status = "Deleting"; }));
    CHECK(already_there(the_plan(), {}) == nullptr);
}

TEST_CASE("endpoint plan: the security group", "[endpoint]") {
    using Step = GroupChoice::Step;
    const auto plan = the_plan();
    CHECK(plan_group(plan, std::nullopt, std::nullopt, vpc_range())->step == Step::kCreate);

    const auto open = group_with("192.168.0.0/16"), shut = group_with("10.0.0.0/8"),
               half = group_with("192.168.2.0/24");
    const auto given = plan_group(plan, open, std::nullopt, vpc_range());
    CHECK(given->step == Step::kUse);
    CHECK(given->id == "sg-1");
    const auto refusal = plan_group(plan, shut, std::nullopt, vpc_range());
    REQUIRE_FALSE(refusal);
    CHECK(has(refusal.error().what, "keeps port 443 shut to 192.168.0.0/16"));
    CHECK(has(refusal.error().hint, "TCP 443/443 from 192.168.0.0/16"));
    const auto doubtful = plan_group(plan, half, std::nullopt, vpc_range());
    CHECK(doubtful->step == Step::kUse);
    CHECK(has(doubtful->note, "not known"));

    CHECK(plan_group(plan, std::nullopt, open, vpc_range())->step == Step::kUse);
    CHECK(plan_group(plan, std::nullopt, shut, vpc_range())->step == Step::kOpen);
    CHECK(plan_group(plan, std::nullopt, half, vpc_range())->step == Step::kOpen);

    auto foreign = open;
    foreign.vpc = "vpc-there";
    CHECK_FALSE(plan_group(plan, foreign, std::nullopt, vpc_range()));
}

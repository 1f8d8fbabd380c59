// SPDX-License-Identifier: Apache-2.0
#include "agent/account/creation.h"

#include "tests/unit/catch.h"

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

ZoneWish in_zone(const std::string& text) {
    ZoneWish out;
    REQUIRE(read_zone_wish(text, &out).empty());
    return out;
}

}  // namespace

TEST_CASE("endpoint plan: nothing said, all from where the host is", "[endpoint]") {
    const auto plan = plan_endpoint({}, kHere, {kService});
    REQUIRE(plan);
    CHECK(plan->service.id == "epsrv-1");
    CHECK(plan->vpc == "vpc-here");
    REQUIRE(plan->zones.size() == 1);
    CHECK(zone_wish_text(plan->zones[0]) == "cn-hangzhou-h,vsw-here");
    CHECK(plan->name == "postern");
    REQUIRE(plan->open_to.size() == 1);
    CHECK(plan->open_to[0].text() == "192.168.0.0/16");
    CHECK_FALSE(plan->zone_affinity);
    CHECK_FALSE(plan->dual_stack);
}

TEST_CASE("endpoint plan: what is said goes before what is found", "[endpoint]") {
    EndpointWish wish;
    wish.service = kOther.name;
    wish.vpc = "vpc-there";
    wish.zones = {in_zone("cn-hangzhou-k")};
    wish.vswitch = "vsw-there";
    wish.open_to = {"10.0.0.0/8"};
    wish.name = "td-prod";
    const auto plan = plan_endpoint(wish, kHere, {kService, kOther});  // which zones kOther has is not known
    REQUIRE(plan);
    CHECK(plan->service.id == "epsrv-2");
    CHECK(plan->vpc == "vpc-there");
    CHECK(zone_wish_text(plan->zones.at(0)) == "cn-hangzhou-k,vsw-there");
    CHECK(plan->open_to.at(0).text() == "10.0.0.0/8");
    CHECK(plan->name == "td-prod");
    wish = {};
    wish.vswitch = "vsw-here";  // its zone is known
    CHECK(plan_endpoint(wish, kHere, {kService})->zones.at(0).zone == "cn-hangzhou-h");
}

TEST_CASE("endpoint plan: a zone with what its addresses come from", "[endpoint]") {
    const auto whole = in_zone("cn-hangzhou-h,vsw-1,192.168.2.9,2408::9");
    CHECK(whole.zone == "cn-hangzhou-h");
    CHECK(whole.vswitch == "vsw-1");
    CHECK(whole.ipv4->text() == "192.168.2.9");
    CHECK(whole.ipv6->text() == "2408::9");
    CHECK(zone_wish_text(whole) == "cn-hangzhou-h,vsw-1,192.168.2.9,2408::9");
    CHECK(in_zone("cn-hangzhou-h,2408::9").vswitch.empty());
    for (const char* odd : {"", "H", "vsw-1", "cn-hangzhou-h,", "cn-hangzhou-h,x", "cn-hangzhou-h,vsw-1,vsw-2",
                            "cn-hangzhou-h,10.0.0.1,10.0.0.2", "cn-hangzhou-h,vsw-1; rm", "cn-hangzhou-h,,vsw-1"}) {
        INFO(odd);
        ZoneWish out;
        CHECK_FALSE(read_zone_wish(odd, &out).empty());
    }
}

TEST_CASE("endpoint plan: tags as the API limits them", "[endpoint]") {
    std::pair<std::string, std::string> tag;
    CHECK(read_tag("env=prod=1", &tag).empty());
    CHECK(tag == std::pair<std::string, std::string>("env", "prod=1"));
    CHECK(read_tag("bare", &tag).empty());
    CHECK(tag == std::pair<std::string, std::string>("bare", ""));
    CHECK(read_tag(std::string(64, 'k') + "=" + std::string(128, 'v'), &tag).empty());
    for (const std::string& odd : {std::string(), std::string("=x"), std::string(65, 'k'), "k=" + std::string(129, 'v'),
                                   std::string("acs:x=1"), std::string("aliyun=1")})
        CHECK_FALSE(read_tag(odd, &tag).empty());
}

TEST_CASE("endpoint plan: several zones, each with its vSwitch", "[endpoint]") {
    EndpointWish wish;
    wish.zones = {in_zone("cn-hangzhou-h"), in_zone("cn-hangzhou-i,vsw-i,192.168.3.9")};
    const auto plan = plan_endpoint(wish, kHere, {kService});
    REQUIRE(plan);
    REQUIRE(plan->zones.size() == 2);
    CHECK(plan->zones[0].vswitch == "vsw-here");
    CHECK(plan->zones[1].ipv4->text() == "192.168.3.9");

    wish.vswitch = "vsw-x";
    CHECK(has(refused(wish).hint, "--zone ZONE,VSWITCH"));
    wish.vswitch.clear();
    wish.zones.push_back(in_zone("cn-hangzhou-h"));
    CHECK(has(refused(wish).what, "twice"));
    wish.zones.back() = in_zone("cn-hangzhou-k,vsw-k");
    CHECK(has(refused(wish).what, "is not offered in zone cn-hangzhou-k"));
    wish.zones.assign(kMaxZones + 1, in_zone("cn-hangzhou-h"));
    CHECK(has(refused(wish).what, "at most 10 zones"));
}

TEST_CASE("endpoint plan: dual stack needs a service that has it, and IPv6 clients", "[endpoint]") {
    EndpointWish wish;
    wish.zones = {in_zone("cn-hangzhou-h,2408::9")};
    CHECK(has(refused(wish).hint, "--dual-stack"));
    wish.dual_stack = true;
    EndpointService service = kService;
    service.ip_version = "IPv4";
    CHECK(refused(wish, kHere, {service}).code == core::Code::kApiRejected);
    service.ip_version = "DualStack";
    CHECK(has(refused(wish, kHere, {service}).hint, "--open-to"));  // the host knows its VPC's IPv4 range only
    wish.open_to = {"192.168.0.0/16", "2408::/56"};
    const auto plan = plan_endpoint(wish, kHere, {service});
    REQUIRE(plan);
    CHECK(plan->dual_stack);
    CHECK(plan->open_to.size() == 2);
}

TEST_CASE("endpoint plan: the region of the service is given, or in its name", "[endpoint]") {
    EndpointWish wish;
    wish.service = "epsrv-far";
    wish.service_region = "cn-beijing";
    const EndpointService far{"epsrv-far", "", "Interface", "", {"cn-beijing-h"}, false};
    CHECK(service_region_of(wish, "cn-hangzhou") == "cn-beijing");
    CHECK(service_region_of(wish, "cn-beijing").empty());
    wish.bandwidth = 200;
    const auto plan = plan_endpoint(wish, kHere, {far});
    REQUIRE(plan);
    CHECK(plan->service_region == "cn-beijing");
    CHECK(plan->bandwidth == 200);
    wish.service_region = "cn-hangzhou";
    CHECK(has(refused(wish, kHere, {{"epsrv-far", "", "Interface", "", {}, false}}).what, "--bandwidth"));
    wish.bandwidth = 0;
    EndpointService named = far;
    named.name = "com.aliyuncs.privatelink.cn-shanghai.epsrv-far";
    CHECK(has(refused(wish, kHere, {named}).hint, "--region-of-service"));
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
    other_zone.zones = {in_zone("cn-hangzhou-i")};
    bad_range.open_to = {"everybody"};
    bad_name.name = "1st";
    EndpointWish whole = other_vpc;
    whole.zones = {in_zone("cn-hangzhou-h")};
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

    EndpointWish wish;
    wish.zones = {in_zone("cn-hangzhou-h"), in_zone("cn-hangzhou-i,vsw-i")};
    const auto two = plan_endpoint(wish, kHere, {kService});
    REQUIRE(two);
    CHECK(serves_plan(*two, there));
    there.report.zones.erase(there.report.zones.begin());
    const auto lacks = serves_plan(*two, there);
    REQUIRE_FALSE(lacks);
    CHECK(lacks.error().hint == "postern endpoint zone add ep-1 cn-hangzhou-i,vsw-i");
    Creation dual = the_plan();
    dual.dual_stack = true;
    there.ip_version = "IPv4";
    CHECK(has(serves_plan(dual, there).error().what, "IPv4 only"));
    there.ip_version = "DualStack";
    CHECK(serves_plan(dual, there));
}

TEST_CASE("endpoint plan: the security group", "[endpoint]") {
    using Step = GroupChoice::Step;
    const auto plan = the_plan();
    CHECK(plan_group(plan, std::nullopt, std::nullopt, {})->step == Step::kCreate);

    const auto open = group_with("192.168.0.0/16"), shut = group_with("10.0.0.0/8"),
               half = group_with("192.168.2.0/24");
    const auto given = plan_group(plan, open, std::nullopt, {});
    CHECK(given->step == Step::kUse);
    CHECK(given->id == "sg-1");
    const auto refusal = plan_group(plan, shut, std::nullopt, {});
    REQUIRE_FALSE(refusal);
    CHECK(has(refusal.error().what, "keeps port 443 shut to 192.168.0.0/16"));
    CHECK(has(refusal.error().hint, "TCP 443/443 from 192.168.0.0/16"));
    const auto doubtful = plan_group(plan, half, std::nullopt, {});
    CHECK(doubtful->step == Step::kUse);
    CHECK(has(doubtful->note, "not known"));

    CHECK(plan_group(plan, std::nullopt, open, {})->step == Step::kUse);
    CHECK(plan_group(plan, std::nullopt, shut, {})->step == Step::kOpen);
    CHECK(plan_group(plan, std::nullopt, half, {})->step == Step::kOpen);

    auto foreign = open;
    foreign.vpc = "vpc-there";
    CHECK_FALSE(plan_group(plan, foreign, std::nullopt, {}));
}

TEST_CASE("endpoint plan: postern's own group with a stronger drop is not open, and a new rule does not open it",
          "[endpoint]") {
    auto own = group_with("192.168.0.0/16");
    SecurityGroupRule drop = own.rules.front();
    drop.id = "sgr-drop";
    drop.policy = SecurityGroupRule::Policy::kDrop;
    own.rules.push_back(drop);
    const auto choice = plan_group(the_plan(), std::nullopt, own, {});
    REQUIRE_FALSE(choice);
    CHECK(has(choice.error().what, "rule sgr-drop of sg-1 drops TCP"));
    CHECK(has(choice.error().hint, "--security-group"));

    own.rules.back().priority = 2;  // a new rule is stronger than this one
    own.rules.front().priority = 3;
    const auto opened = plan_group(the_plan(), std::nullopt, own, {});
    REQUIRE(opened);
    CHECK(opened->step == GroupChoice::Step::kOpen);
    CHECK(opened->note.empty());
    own.rules.back().priority = 1;
    own.rules.back().cidr = "192.168.2.0/24";  // a part of it stays shut
    const auto partly = plan_group(the_plan(), std::nullopt, own, {});
    REQUIRE(partly);
    CHECK(has(partly->note, "not known"));
}

TEST_CASE("endpoint plan: each range is opened that is not", "[endpoint]") {
    Creation plan = the_plan();
    plan.open_to = {*parse_cidr("192.168.0.0/16"), *parse_cidr("2408::/56")};
    const auto choice = plan_group(plan, std::nullopt, group_with("192.168.0.0/16"), {});
    REQUIRE(choice);
    CHECK(choice->step == GroupChoice::Step::kOpen);
    REQUIRE(choice->open.size() == 1);
    CHECK(choice->open[0].text() == "2408::/56");
    CHECK(plan_group(plan, std::nullopt, std::nullopt, {})->open.size() == 2);
    const auto refusal = plan_group(plan, group_with("192.168.0.0/16"), std::nullopt, {});
    REQUIRE_FALSE(refusal);
    CHECK(has(refusal.error().what, "keeps port 443 shut to 2408::/56"));
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/cloud/aliyun_reply.h"
#include "agent/text/json_view.h"
#include "core/printable.h"
#include "core/secret.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Code;

namespace {

const std::string kAttribute = R"({
  "RequestId": "8D8992C1-6712-423C-BAC5-E5E817484C6B", "EndpointId": "ep-bp1example0000000001",
  "EndpointName": "tdengine-hz", "EndpointType": "Interface", "EndpointStatus": "Active",
  "EndpointBusinessStatus": "Normal", "ConnectionStatus": "Connected",
  "EndpointDomain": "ep-bp1example0000000001.epsrv-bp1.cn-hangzhou.privatelink.aliyuncs.com",
  "ServiceName": "com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1", "Bandwidth": 1024, "PolicyDocument": "",
  "ZoneAffinityEnabled": true, "ZonePrivateIpAddressCount": 1})";

const std::string kZones = R"({"RequestId":"0ED8D006","MaxResults":50,"TotalCount":2,"Zones":[
  {"ZoneId":"cn-hangzhou-h","ZoneStatus":"Connected","ZoneDomain":"ep-x-h.example","EniId":"eni-1","EniIp":"192.168.2.23",
   "ZoneIpv6Address":"2408:4005:3b6:4a00:6955:c3cb:34c:2f10","VSwitchId":"vsw-1","RegionId":"cn-hangzhou"},
  {"ZoneId":"cn-hangzhou-i","ZoneStatus":"Wait","EniIp":"192.168.3.24","VSwitchId":"vsw-2"}]})";

ApiContext context() {
    return {.action = "ListVpcEndpointZones",
            .host = "privatelink-vpc.cn-hangzhou.aliyuncs.com",
            .region = "cn-hangzhou",
            .resource = "endpoint ep-1",
            .credentials = "ecs_ram_role",
            .principal = "role PosternRole"};
}
core::Result<EndpointReport> parse_endpoint_attribute(std::string_view body) {
    return JsonView::parse(body).and_then(read_endpoint_attribute);
}
core::Result<ZonesPage> parse_zones_page(std::string_view body) {
    return JsonView::parse(body).and_then(read_zones_page);
}
core::Error explained(int status, const std::string& body) {
    return explain(read_api_error(status, body), context());
}
std::string coded(const std::string& code) {
    return R"({"RequestId":"R-1","HostId":"h","Code":")" + code + R"(","Message":"Some words."})";
}

}  // namespace

TEST_CASE("aliyun: the documented replies are read", "[aliyun]") {
    const auto attribute = parse_endpoint_attribute(kAttribute);
    REQUIRE(attribute);
    CHECK(attribute->endpoint_id == "ep-bp1example0000000001");
    CHECK(attribute->status == "Active");
    CHECK(attribute->business_status == "Normal");
    CHECK(attribute->connection_status == "Connected");
    CHECK(attribute->service_name == "com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1");
    const auto page = parse_zones_page(kZones);
    REQUIRE(page);
    CHECK(page->request_id == "0ED8D006");
    CHECK(page->next_token.empty());
    REQUIRE(page->zones.size() == 2);
    CHECK(page->zones[0].ipv4->text() == "192.168.2.23");
    CHECK(page->zones[0].ipv6->text() == "2408:4005:3b6:4a00:6955:c3cb:34c:2f10");
    CHECK(page->zones[1].status == "Wait");
    CHECK_FALSE(page->zones[1].ipv6);
}

TEST_CASE("aliyun: odd forms of fields mean nothing or the same", "[aliyun]") {
    const auto zone = [](const std::string& fields) {
        const auto page = parse_zones_page("{\"Zones\":[{\"ZoneId\":\"z\"," + fields + "}]}");
        REQUIRE(page);
        return page->zones.at(0);
    };
    for (const char* v6 : {R"("ZoneIpv6Address":"false")", R"("ZoneIpv6Address":"true")", R"("ZoneIpv6Address":false)",
                           R"("ZoneIpv6Address":null)", R"("ZoneIpv6Address":"")", R"("ZoneIpv6Address":"10.0.0.1")",
                           R"("ZoneIpv6Address":["::1"])"}) {
        INFO(v6);
        CHECK_FALSE(zone(v6).ipv6);
    }
    for (const char* v4 :
         {R"("EniIp":"")", R"("EniIp":null)", R"("EniIp":"10.0.0.256")", R"("EniIp":"::1")", R"("EniIp":7)"}) {
        INFO(v4);
        CHECK_FALSE(zone(v4).ipv4);
    }
    CHECK(zone(R"("EniIp":"127.0.0.2","ZoneStatus":"SomethingNew")").status == "SomethingNew");
    for (const char* last : {R"("NextToken":"")", R"("NextToken":null)", R"("TotalCount":"0")"}) {
        CHECK(parse_zones_page(std::string("{\"Zones\":[],") + last + "}")->next_token.empty());
    }
    CHECK(parse_zones_page(R"({"Zones":[],"NextToken":"abc"})")->next_token == "abc");
    CHECK(parse_zones_page(R"({"Zones":{"Zone":[{"ZoneId":"z"}]}})")->zones.size() == 1);
    CHECK(parse_zones_page(R"({"TotalCount":"0","RequestId":"r"})")->zones.empty());
    CHECK_FALSE(parse_zones_page(R"({"TotalCount":2,"RequestId":"r"})"));
    CHECK_FALSE(parse_zones_page(R"({"RequestId":"r"})"));
    CHECK_FALSE(parse_zones_page(R"({"Zones":["cn-hangzhou-h"]})"));
    CHECK_FALSE(parse_zones_page(R"({"Zones":"none"})"));
}

TEST_CASE("aliyun: every truncation and every changed byte of a reply is survived", "[aliyun]") {
    for (const auto* whole : {&kAttribute, &kZones}) {
        for (std::size_t n = 0; n < whole->size(); ++n) {
            CHECK_FALSE(parse_endpoint_attribute(whole->substr(0, n)));
            CHECK_FALSE(parse_zones_page(whole->substr(0, n)));
        }
        for (std::size_t at = 0; at < whole->size(); ++at) {
            for (const char c : {'\0', '"', '{', '\xff', '9'}) {
                std::string changed = *whole;
                changed[at] = c;
                const auto attribute = parse_endpoint_attribute(changed);
                if (!attribute) CHECK(attribute.error().code == Code::kApiBadReply);
                const auto zones = parse_zones_page(changed);
                if (zones) CHECK(zones->zones.size() <= 2);
                if (!zones) CHECK(zones.error().code == Code::kApiBadReply);
                const ApiError error = read_api_error(500, changed);
                CHECK(error.http_status == 500);
                CHECK(error.code.empty());
            }
        }
    }
}

TEST_CASE("json: size and depth are bounded, and what came instead is named", "[aliyun]") {
    CHECK(JsonView::parse(std::string(100, '['), 1000).error().what == "JSON that is nested too deeply");
    CHECK(JsonView::parse("\"" + std::string(100, '[') + "\"", 1000));
    CHECK(JsonView::parse("[1,2]", 3).error().code == Code::kTooLarge);
    CHECK(JsonView::parse("").error().what == "an empty body");
    CHECK(JsonView::parse(" <html>").error().what == "an HTML or XML page");
    CHECK(JsonView::parse("{\"a\":").error().what == "JSON that is cut off or damaged");
    CHECK(JsonView::parse("Service Unavailable").error().what == "something that is not JSON");
    const auto v =
        *JsonView::parse(R"({"n":9007199254740993,"s":"9007199254740993","d":1.5,"t":"true","f":false,"x":null})");
    CHECK(v.at("n").integer() == 9007199254740993);
    CHECK(v.at("s").integer() == 9007199254740993);
    CHECK_FALSE(v.at("d").integer());
    CHECK(v.at("t").boolean() == true);
    CHECK(v.at("f").boolean() == false);
    CHECK(v.at("x").is_null());
    CHECK(v.at("missing").at("deeper").items().empty());
    CHECK(v.at({"x", "s"}).text() == "9007199254740993");
}

TEST_CASE("aliyun: errors are distinguished by code, whatever the status", "[aliyun]") {
    const auto kind = [](int status, const std::string& code) { return classify(read_api_error(status, coded(code))); };
    for (const int status : {400, 429, 503}) {
        CHECK(kind(status, "Throttling.User") == ApiFailure::kThrottled);
        CHECK(kind(status, "Rejected.Throttling") == ApiFailure::kThrottled);
    }
    for (const int status : {400, 403}) {
        CHECK(kind(status, "SignatureDoesNotMatch") == ApiFailure::kKey);
        CHECK(kind(status, "InvalidSecurityToken.Expired") == ApiFailure::kToken);
    }
    for (const int status : {400, 404}) {
        CHECK(kind(status, "EndpointNotFound") == ApiFailure::kPermanent);
        CHECK(explained(status, coded("EndpointNotFound")).code == Code::kApiNotFound);
        CHECK(kind(status, "InvalidAccessKeyId.NotFound") == ApiFailure::kKey);
    }
    CHECK(kind(400, "SignatureNonceUsed") == ApiFailure::kTransient);
    CHECK(kind(400, "InvalidTimeStamp.Expired") == ApiFailure::kClock);
    CHECK(kind(500, "InternalError") == ApiFailure::kTransient);
    CHECK(kind(200, "ServiceUnavailable") == ApiFailure::kTransient);
    CHECK(kind(400, "InvalidParameter") == ApiFailure::kPermanent);
    CHECK(classify(read_api_error(503, "<html>")) == ApiFailure::kTransient);
    CHECK(classify(read_api_error(429, "")) == ApiFailure::kThrottled);
    CHECK(read_api_error(400, R"({"code":"EndpointNotFound","message":"m","requestId":"r"})").code ==
          "EndpointNotFound");
    CHECK(read_api_error(400, R"({"Code":"bad code\n with space"})").code.empty());
}

TEST_CASE("aliyun: an error says what happened and names the fix", "[aliyun]") {
    const auto denied = explained(403, R"({"RequestId":"R-1","Code":"NoPermission","Message":"You are not authorized.",
        "AccessDeniedDetail":{"AuthAction":"privatelink:ListVpcEndpointZones","AuthPrincipalDisplayName":"PosternRole:vm"}})");
    CHECK(denied.code == Code::kApiDenied);
    CHECK(denied.what ==
          "ListVpcEndpointZones at privatelink-vpc.cn-hangzhou.aliyuncs.com: NoPermission: "
          "You are not authorized. (RequestId R-1)");
    CHECK(denied.hint == "grant privatelink:ListVpcEndpointZones to role PosternRole in the RAM console");
    CHECK(explained(403, coded("Forbidden.RAM")).code == Code::kApiDenied);

    const auto html = explained(503, "<html><h1>503</h1></html>");
    CHECK(html.code == Code::kApiUnavailable);
    CHECK(html.what ==
          "ListVpcEndpointZones at privatelink-vpc.cn-hangzhou.aliyuncs.com: HTTP 503 with an HTML or XML page");
    const auto portal = explained(200, "<html>login</html>");
    CHECK(portal.code == Code::kApiBadReply);
    CHECK(portal.hint.find("proxy") != std::string::npos);
    CHECK(explained(404, coded("InvalidApi.NotFound")).code == Code::kApiRejected);
    CHECK(explained(400, coded("InvalidAccessKeyId.Inactive")).hint.find("does not exist or is disabled") !=
          std::string::npos);
    CHECK(explained(400, coded("Throttling")).code == Code::kApiThrottled);
    CHECK(explained(400, coded("InvalidSecurityToken.Expired")).code == Code::kCredentialsExpired);

    auto late = context();
    late.clock_offset_us = 1203 * core::kSecond;
    const auto clock = explain(read_api_error(400, coded("InvalidTimeStamp.Expired")), late);
    CHECK(clock.code == Code::kApiClock);
    CHECK(clock.hint == "fix NTP: this host's clock is 20 min 3 s behind");
}

TEST_CASE("aliyun: what is not found in the region asked may be in another one", "[aliyun]") {
    const auto has = [](const core::Error& e, std::string_view part) { return e.hint.find(part) != std::string::npos; };
    // Any kind of resource, not the endpoint alone.
    for (const char* code : {"EndpointNotFound", "InvalidVpcId.NotFound", "InvalidSecurityGroupId.NotFound"}) {
        INFO(code);
        const auto error = explained(404, coded(code));
        INFO(error.hint);
        CHECK(has(error, "endpoint ep-1 exists in region cn-hangzhou"));
        CHECK(has(error, "of other regions"));
        CHECK_FALSE(has(error, "does not serve this API"));
    }
    // A host that serves another API has no say about regions.
    for (const char* code : {"InvalidApi.NotFound", "InvalidProduct.NotFound", "InvalidAction.NotFound"})
        CHECK(has(explained(404, coded(code)), "does not serve this API"));
    for (const char* code : {"InvalidRegionId.NotFound", "InvalidRegionId", "InvalidRegionId.Malformed",
                             "UnsupportedRegion", "Region.NotSupported"}) {
        INFO(code);
        const auto error = explained(400, coded(code));
        CHECK(error.code == Code::kConfigBadValue);
        CHECK(has(error, "region cn-hangzhou is not known"));
    }
    // The host names its region itself.
    auto beijing = context();
    beijing.host = "privatelink.cn-beijing.aliyuncs.com";
    for (const char* code : {"EndpointNotFound", "InvalidRegionId.NotFound", "InvalidVpcId.NotFound"}) {
        const auto error = explain(read_api_error(404, coded(code)), beijing);
        INFO(error.hint);
        CHECK(has(error, "is of region cn-beijing, but cn-hangzhou was asked for"));
    }
    CHECK(explain(read_api_error(404, coded("EndpointNotFound")), beijing).code == Code::kApiNotFound);
    beijing.host = "pvtz.vpc-proxy.aliyuncs.com";  // of no region
    CHECK_FALSE(has(explain(read_api_error(404, coded("EndpointNotFound")), beijing), "is of region"));
    beijing.host = "privatelink.example.com";
    CHECK_FALSE(has(explain(read_api_error(404, coded("EndpointNotFound")), beijing), "is of region"));
}

TEST_CASE("aliyun: a signature error never repeats what the gateway says was signed", "[aliyun]") {
    const core::Secret token("CAISexample+Token/abc==");
    const auto error = explained(400, R"({"RequestId":"R","Code":"SignatureDoesNotMatch","Message":
        "Specified signature does not match our calculation. server CanonicalRequest is:x-acs-security-token:CAISexample+Token/abc=="})");
    CHECK(error.code == Code::kCredentialsInvalid);
    CHECK(error.text().find("CAIS") == std::string::npos);
    CHECK(error.text().find("CanonicalRequest") == std::string::npos);
    CHECK(error.hint.find("re-check the AccessKey secret from ecs_ram_role") != std::string::npos);
    const auto other =
        explained(400, R"({"Code":"InvalidParameter","Message":"bad CAISexample+Token/abc== there\nand here"})");
    CHECK(other.text().find("CAIS") == std::string::npos);
    CHECK(other.text().find('\n') == std::string::npos);
}

TEST_CASE("aliyun: words of the API in any script are whole, and draw nothing", "[aliyun]") {
    std::string words;
    for (int i = 0; i < 100; ++i)
        words += "端";
    for (const std::string& before : {std::string(), std::string("x"), std::string("xx")}) {
        const auto error = read_api_error(400, R"({"Code":"C","Message":")" + before + words + "\"}");
        CHECK(error.message.ends_with("…"));
        CHECK(core::printable(error.message) == error.message);
    }
    const auto bidi = read_api_error(400,
                                     "{\"Code\":\"C\",\"Message\":\"a\xe2\x80\xae"
                                     "b\xc2\x9b"
                                     "c\"}");
    CHECK(bidi.message == "a b c");
}

TEST_CASE("aliyun: waits and dates of headers", "[aliyun]") {
    const core::Micros kNow = *parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT");
    HttpResponse r;
    CHECK(throttle_wait_us(r, kNow) == 0);
    r.headers = {{"x-ratelimit-user-api", "Limit:1,Remain:0,TimeLeft:2000,Reset:1234"}};
    CHECK(throttle_wait_us(r, kNow) == 2 * core::kSecond);
    r.headers.emplace_back("x-ratelimit-user", "Limit:1,Remain:0,TimeLeft:5000,Reset:1");
    CHECK(throttle_wait_us(r, kNow) == 5 * core::kSecond);
    for (const char* bad : {"TimeLeft:", "TimeLeft:-5", "TimeLeft:99999999999", "nonsense"}) {
        r.headers = {{"x-ratelimit-user-api", bad}};
        CHECK(throttle_wait_us(r, kNow) == 0);
    }
    r.headers = {{"x-acs-retry-after", "1500"}};
    CHECK(throttle_wait_us(r, kNow) == 1500 * core::kMillisecond);
    r.headers.emplace_back("x-ratelimit-user", "Limit:1,Remain:0,TimeLeft:5000,Reset:1");
    CHECK(throttle_wait_us(r, kNow) == 5 * core::kSecond);
    r.headers = {{"retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"}};
    CHECK(throttle_wait_us(r, kNow) == 30 * core::kSecond);
    r.headers.emplace_back("date", "Sun, 06 Nov 1994 08:50:00 GMT");  // this host's clock is slow
    CHECK(throttle_wait_us(r, kNow) == 7 * core::kSecond);
    for (const char* bad : {"Sun, 06 Nov 1994 08:49:00 GMT", "Sun, 06 Nov 2094 08:49:37 GMT", "0", "-3", "1.5", "soon",
                            "-9223372036854775807", "9223372036854775807"}) {
        INFO(bad);
        r.headers = {{"retry-after", bad}};
        CHECK(throttle_wait_us(r, kNow) == 0);
        r.headers = {{"x-acs-retry-after", bad}};
        CHECK(throttle_wait_us(r, kNow) == 0);
    }
    r.headers = {{"x-ratelimit-user-api", "Limit: 1, Remain: 0, TimeLeft: 3000, Reset: 1"}, {"retry-after", "60"}};
    CHECK(throttle_wait_us(r, kNow) == 3 * core::kSecond);  // the API's value before a proxy's
    r.headers = {{"retry-after", "7"}};
    CHECK(throttle_wait_us(r, kNow) == 7 * core::kSecond);
    for (const char* bad : {"", "-1", "7x", "99999999999999999999"}) {
        r.headers = {{"retry-after", bad}};
        CHECK(throttle_wait_us(r, kNow) == 0);
    }
    CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") == 784111777 * core::kSecond);
    CHECK_FALSE(parse_http_date(""));
    CHECK_FALSE(parse_http_date("1994-11-06T08:49:37Z"));
}

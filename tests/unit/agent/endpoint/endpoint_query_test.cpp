// SPDX-License-Identifier: Apache-2.0
#include "agent/endpoint/endpoint_query.h"
#include "agent/config/config.h"
#include "agent/endpoint/provider.h"
#include "tests/unit/catch.h"

using namespace postern::agent;

namespace {

const std::string kHead = "[[link]]\nname = \"a\"\nhost = \"a.example\"\n";

std::string issue_of(const std::string& endpoint) {
    const auto config = parse_config("f", kHead + "endpoint = " + endpoint + "\n");
    if (config) return "";
    REQUIRE(config.error().size() == 1);
    CHECK(config.error()[0].line == 4);
    CHECK(config.error()[0].key == "link.endpoint");
    return config.error()[0].what;
}

EndpointReport part(const std::string& id, const std::string& connection, const std::string& ip) {
    EndpointReport r{.endpoint_id = id, .status = "Active", .connection_status = connection};
    r.zones.push_back({"h", "Connected", postern::core::IpAddress::parse(ip), {}, ""});
    return r;
}

}  // namespace

TEST_CASE("endpoint query: the key is one text for one question, and is read back", "[discovery]") {
    const EndpointQuery query{"com.aliyuncs.privatelink.cn-x.epsrv-1", {{"env", "a&b=c%"}, {"für", ""}}, "vpc-1"};
    EndpointQuery other = query;
    std::swap(other.tags[0], other.tags[1]);
    CHECK(query_key(query) == query_key(other));
    CHECK(parse_query_key(query_key(query)) == query);
    for (const char* bad :
         {"", "ep-1", "find:", "find:vpc=vpc-1", "find:service", "find:x=y", "find:service=%4", "find:service=%zz"}) {
        CHECK_FALSE(parse_query_key(bad));
    }
    CHECK(describe(query, "vpc-2") ==
          "endpoint of com.aliyuncs.privatelink.cn-x.epsrv-1 with the tag env=a&b=c% and für in vpc-2");
}

TEST_CASE("endpoint query: what the configuration takes and refuses", "[config]") {
    const auto config =
        parse_config("f", kHead + "endpoint = { tag = { env = \"prod\", x = \"\" }, vpc = \"vpc-1\" }\n");
    REQUIRE(config);
    CHECK(config->links[0].find.tags.size() == 2);
    CHECK(config->links[0].find.vpc == "vpc-1");
    CHECK(config->needs_discovery());
    CHECK(issue_of("{ service = \"com.aliyuncs.privatelink.cn-hangzhou.epsrv-bp1\" }").empty());
    const auto has = [](const std::string& text, const char* word) { return text.find(word) != std::string::npos; };
    CHECK(has(issue_of("{ service = \"epsrv-bp1\" }"), "give its name"));
    CHECK(has(issue_of("{ service = \"x.example\" }"), "is not the name of an endpoint service"));
    CHECK(has(issue_of("{ vpc = \"vpc-1\" }"), "has nothing to search for"));
    CHECK(has(issue_of("{}"), "has nothing to search for"));
    CHECK(has(issue_of("{ tags = { a = \"b\" } }"), "unknown key: expected service, tag or vpc"));
    CHECK(has(issue_of("{ tag = \"a=b\" }"), "expected 1 to 20 tags"));
    CHECK(has(issue_of("{ tag = { \"acs:x\" = \"b\" } }"), "begin neither with aliyun"));
    CHECK(has(issue_of("{ tag = { a = 1 } }"), "a tag's value in quotes"));
    CHECK(has(issue_of("{ service = \"com.aliyuncs.privatelink.x.epsrv-1\", vpc = \"vsw-1\" }"),
              "is not the ID of a VPC"));
}

TEST_CASE("search: its parts are judged one by one", "[discovery]") {
    EndpointReport r{.endpoint_id = "endpoint of S in vpc-1", .search = true};
    CHECK(ready_addresses(r, {}).empty());
    CHECK(why_not_ready(r, {}) == "there is no endpoint of S in vpc-1: create one, or correct what the link looks for");
    r.parts = {part("ep-1", "Connected", "10.0.0.1"), part("ep-2", "Pending", "10.0.0.2")};
    CHECK(describe(ready_addresses(r, {})) == "10.0.0.1 (h)");
    CHECK(ready_addresses(r, {})[0].endpoint == "ep-1");
    CHECK(why_not_ready(r, {}).empty());
    r.parts[0].connection_status = "Disconnected";
    CHECK(why_not_ready(r, {}).find("ep-1") != std::string::npos);
    CHECK(why_not_ready(r, {}).find("ep-2") != std::string::npos);
}

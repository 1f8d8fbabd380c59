// SPDX-License-Identifier: Apache-2.0
#include "agent/account/session.h"

#include "tests/unit/agent/account/cloud_fixture.h"

using namespace postern;
using namespace postern::agent;
using core::Code;
using test::FakeCloud;
using test::Parameters;

namespace {

const AliyunProduct kProduct{"privatelink", "2020-04-15"};

struct Numbers {
    std::vector<int> items;
    std::string next_token, request_id;
};

core::Result<Numbers> read_numbers(const JsonView& reply) {
    if (!reply.at("Numbers").is_array()) return core::fail(Code::kApiBadReply, "a reply without numbers");
    Numbers out;
    for (const auto& one : reply.at("Numbers").items())
        out.items.push_back(static_cast<int>(one.integer().value_or(-1)));
    out.next_token = reply.at("NextToken").text();
    return out;
}

auto pages_of(FakeCloud& cloud) {
    return cloud.session->pages<int>(kProduct, "ListNumbers", {{"MaxResults", "50"}}, "numbers", read_numbers);
}

}  // namespace

TEST_CASE("session: a reply, or a refusal in a person's words that can be looked at until the next call", "[session]") {
    FakeCloud cloud;
    cloud.actions["Ask"] = [](const Parameters& p) { return R"({"RequestId":"R","Got":")" + p.at("Key") + "\"}"; };
    const auto reply = cloud.session->call(kProduct, "Ask", {{"Key", "a value&more"}}, "a thing");
    REQUIRE(reply);
    CHECK(reply->at("Got").text() == "a value&more");
    CHECK(cloud.session->region() == "cn-hangzhou");
    CHECK(cloud.session->refusal().code.empty());
    const auto refused = cloud.session->call(kProduct, "Other", {}, "a thing");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find("NoPermission") != std::string::npos);
    CHECK(refused.error().text().find("a-secret-key") == std::string::npos);
    CHECK(cloud.session->refusal().code == "NoPermission");
    CHECK(cloud.session->call(kProduct, "Ask", {{"Key", "x"}}, "a thing"));
    CHECK(cloud.session->refusal().code.empty());
    CHECK(cloud.session->credentials()->access_key_id == "LTAIx");
}

TEST_CASE("session: all pages of a list, each asked for with the token of the one before", "[session]") {
    FakeCloud cloud;
    cloud.actions["ListNumbers"] = [](const Parameters& p) -> std::string {
        if (p.count("NextToken") == 0) return R"({"Numbers":[1,2],"NextToken":"a b"})";
        if (p.at("NextToken") == "a b") return R"({"Numbers":[],"NextToken":"c"})";
        return R"({"Numbers":[3],"NextToken":""})";
    };
    const auto all = pages_of(cloud);
    REQUIRE(all);
    CHECK(*all == std::vector<int>{1, 2, 3});
    const auto asked = cloud.asked("ListNumbers");
    REQUIRE(asked.size() == 3);
    for (const auto& parameters : asked)
        CHECK(parameters.at("MaxResults") == "50");
}

TEST_CASE("session: pages that do not end, or are something else, are an error and not a part of a list", "[session]") {
    FakeCloud cloud;
    cloud.actions["ListNumbers"] = [](const Parameters&) { return R"({"Numbers":[1],"NextToken":"again"})"; };
    auto all = pages_of(cloud);
    REQUIRE_FALSE(all);
    CHECK(all.error().code == Code::kApiBadReply);
    CHECK(cloud.asked("ListNumbers").size() == 2);
    int page = 0;
    cloud.actions["ListNumbers"] = [&page](const Parameters&) {
        return R"({"Numbers":[1],"NextToken":")" + std::to_string(++page) + "\"}";
    };
    all = pages_of(cloud);
    REQUIRE_FALSE(all);
    CHECK(all.error().what.find("do not end") != std::string::npos);
    CHECK(page == static_cast<int>(kMaxListPages) + 1);
    page = 0;
    cloud.actions["ListNumbers"] = [&page](const Parameters&) -> std::string {
        return ++page == 1 ? R"({"Numbers":[1],"NextToken":"x"})" : R"({"Numbers":"none"})";
    };
    all = pages_of(cloud);
    REQUIRE_FALSE(all);
    CHECK(all.error().what == "ListNumbers: a reply without numbers");
}

TEST_CASE("session: interrupted, whatever waits ends, and nothing more is sent", "[session]") {
    FakeCloud cloud;
    cloud.actions["Ask"] = [&cloud](const Parameters&) -> std::string {
        cloud.interrupted = true;
        return "HTTP/1.1 200 OK\r\n";  // and never the rest
    };
    const auto late = cloud.session->call(kProduct, "Ask", {}, "a thing");
    REQUIRE_FALSE(late);
    CHECK(late.error().code == Code::kCancelled);
    CHECK(cloud.session->interrupted());
    CHECK_FALSE(cloud.session->sleep(core::kHour));
    CHECK(cloud.session->call(kProduct, "Ask", {}, "a thing").error().code == Code::kCancelled);
    CHECK(cloud.asked("Ask").size() == 1);
    cloud.interrupted = false;
    CHECK(cloud.session->sleep(1));
    CHECK(cloud.session->sleep(-1));
}

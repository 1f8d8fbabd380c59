// SPDX-License-Identifier: Apache-2.0
#include "agent/crypto/digest.h"
#include "tests/unit/agent/fleet/fleet_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::test;
using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;

namespace {

std::vector<PublicKey> keys() {
    return {key_a().public_key()};
}
std::string problem_of(const std::string& bytes, const std::string& fleet = "prod") {
    const auto list = open_list(bytes, keys(), fleet);
    return list ? "" : std::string(to_string(list.error().problem));
}
/// A list with one text of its body replaced, and signed all the same.
std::string changed(std::string body, const std::string& from, const std::string& to) {
    const auto at = body.find(from);
    REQUIRE(at != std::string::npos);
    return sign_list(body.replace(at, from.size(), to), {key_a()});
}

}  // namespace

TEST_CASE("list document: there and back", "[list_document]") {
    FleetList list = list_of(7);
    EndpointReport& r = list.endpoints["ep-b"] = report_of("ep-b", "10.0.0.2", kNow - kHour);
    r.service_name = "com.aliyuncs.privatelink.x";
    r.domain = "ep-b.example";
    r.zone_affinity = true;
    r.zones.push_back({"cn-hangzhou-i", "Wait", {}, core::IpAddress::parse("fd00::1"), "z.example", ""});
    EndpointReport& found = list.endpoints["find:service=com.aliyuncs.privatelink.x&vpc=vpc-1"];
    found = {.endpoint_id = "find:service=com.aliyuncs.privatelink.x&vpc=vpc-1", .written_wall_us = kNow};
    found.search = found.listed = true;
    found.parts.push_back(report_of("ep-c", "10.0.0.3"));
    const auto read = open_list(signed_list(list), keys(), "prod");
    REQUIRE(read);
    CHECK(read->number == ListNumber{7, kNow});
    CHECK(read->publisher == "host-1");
    CHECK(read->not_after_wall_us == kNow + kDay);
    CHECK(read->endpoints == list.endpoints);
    CHECK(same_addresses(*read, list));
}

TEST_CASE("list document: a forged, foreign or broken one is refused", "[list_document]") {
    const std::string good = signed_list(list_of(7)), body = format_list(list_of(7));
    REQUIRE(problem_of(good).empty());
    CHECK(problem_of(signed_list(list_of(7), key_b())) == "signature");
    CHECK(problem_of(good, "test") == "fleet");
    CHECK(problem_of("") == "form");
    CHECK(problem_of("<html>\n</html>") == "form");
    CHECK(problem_of("{\"postern_list\":2,\"signatures\":[],\"list\":\nx\n}\n") == "newer");
    // Each byte of the body counts, and what is cut off is.
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ 1);
        INFO(i);
        CHECK_FALSE(problem_of(bad).empty());
        CHECK_FALSE(problem_of(good.substr(0, i)).empty());
    }
    CHECK_FALSE(problem_of(good + "x").empty());
    // The same bytes signed for something else: without the context.
    const std::string other = key_a().sign(body);
    CHECK(problem_of("{\"postern_list\":1,\"signatures\":[{\"key\":\"" + key_a().public_key().text() +
                     "\",\"signature\":\"" + to_base64(other) + "\"}],\"list\":\n" + body + "\n}\n") == "signature");
}

TEST_CASE("list document: two keys while keys are changed", "[list_document]") {
    const std::string both = sign_list(format_list(list_of(7)), {key_b(), key_a()});
    CHECK(open_list(both, {key_a().public_key()}, "prod"));
    CHECK(open_list(both, {key_b().public_key()}, "prod"));
    CHECK_FALSE(open_list(both, {SigningKey::make()->public_key()}, "prod"));
    CHECK_FALSE(open_list(both, {}, "prod"));
    CHECK(sign_list("x", {}).empty());
}

TEST_CASE("list document: signed, and yet with values that no publisher writes", "[list_document]") {
    const std::string body = format_list(list_of(7));
    for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
             {"\"generation\":7", "\"generation\":0"},
             {"\"generation\":7", "\"generation\":-7"},
             {"\"generation\":7", "\"generation\":99999999999999999999"},
             {"\"generation\":7", "\"generation\":null"},
             {"2026-01-02T03:04:05.000000Z\",\"not_after", "tomorrow\",\"not_after"},
             {"2026-01-03", "2026-03-03"},  // valid for two months
             {"2026-01-03", "2026-01-01"},
             {"\"links\":[", "\"links\":{}, \"x\":["},
             {"\"endpoint\":\"ep-a\"", "\"endpoint\":\"../a\""},
             {"\"endpoint\":\"ep-a\"", "\"search\":\"ep-a\""},
             {"10.0.0.1", "10.0.0.300"},
             {"10.0.0.1", "fd00::1"},
             {"\"status\":\"Active\"", "\"status\":[\"Active\"]"},
             {"\"status\":\"Active\"", "\"status\":\"" + std::string(600, 'x') + "\""},
             {"\"status\":\"Active\"", "\"status\":\"a\\u0000b\""},
             {"\"zones\":[", "\"zones\":null,\"x\":["}}) {
        INFO(from << " → " << to);
        CHECK(problem_of(changed(body, from, to)) == "content");
    }
    CHECK(problem_of(changed(body, "}]}", "}]")) == "content");  // no JSON
    const std::string deep = std::string(100, '[') + std::string(100, ']');
    CHECK(problem_of(changed(body, "\"publisher\":\"host-1\"", "\"publisher\":" + deep)) == "content");
    FleetList many = list_of(7);
    for (std::size_t i = 0; i <= kMaxListedZones; ++i)
        many.endpoints["ep-a"].zones.push_back({"z", "Connected", core::IpAddress::parse("10.0.0.9"), {}, "", ""});
    CHECK(problem_of(signed_list(many)) == "content");
}

TEST_CASE("list document: time and number", "[list_document]") {
    const FleetList list = list_of(7);
    const auto why = [&](ListNumber seen, Micros now) {
        const auto refusal = why_not_now(list, seen, now);
        return refusal ? std::string(to_string(refusal->problem)) : "";
    };
    CHECK(why({}, kNow) == "");
    CHECK(why({7, kNow}, kNow + kMinute) == "");
    CHECK(why({6, kNow + kHour}, kNow) == "");
    CHECK(why({8, kNow - kHour}, kNow) == "older");
    CHECK(why({7, kNow + 1}, kNow) == "older");  // of two publishers at once the later one
    CHECK(why({}, kNow + kDay) == "");
    CHECK(why({}, kNow + kDay + 1) == "expired");
    CHECK(why({}, kNow - kClockTolerance) == "");
    CHECK(why({}, kNow - kClockTolerance - 1) == "future");
    CHECK_FALSE(list.old(kNow + kDay / 2));
    CHECK(list.old(kNow + kDay / 2 + kSecond));
}

TEST_CASE("list document: what makes two lists different", "[list_document]") {
    FleetList a = list_of(7), b = list_of(8, "10.0.0.1", kNow + kHour);
    CHECK(same_addresses(a, b));
    b.endpoints["ep-a"].zones.front().status = "Disconnected";
    CHECK_FALSE(same_addresses(a, b));
    CHECK_FALSE(same_addresses(a, list_of(7, "10.0.0.2")));
    EndpointReport reply = report_of("ep-a", "10.0.0.1");
    reply.request_id = "R-1";
    reply.valid_us = 5;
    reply.region = "x";
    reply.zones.front().refused = "127.0.0.1";
    CHECK(as_listed(reply, kNow) == a.endpoints["ep-a"]);
}

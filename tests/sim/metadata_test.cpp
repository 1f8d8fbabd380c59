// SPDX-License-Identifier: Apache-2.0
// Metadata over hours of fake time.
#include <map>
#include <optional>

#include "tests/sim/fake_imds.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;

TEST_CASE("metadata: a session token is asked once and sent with every value", "[metadata]") {
    ImdsWorld w;
    CHECK(*w.value("region-id") == "cn-hangzhou");
    CHECK(*w.value("zone-id") == "cn-hangzhou-h");
    CHECK(w.imds.sessions == 1);
    const auto missing = w.value("no-such-thing");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code == Code::kApiNotFound);
    w.clock.advance(7 * core::kHour);
    CHECK(w.value("vpc-id"));
    CHECK(w.imds.sessions == 2);  // before the old one ends
}

TEST_CASE("metadata: a stale session token is replaced once, a refusal is an error", "[metadata]") {
    ImdsWorld w;
    CHECK(w.value("region-id"));
    w.imds.session = "another";
    CHECK(*w.value("region-id") == "cn-hangzhou");
    CHECK(w.imds.sessions == 2);
    w.imds.put_status = 403;
    w.imds.session = "yet another";
    const auto refused = w.value("region-id");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kApiDenied);
}

TEST_CASE("metadata: without tokens the old way serves, unless it is forbidden", "[metadata]") {
    ImdsWorld w;
    w.imds.put_status = 404;
    w.imds.token_required = false;
    CHECK(*w.value("region-id") == "cn-hangzhou");
    CHECK(*w.value("zone-id") == "cn-hangzhou-h");
    CHECK(w.http.count("/latest/api/token") == 1);  // not for every value
    w.clock.advance(2 * core::kMinute);
    w.imds.put_status = 200;
    CHECK(w.value("zone-id"));
    CHECK(w.imds.sessions == 1);

    ImdsWorld odd;
    odd.imds.token_required = false;
    odd.imds.token_refused = true;
    CHECK(*odd.value("region-id") == "cn-hangzhou");
    CHECK(odd.http.count("/meta-data/") == 2);

    ImdsWorld strict;
    strict.metadata = std::make_unique<MetadataClient>(strict.clock, strict.http, MetadataOptions{.v1_disabled = true});
    strict.imds.put_status = 404;
    strict.imds.token_required = false;
    const auto refused = strict.value("region-id");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kApiDenied);
    CHECK(strict.http.count("/meta-data/") == 0);
}

TEST_CASE("metadata: identity asks together, once, and survives a silent service", "[metadata]") {
    ImdsWorld w;
    w.imds.down = true;
    std::optional<core::Result<InstanceIdentity>> failed;
    w.metadata->identity([&](auto r) { failed = std::move(r); });
    w.clock.advance(10 * core::kSecond);
    REQUIRE(failed);
    REQUIRE_FALSE(*failed);
    CHECK(failed->error().code == Code::kApiUnavailable);
    CHECK(failed->error().hint == "only ECS instances have the metadata service at http://100.100.100.200");
    w.imds.down = false;
    w.clock.advance(core::kMinute);
    int answers = 0;
    for (int i = 0; i < 3; ++i) {
        w.metadata->identity([&](auto r) {
            REQUIRE(r);
            CHECK(r->region == "cn-hangzhou");
            CHECK(r->zone == "cn-hangzhou-h");
            CHECK(r->vpc == "vpc-bp1");
            ++answers;
        });
    }
    w.clock.advance(core::kSecond);
    CHECK(answers == 3);
    CHECK(w.http.count("/meta-data/all") == 2);  // the failed one and one for all
    CHECK(w.http.count("/region-id") == 1);      // there is no meta-data/all
    CHECK(w.metadata->known_identity().zone == "cn-hangzhou-h");
    w.imds.values.clear();
    MetadataClient odd(w.clock, w.http, {});
    w.imds.values = {{"region-id", "cn-hangzhou.evil.example/?"}, {"zone-id", "<html>"}};
    std::optional<core::Result<InstanceIdentity>> empty;
    odd.identity([&](auto r) { empty = std::move(r); });
    w.clock.advance(core::kSecond);
    REQUIRE(empty);
    if (*empty) CHECK((*empty)->region.empty());
}

TEST_CASE("metadata: one document is enough, and what it lacks or garbles is asked for by itself", "[metadata]") {
    ImdsWorld w;
    const auto identity = [&] {
        MetadataClient client(w.clock, w.http, {});
        std::optional<core::Result<InstanceIdentity>> out;
        client.identity([&](auto r) { out = std::move(r); });
        w.clock.advance(core::kSecond);
        REQUIRE(out);
        REQUIRE(*out);
        return **out;
    };
    w.imds.values["all"] =
        R"({"dns-conf":{"nameservers":"100.100.2.136\r\n100.100.2.138\r\n0.0.0.0 x"},"zone-id":"cn-beijing-c","region-id":"cn-beijing","vpc-id":"vpc-2"})";
    auto found = identity();
    CHECK(found.region == "cn-beijing");
    CHECK(found.zone == "cn-beijing-c");
    CHECK(found.vpc == "vpc-2");
    REQUIRE(found.nameservers.size() == 2);
    CHECK(found.nameservers[1].text() == "100.100.2.138");
    CHECK(w.http.count("-id") == 0);
    w.imds.values["all"] = R"({"region-id":"cn-beijing","zone-id":["x"],"vpc-id":null})";
    w.imds.values["dns-conf/nameservers"] = "100.100.2.136";
    found = identity();
    CHECK(found.region == "cn-beijing");
    CHECK(found.zone == "cn-hangzhou-h");
    CHECK(found.vpc == "vpc-bp1");
    CHECK(found.nameservers.size() == 1);
    for (const char* bad : {"<html>", "{", "[]", "null", "\"text\"", R"({"region-id":"evil.example/"})"}) {
        w.imds.values["all"] = bad;
        CHECK(identity().region == "cn-hangzhou");
    }
}

TEST_CASE("metadata: no callback runs once the client is gone, even from inside another", "[metadata]") {
    ImdsWorld w;
    int calls = 0;
    for (int i = 0; i < 3; ++i) {
        w.metadata->get("region-id", [&](auto) {
            ++calls;
            w.metadata.reset();
        });
    }
    w.clock.advance(core::kMinute);
    CHECK(calls == 1);
    w.metadata = std::make_unique<MetadataClient>(w.clock, w.http, MetadataOptions{});
    w.metadata->identity([&](auto) { ++calls; });
    w.metadata.reset();
    w.clock.advance(core::kMinute);
    CHECK(calls == 1);
}

TEST_CASE("metadata: values are trimmed and bounded", "[metadata]") {
    CHECK(metadata_value(" cn-hangzhou \r\n") == std::optional<std::string>("cn-hangzhou"));
    CHECK(metadata_value("100.100.2.136\r\n100.100.2.138") ==
          std::optional<std::string>("100.100.2.136\r\n100.100.2.138"));
    CHECK_FALSE(metadata_value(""));
    CHECK_FALSE(metadata_value(" \r\n"));
    CHECK_FALSE(metadata_value(std::string("a\0b", 3)));
    CHECK_FALSE(metadata_value(std::string(20000, 'x')));
    CHECK(is_region_id("cn-north-2-gov-1"));
    for (const char* bad : {"", "CN-x", "a.b", "-a", "a-", "a/b", "a b"})
        CHECK_FALSE(is_region_id(bad));
}

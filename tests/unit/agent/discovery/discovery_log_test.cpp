// SPDX-License-Identifier: Apache-2.0
#include "agent/discovery/discovery_log.h"

#include "agent/cloud/aliyun_reply.h"
#include "agent/discovery/zones_files.h"

#include "core/log.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Code;
using core::Error;

namespace {

struct Bench {
    test::FakeClock clock;
    DiscoveryLog log{clock};
    std::vector<std::string> lines;

    Bench() {
        core::capture_log([this](core::Level, std::string_view event, const std::string& line) {
            lines.push_back(std::string(event) + ": " + line);
        });
    }
    ~Bench() { core::capture_log({}); }
    /// What was logged since the last call.
    std::vector<std::string> said() { return std::exchange(lines, {}); }
};

const Error kDenied{Code::kApiDenied, "List at host: NoPermission: words", "grant it", 0};
const Error kSilent{Code::kTimeout, "no reply from host", "", 0};

}  // namespace

TEST_CASE("discovery log: errors are the same when only ids and numbers differ", "[discovery_log]") {
    using core::message;
    const auto denied = [](const core::Message& what) { return distinct_error({Code::kApiDenied, what, "", 0}); };
    const auto with_id = [](const char* code, const char* id) {
        return message("{} at {}: {}", "List", "host", message(kWithRequestId, std::string(code), std::string(id)));
    };
    CHECK(denied(with_id("NoPermission", "AB-12")) == denied(with_id("NoPermission", "CD-99-and-more")));
    CHECK(denied(with_id("NoPermission", "CD-99")) != denied(with_id("Forbidden", "CD-99")));
    CHECK(denied(message("{}; then: {}", with_id("a", "AB"), "b")) ==
          denied(message("{}; then: {}", with_id("a", "CD"), "b")));
    CHECK(denied("pause of another 23 s") == denied("pause of another 7 s"));
    CHECK(denied("same") != distinct_error({Code::kTimeout, "same", "", 0}));
    CHECK(denied(std::string("a (RequestId 1) b")) != denied(std::string("a (RequestId 1) c")));
    CHECK_FALSE(denied("").empty());
}

TEST_CASE("discovery log: one line however often and for however many sources, again after an hour",
          "[discovery_log]") {
    Bench b;
    b.log.failed("ep-1", kDenied);
    const auto first = b.said();
    REQUIRE(first.size() == 1);
    CHECK(first[0].starts_with("discovery_failed: "));
    for (const char* part : {"NoPermission", "grant it", "the last known addresses stay in use", "api_denied", "ep-1"})
        CHECK(first[0].find(part) != std::string::npos);
    for (int i = 0; i < 50; ++i) {
        b.log.failed("ep-" + std::to_string(i), kDenied);
        b.clock.advance(core::kMinute);
    }
    CHECK(b.said().empty());
    b.clock.advance(10 * core::kMinute);
    b.log.failed("ep-2", kDenied);
    const auto again = b.said();
    REQUIRE(again.size() == 1);
    CHECK(again[0].find("sources=50") != std::string::npos);
    b.log.failed("ep-3", kDenied);
    CHECK(b.said().empty());
}

TEST_CASE("discovery log: over when the last source answers, and then a failure is a new one", "[discovery_log]") {
    Bench b;
    b.log.failed("ep-1", kDenied);
    b.log.failed("ep-2", kDenied);
    b.said();
    b.clock.advance(90 * core::kSecond);
    b.log.succeeded("ep-1");
    b.log.succeeded("ep-1");
    b.log.succeeded("nobody");
    CHECK(b.said().empty());
    b.log.succeeded("ep-2");
    const auto over = b.said();
    REQUIRE(over.size() == 1);
    CHECK(over[0].starts_with("discovery_recovered: "));
    CHECK(over[0].find("NoPermission") != std::string::npos);
    CHECK(over[0].find("lasted_s=90") != std::string::npos);
    b.log.succeeded("ep-2");
    CHECK(b.said().empty());
    b.log.failed("ep-1", kDenied);
    CHECK(b.said().size() == 1);
}

TEST_CASE("discovery log: another error is told, and is no recovery from the first", "[discovery_log]") {
    Bench b;
    b.log.failed("ep-1", kDenied);
    b.log.failed("ep-1", kSilent);
    const auto said = b.said();
    REQUIRE(said.size() == 2);
    CHECK(said[1].find("no reply") != std::string::npos);
    b.log.succeeded("ep-1");
    const auto over = b.said();
    REQUIRE(over.size() == 1);
    CHECK(over[0].find("no reply") != std::string::npos);
}

TEST_CASE("discovery log: a source that is no longer asked recovers nothing", "[discovery_log]") {
    Bench b;
    b.log.failed("ep-1", kDenied);
    b.log.failed("ep-2", kDenied);
    b.said();
    b.log.forget("ep-2");
    b.log.forget("nobody");
    CHECK(b.said().empty());
    b.log.succeeded("ep-1");
    CHECK(b.said().size() == 1);
    b.log.failed("ep-1", kDenied);
    b.said();
    b.log.forget("ep-1");
    CHECK(b.said().empty());
    b.log.failed("ep-1", kDenied);
    CHECK(b.said().size() == 1);
}

TEST_CASE("discovery log: a time that has passed is a number, too", "[discovery_log]") {
    const auto silent = [](const std::string& time) {
        return distinct_error({Code::kTimeout, "no connection to h within " + time, "", 0});
    };
    CHECK(silent("3 s") == silent("2.9 s"));
    CHECK(silent("3 s") != silent("3. x"));
}

TEST_CASE("discovery log: what happens to the known addresses is told once in a line", "[discovery_log]") {
    const auto count = [](const std::string& line) {
        std::size_t n = 0;
        for (auto at = line.find("in use"); at != std::string::npos; at = line.find("in use", at + 1))
            ++n;
        return n;
    };
    Bench b;
    const ApiContext context{
        .action = "ListVpcEndpointZones", .host = "h", .region = "cn-hangzhou", .resource = "endpoint ep-1"};
    for (const char* body : {"<html>", "{", R"({"Code":"InternalError"})"}) {
        b.log.failed("ep-1", explain(read_api_error(500, body), context));
        b.log.failed("ep-1", explain(read_api_error(200, body), context));
    }
    b.log.failed("/f", parse_zones_file("/f", "{").error());
    const auto said = b.said();
    CHECK(said.size() >= 5);
    for (const auto& line : said) {
        INFO(line);
        CHECK(count(line) == 1);
    }
}

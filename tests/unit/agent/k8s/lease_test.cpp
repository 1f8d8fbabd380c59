// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/lease.h"

#include <nlohmann/json.hpp>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::k8s;
using core::kSecond;
using Json = nlohmann::json;
using Turn = Lease::Turn;

namespace {

constexpr core::Micros kNow = 1767323045LL * kSecond;

JsonView lease(const char* holder, const char* renewed, Json seconds = 15, const char* version = "1") {
    return *JsonView::parse(Json{{"metadata", {{"resourceVersion", version}}},
                                 {"spec",
                                  {{"holderIdentity", holder},
                                   {"renewTime", renewed},
                                   {"leaseDurationSeconds", seconds},
                                   {"leaseTransitions", 4}}}}
                                .dump());
}

}  // namespace

TEST_CASE("lease: made where there is none", "[k8s]") {
    Lease l("postern-publisher", "db", "me");
    CHECK(l.judge(std::nullopt, kSecond) == Turn::kTake);
    const auto write = l.write(kNow);
    CHECK(write.create);
    CHECK(Json::parse(write.body) == Json::parse(R"({"apiVersion":"coordination.k8s.io/v1","kind":"Lease",
        "metadata":{"name":"postern-publisher","namespace":"db",
          "labels":{"app.kubernetes.io/managed-by":"postern","app.kubernetes.io/component":"publisher"}},
        "spec":{"holderIdentity":"me","leaseDurationSeconds":15,"renewTime":"2026-01-02T03:04:05.000000Z",
          "acquireTime":"2026-01-02T03:04:05.000000Z","leaseTransitions":0}})"));
    CHECK_FALSE(l.held(kSecond));
    l.written(kSecond);
    CHECK(l.held(kSecond));
    CHECK_FALSE(l.held(kSecond + kLeaseHeld));
}

TEST_CASE("lease: expires by what is seen here, whatever times it has", "[k8s]") {
    Lease l("postern-publisher", "db", "me");
    for (const char* time : {"2001-01-01T00:00:00.000000Z", "2999-01-01T00:00:00.000000Z", "nonsense", ""}) {
        CHECK(l.judge(lease("other", time), 100 * kSecond) == Turn::kWait);
        CHECK(l.judge(lease("other", time), 114 * kSecond) == Turn::kWait);
        CHECK(l.expires_mono_us() == 115 * kSecond);
        CHECK(l.judge(lease("other", time), 115 * kSecond) == Turn::kTake);
        CHECK_FALSE(l.write(kNow).create);
        CHECK(Json::parse(l.write(kNow).body)["spec"]["leaseTransitions"] == 5);
        l = Lease("postern-publisher", "db", "me");
    }
    CHECK(l.judge(lease("", "x"), 0) == Turn::kTake);
    CHECK(l.judge(lease("me", "x"), 0) == Turn::kRenew);
    CHECK_FALSE(Json::parse(l.write(kNow).body)["spec"].contains("acquireTime"));
}

TEST_CASE("lease: odd durations are bounded", "[k8s]") {
    for (const Json& seconds : {Json(0), Json(-5), Json("soon"), Json(nullptr), Json(4000000000000LL)}) {
        Lease l("postern-publisher", "db", "me");
        CHECK(l.judge(lease("other", "x", seconds), 0) == Turn::kWait);
        CHECK(l.judge(lease("other", "x", seconds), 3601 * kSecond) == Turn::kTake);
    }
}

TEST_CASE("lease: a write of another ends ours", "[k8s]") {
    Lease l("postern-publisher", "db", "me");
    CHECK(l.judge(lease("me", "x"), 0) == Turn::kRenew);
    l.written(0);
    CHECK(l.held(kSecond));
    CHECK(l.judge(lease("other", "y"), kSecond) == Turn::kWait);
    CHECK_FALSE(l.held(kSecond));
    CHECK_FALSE(l.release(kNow));
    CHECK(l.judge(lease("me", "z"), 2 * kSecond) == Turn::kRenew);
    CHECK(Json::parse(*l.release(kNow))["spec"]["holderIdentity"] == "");
}

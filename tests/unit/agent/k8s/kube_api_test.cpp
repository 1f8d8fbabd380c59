// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/kube_api.h"

#include <fstream>

#include "tests/sim/fake_clock.h"
#include "tests/sim/scripted_http.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::k8s;
using core::Code;
using core::kSecond;
using test::reply;

namespace {

struct World {
    test::TempFolder folder;
    std::string token_file = folder.path() + "/token";
    test::FakeClock clock;
    std::vector<HttpResponse> replies;  // the last one again and again
    std::function<void()> before = [] {};
    test::ScriptedHttp http{clock, [this](const HttpRequest&) -> core::Result<HttpResponse> {
                                before();
                                HttpResponse next = replies.front();
                                if (replies.size() > 1) replies.erase(replies.begin());
                                return next;
                            }};
    bool interrupted = false;
    KubeApi api{clock, http, {"https://10.96.0.1:443", token_file, "", "db", true}, [this] {
                    if (interrupted) return false;
                    clock.advance(core::kMillisecond);
                    return true;
                }};

    World() { write_token("one\n"); }
    void write_token(const std::string& text) { std::ofstream(token_file) << text; }
    std::string token(std::size_t i) { return test::header_of(http.requests.at(i), "Authorization"); }
};

}  // namespace

TEST_CASE("kube api: paths, types and versions of the calls", "[k8s]") {
    World w;
    w.replies = {reply(200, R"({"items":[]})")};
    CHECK((*w.api.read({Kind::kEndpointSlice, "db-ipv4"})).has_value());
    (void)w.api.own(Kind::kService);
    CHECK(*w.api.create(Kind::kLease, "{}") == Written::kDone);
    CHECK(*w.api.change({Kind::kCustomDns, "default"}, "{}") == Written::kDone);
    CHECK(*w.api.remove({Kind::kService, "db"}, "u", "7") == Written::kDone);
    const auto& r = w.http.requests;
    REQUIRE(r.size() == 5);
    const std::string at = "https://10.96.0.1:443";
    CHECK(r[0].url == at + "/apis/discovery.k8s.io/v1/namespaces/db/endpointslices/db-ipv4");
    CHECK(r[1].url == at + "/api/v1/namespaces/db/services?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dpostern%2C"
                           "app.kubernetes.io%2Fcomponent%3Dpublisher&limit=100");
    CHECK(r[2].method + " " + r[2].url == "POST " + at + "/apis/coordination.k8s.io/v1/namespaces/db/leases");
    CHECK(r[3].method + " " + r[3].url ==
          "PATCH " + at + "/apis/networking.alibabacloud.com/v1beta1/customdnsconfigs/default");
    CHECK(test::header_of(r[3], "Content-Type") == "application/merge-patch+json");
    CHECK(r[4].method == "DELETE");
    CHECK(r[4].body ==
          R"({"apiVersion":"v1","kind":"DeleteOptions","preconditions":{"uid":"u","resourceVersion":"7"}})");
    CHECK_FALSE(r[0].allow_proxy);
}

TEST_CASE("kube api: an expired token is read again, once", "[k8s]") {
    World w;
    w.replies = {reply(401, ""), reply(200, "{}")};
    w.before = [&] { w.write_token("two"); };
    CHECK(w.api.read({Kind::kService, "db"}));
    REQUIRE(w.http.requests.size() == 2);
    CHECK(w.token(0) == "Bearer one");
    CHECK(w.token(1) == "Bearer two");
    w.replies = {reply(401, "")};
    const auto refused = w.api.read({Kind::kService, "db"});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kCredentialsInvalid);
    CHECK(w.http.requests.size() == 4);
    std::remove(w.token_file.c_str());
    CHECK_FALSE(w.api.read({Kind::kService, "db"}));
    CHECK(w.http.requests.size() == 4);
}

TEST_CASE("kube api: a short pause is kept, a long one is the caller's", "[k8s]") {
    World w;
    w.replies = {reply(429, "", {{"retry-after", "3"}}), reply(200, "{}")};
    const auto began = w.clock.mono_us();
    CHECK(w.api.read({Kind::kService, "db"}));
    CHECK(w.clock.mono_us() - began >= 3 * kSecond);
    w.replies = {reply(429, "", {{"retry-after", "40"}})};
    const auto now = w.clock.mono_us();
    CHECK(w.api.read({Kind::kService, "db"}).error().code == Code::kApiThrottled);
    CHECK(w.clock.mono_us() - now < kSecond);
    CHECK(w.api.asked_to_wait_us() == 40 * kSecond);
}

TEST_CASE("kube api: conflicts and what has gone", "[k8s]") {
    World w;
    w.replies = {reply(409, R"({"kind":"Status"})")};
    CHECK(*w.api.create(Kind::kService, "{}") == Written::kConflict);
    CHECK(*w.api.change({Kind::kService, "db"}, "{}") == Written::kConflict);
    CHECK(*w.api.remove({Kind::kService, "db"}, "u", "1") == Written::kConflict);
    w.replies = {reply(404, R"({"kind":"Status","details":{"name":"db","kind":"services"}})")};
    CHECK_FALSE((*w.api.read({Kind::kService, "db"})).has_value());
    CHECK(*w.api.change({Kind::kService, "db"}, "{}") == Written::kConflict);
    CHECK(*w.api.remove({Kind::kService, "db"}, "u", "1") == Written::kDone);
    w.replies = {reply(404, "404 page not found")};
    CHECK(w.api.read({Kind::kCustomDns, "default"}).error().code == Code::kApiNotFound);
}

TEST_CASE("kube api: a list that has expired begins anew; one without end is given up", "[k8s]") {
    World w;
    const auto page = [](const char* name, const char* next) {
        return reply(200, std::string(R"({"metadata":{"continue":")") + next + R"("},"items":[{"metadata":{"name":")" +
                              name + R"("}}]})");
    };
    w.replies = {page("a", "t&1"), reply(410, R"({"kind":"Status"})"), page("a", "t2"), page("b", "")};
    CHECK((*w.api.own(Kind::kService)).size() == 2);
    CHECK(w.http.requests[1].url.ends_with("&continue=t%261"));
    w.replies = {page("a", "again")};
    CHECK(w.api.own(Kind::kService).error().code == Code::kApiBadReply);
    w.replies = {reply(410, "{}")};
    CHECK_FALSE(w.api.own(Kind::kService));
    CHECK(w.http.requests.size() < 100);
}

TEST_CASE("kube api: an interruption ends a call", "[k8s]") {
    World w;
    w.replies = {reply(200, "{}")};
    w.interrupted = true;
    CHECK(w.api.read({Kind::kService, "db"}).error().code == Code::kCancelled);
    w.interrupted = false;
    CHECK(w.api.read({Kind::kService, "db"}));
}

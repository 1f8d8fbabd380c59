// SPDX-License-Identifier: Apache-2.0
#include "agent/k8s/kube_reply.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent::k8s;
using core::Code;
using Means = KubeReply::Means;

namespace {

KubeReply reply(int status, const std::string& body, const std::string& retry_after = "") {
    return read_reply(status, body, retry_after, "read service db");
}

}  // namespace

TEST_CASE("kube reply: each status means one thing", "[k8s]") {
    const std::string gone =
        R"({"kind":"Status","status":"Failure","message":"services \"db\" not found","reason":"NotFound","details":{"name":"db","kind":"services"},"code":404})";
    struct Row {
        int status;
        const char* body;
        Means means;
        Code code;
    };
    for (
        const Row& row : {
            Row{404, gone.c_str(), Means::kAbsent, Code::kApiNotFound},
            Row{404, "404 page not found\n", Means::kRefused, Code::kApiNotFound},
            Row{404,
                R"({"kind":"Status","message":"namespaces \"x\" not found","details":{"name":"x","kind":"namespaces"}})",
                Means::kRefused, Code::kApiNotFound},
            Row{401, R"({"kind":"Status","message":"Unauthorized"})", Means::kUnauthorised, Code::kCredentialsInvalid},
            Row{403, R"({"kind":"Status","message":"services is forbidden"})", Means::kRefused, Code::kApiDenied},
            Row{409, R"({"kind":"Status","reason":"Conflict","message":"modified"})", Means::kConflict,
                Code::kApiRejected},
            Row{410, R"({"kind":"Status","reason":"Expired","message":"too old"})", Means::kExpired,
                Code::kApiUnavailable},
            Row{422, R"({"kind":"Status","message":"spec: Invalid"})", Means::kRefused, Code::kApiRejected},
            Row{429, "", Means::kWait, Code::kApiThrottled},
            Row{500, "", Means::kRefused, Code::kApiUnavailable},
            Row{503, "", Means::kRefused, Code::kApiUnavailable},
            Row{302, "<html>", Means::kRefused, Code::kApiBadReply},
            Row{200, "<html>", Means::kRefused, Code::kApiBadReply},
            Row{200, "[]", Means::kRefused, Code::kApiBadReply},
        }) {
        INFO(row.status << " " << row.body);
        const auto out = reply(row.status, row.body);
        CHECK(out.means == row.means);
        CHECK(out.error.code == row.code);
        CHECK(out.error.what.text().starts_with("read service db: "));
    }
    CHECK(reply(200, R"({"kind":"Service"})").means == Means::kDone);
}

TEST_CASE("kube reply: a pause is bounded", "[k8s]") {
    CHECK(reply(429, "", "7").wait_us == 7 * core::kSecond);
    CHECK(reply(503, "", "7").means == Means::kWait);
    CHECK(reply(429, R"({"details":{"retryAfterSeconds":9}})").wait_us == 9 * core::kSecond);
    for (const char* odd : {"", "0", "-3", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"})
        CHECK(reply(429, "", odd).wait_us == core::kSecond);
    CHECK(reply(429, "", "99999999999999").wait_us <= kLongestWait);
    CHECK(reply(429, "", "86400").wait_us == kLongestWait);
}

TEST_CASE("kube reply: the server's words are bounded and harmless", "[k8s]") {
    const std::string long_one = R"({"kind":"Status","message":"\u001b[2J)" + std::string(5000, 'x') + R"("})";
    const auto out = reply(403, long_one);
    CHECK(out.error.what.size() < 500);
    CHECK(out.error.what.find("\x1b") == std::string::npos);
}

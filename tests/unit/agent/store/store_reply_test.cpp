// SPDX-License-Identifier: Apache-2.0
#include "agent/store/store_reply.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Code;

namespace {

HttpResponse response(int status, const std::string& code, const std::string& more = "") {
    const std::string body = "<?xml version=\"1.0\"?>\n<Error><Code>" + code + "</Code><Message>text</Message>" + more +
                             "<RequestId>R-1</RequestId></Error>";
    return {status, {}, code.empty() ? "<html>" : body};
}

core::Error explained(const HttpResponse& r, bool writes = false) {
    return explain_refusal(
        r, {*parse_object_place("oss://bucket/prod/current.json"), writes, "ecs_ram_role", "cn-hangzhou"});
}

}  // namespace

TEST_CASE("store reply: each refusal has its meaning and a next step", "[store_reply]") {
    struct Row {
        int status;
        const char* code;
        Code means;
    };
    for (const Row& row : {Row{403, "AccessDenied", Code::kApiDenied},
                           {403, "", Code::kApiDenied},
                           {401, "", Code::kApiDenied},
                           {403, "RequestTimeTooSkewed", Code::kApiClock},
                           {403, "InvalidAccessKeyId", Code::kCredentialsInvalid},
                           {403, "SignatureDoesNotMatch", Code::kCredentialsInvalid},
                           {403, "SecurityTokenExpired", Code::kCredentialsExpired},
                           {400, "ExpiredToken", Code::kCredentialsExpired},
                           {404, "NoSuchKey", Code::kApiNotFound},
                           {404, "NoSuchBucket", Code::kApiNotFound},
                           {404, "", Code::kApiNotFound},
                           {429, "", Code::kApiThrottled},
                           {503, "SlowDown", Code::kApiThrottled},
                           {500, "InternalError", Code::kApiUnavailable},
                           {502, "", Code::kApiUnavailable},
                           {301, "PermanentRedirect", Code::kApiRejected},
                           {307, "", Code::kApiRejected},
                           {400, "AuthorizationHeaderMalformed", Code::kApiRejected},
                           {400, "InvalidArgument", Code::kApiRejected},
                           {409, "", Code::kApiRejected}}) {
        INFO(row.status << " " << row.code);
        const core::Error error = explained(response(row.status, row.code));
        CHECK(error.code == row.means);
        CHECK_FALSE(error.what.empty());
        CHECK_FALSE(error.hint.empty());
        CHECK(error.what.find("HTTP " + std::to_string(row.status)) != std::string::npos);
    }
}

TEST_CASE("store reply: a bucket that is elsewhere says where", "[store_reply]") {
    const std::string at = "<Endpoint>oss-cn-beijing.aliyuncs.com</Endpoint>";
    CHECK(explained(response(301, "PermanentRedirect", at)).what.find("at oss-cn-beijing.aliyuncs.com") !=
          std::string::npos);
    CHECK(explained(response(403, "AccessDenied", at)).what.find("at oss-cn-beijing.aliyuncs.com") !=
          std::string::npos);
    CHECK(explained({301, {{"x-amz-bucket-region", "eu-west-1"}}, ""}).what.find("at eu-west-1") != std::string::npos);
    const auto moved = explained({302, {{"location", "https://h/x?Signature=secret"}}, ""}).what;
    CHECK(moved.find("at https://h/x:") != std::string::npos);
    CHECK(moved.find("secret") == std::string::npos);
}

TEST_CASE("store reply: what is said for a writer and for a reader", "[store_reply]") {
    CHECK(explained(response(403, "AccessDenied"), true).hint.find("oss:PutObject") != std::string::npos);
    CHECK(explained(response(403, "AccessDenied"), false).hint.find("oss:GetObject") != std::string::npos);
    CHECK(explained(response(404, "NoSuchKey")).hint.find("postern publish list --to oss://bucket/prod/current.json") ==
          0);
}

TEST_CASE("store reply: any bytes", "[store_reply]") {
    for (const std::string& body : {std::string("<Code>"), std::string("<Code>" + std::string(500, 'x') + "</Code>"),
                                    std::string("<Code>\x1b[31m\n</Code>"), std::string(100000, '<')}) {
        const auto refusal = read_refusal({500, {}, body});
        CHECK(refusal.code.size() <= 200);
        CHECK(refusal.code.find_first_of("\x1b\n") == std::string::npos);
        CHECK(explained({500, {}, body}).code == Code::kApiUnavailable);
    }
    CHECK_FALSE(says_exists({409, {}, "<Code>Other</Code>"}));
    CHECK(says_exists({412, {}, ""}));
}

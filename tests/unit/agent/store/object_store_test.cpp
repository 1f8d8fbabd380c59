// SPDX-License-Identifier: Apache-2.0
#include "agent/store/object_store.h"

#include <fstream>

#include "agent/store/folder_store.h"
#include "core/loop.h"
#include "tests/unit/agent/store/store_fixture.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;
using core::kMinute;
using core::kSecond;

namespace {

core::Result<StoredObject> get(StoreWorld& w, const std::string& at, const std::string& etag = "",
                               std::size_t max = 1000) {
    std::optional<core::Result<StoredObject>> out;
    w.store.get(place(at), etag, max, [&](core::Result<StoredObject> object) { out = std::move(object); });
    w.clock.advance(kMinute);
    REQUIRE(out);
    return *out;
}
core::Result<StoredAs> put(StoreWorld& w, const std::string& at, ObjectStore::Put how = ObjectStore::Put::kOnlyNew) {
    std::optional<core::Result<StoredAs>> out;
    w.store.put(place(at), "body", how, [&](core::Result<StoredAs> as) { out = std::move(as); });
    w.clock.advance(kMinute);
    REQUIRE(out);
    return *out;
}

core::Result<StoredNames> list(StoreWorld& w, const std::string& at, std::size_t most = 5000) {
    std::optional<core::Result<StoredNames>> out;
    w.store.list(*parse_folder_place(at), most, [&](core::Result<StoredNames> names) { out = std::move(names); });
    w.clock.advance(kMinute);
    REQUIRE(out);
    return *out;
}
std::string page_of(const std::vector<std::string>& keys, const std::string& next = "") {
    std::string out = "<?xml version=\"1.0\"?>\n<ListBucketResult>";
    for (const auto& key : keys)
        out += "<Contents><Key>" + key + "</Key><ETag>&quot;E1&quot;</ETag><Size>7</Size></Contents>";
    if (!next.empty())
        out += "<IsTruncated>true</IsTruncated><NextContinuationToken>" + next + "</NextContinuationToken>";
    return out + "</ListBucketResult>";
}

}  // namespace

TEST_CASE("object store: the objects of a folder, page by page", "[object_store]") {
    StoreWorld w([](const auto& r) {
        return reply(200, r.url.find("continuation-token=a%2Bb") != std::string::npos
                              ? page_of({"prod/r/c.json", "prod/r/below/d.json", "other/e.json"})
                              : page_of({"prod/r/", "prod/r/a.json", "prod/r/b.json"}, "a+b"));
    });
    const auto names = list(w, "oss://postern-fleet/prod/r");
    REQUIRE(names);
    CHECK(names->objects ==
          std::vector<ListedObject>{{"a.json", "\"E1\"", 7}, {"b.json", "\"E1\"", 7}, {"c.json", "\"E1\"", 7}});
    CHECK_FALSE(names->more);
    REQUIRE(w.http.requests.size() == 2);
    CHECK(w.http.requests[0].url ==
          "https://postern-fleet.oss-cn-hangzhou-internal.aliyuncs.com/?delimiter=%2F&list-type=2&max-keys=1000&prefix="
          "prod%2Fr%2F");
    CHECK(w.http.requests[0].method == "GET");
    CHECK(header_of(w.http.requests[1], "authorization").find("OSS4-HMAC-SHA256 Credential=LTAIexample0001/") == 0);
    CHECK(header_of(w.http.requests[0], "authorization") != header_of(w.http.requests[1], "authorization"));
}

TEST_CASE("object store: no more names than asked for, and no page twice", "[object_store]") {
    StoreWorld w([](const auto&) { return reply(200, page_of({"a", "b", "c"}, "again")); });
    const auto two = list(w, "s3://bucket", 2);
    REQUIRE(two);
    CHECK(two->objects.size() == 2);
    CHECK(two->more);
    const auto requests = w.http.requests.size();
    const auto all = list(w, "s3://bucket/");
    REQUIRE(all);
    CHECK(all->more);
    CHECK(w.http.requests.size() == requests + 2);
    CHECK(w.http.requests.back().url.find("https://bucket.s3.cn-hangzhou.amazonaws.com/?continuation-token=again&") ==
          0);
}

TEST_CASE("object store: what can't be listed says why", "[object_store]") {
    StoreWorld w([](const auto&) { return reply(403, "<Error><Code>AccessDenied</Code></Error>"); });
    const auto denied = list(w, "oss://bucket/p");
    REQUIRE_FALSE(denied);
    CHECK(denied.error().code == Code::kApiDenied);
    CHECK(denied.error().what.find("oss://bucket/p/ is not allowed") == 0);
    CHECK(denied.error().hint.find("oss:ListObjects") != std::string::npos);
    w.http.set_script([](const auto&) { return reply(200, "<html>portal</html>"); });
    CHECK(list(w, "oss://bucket/p").error().code == Code::kApiBadReply);
    const auto server = list(w, "https://host.example/p/");
    REQUIRE_FALSE(server);
    CHECK(server.error().code == Code::kUsage);
}

TEST_CASE("object store: a folder of this host, at once and in the loop's pool", "[object_store]") {
    TempFolder folder;
    StoreWorld w;
    const std::string at = "file:" + folder.path() + "/";
    CHECK(list(w, at)->objects.empty());
    CHECK(list(w, at + "none").error().code == Code::kApiNotFound);
    REQUIRE(put(w, at + "a.json"));
    std::ofstream(folder / "half.json.tmp-1") << "x";
    const auto names = list(w, at);
    REQUIRE(names);
    CHECK(names->objects == std::vector<ListedObject>{{"a.json", "", 4}});
    core::Loop loop;
    w.store.use_pool(loop);
    std::optional<core::Result<StoredObject>> got;
    w.store.get(place(at + "a.json"), "", 100, [&](core::Result<StoredObject> object) { got = std::move(object); });
    CHECK_FALSE(got);
    loop.finish_jobs();
    REQUIRE(got);
    CHECK((*got)->bytes == "body");
    CHECK(loop.close());
}

TEST_CASE("object store: a signed request of OSS goes to the bucket's host inside the VPC", "[object_store]") {
    StoreWorld w([](const auto&) { return reply(200, "list", {{"etag", "\"e1\""}}); });
    const auto object = get(w, "oss://postern-fleet/prod/links a.json");
    REQUIRE(object);
    CHECK((object->bytes == "list" && object->etag == "\"e1\"" && !object->unchanged));
    REQUIRE(w.http.requests.size() == 1);
    const HttpRequest& r = w.http.requests.front();
    CHECK(r.url == "https://postern-fleet.oss-cn-hangzhou-internal.aliyuncs.com/prod/links%20a.json");
    CHECK(header_of(r, "x-oss-date") == "20260102T030405Z");
    CHECK(header_of(r, "authorization") ==
          "OSS4-HMAC-SHA256 Credential=LTAIexample0001/20260102/cn-hangzhou/oss/aliyun_v4_request,"
          "Signature=521f80a2cb3457b5dd65108d61b636d3273271d871d53cf8661e65699bfa93a6");
    CHECK(header_of(r, "if-none-match").empty());
    CHECK(r.max_body >= 1000);
    CHECK(r.timeout_us == 10 * kSecond);
}

TEST_CASE("object store: unchanged, with the ETag of last time", "[object_store]") {
    StoreWorld w(
        [](const auto& r) { return header_of(r, "if-none-match") == "\"e1\"" ? reply(304, "") : reply(200, "list"); });
    const auto object = get(w, "oss://bucket/k", "\"e1\"");
    REQUIRE(object);
    CHECK((object->unchanged && object->etag == "\"e1\"" && object->bytes.empty()));
    CHECK(get(w, "oss://bucket/k", "")->bytes == "list");
    CHECK(get(w, "oss://bucket/k", "line\nbreak")->bytes == "list");  // never sent
    CHECK(get(w, "oss://bucket/k", std::string(300, 'e'))->bytes == "list");
}

TEST_CASE("object store: a reply that was not asked for is none", "[object_store]") {
    StoreWorld w([](const auto&) { return reply(304, ""); });
    CHECK(get(w, "oss://bucket/k").error().code == Code::kApiBadReply);
    w.http.set_script([](const auto&) { return reply(206, "part"); });
    CHECK(get(w, "oss://bucket/k").error().code == Code::kApiBadReply);
    w.http.set_script([](const auto&) { return reply(200, std::string(1001, 'x')); });
    CHECK(get(w, "oss://bucket/k").error().code == Code::kTooLarge);
    w.http.set_script([](const auto&) { return core::fail(Code::kHttpFailed, "cut off"); });
    CHECK(get(w, "oss://bucket/k").error().code == Code::kHttpFailed);
}

TEST_CASE("object store: hosts by kind, region and endpoint", "[object_store]") {
    StoreWorld w;
    const auto url = [&w](const std::string& at) {
        w.http.requests.clear();
        (void)get(w, at);
        return w.http.requests.back().url;
    };
    CHECK(url("s3://bucket/a/k") == "https://bucket.s3.cn-hangzhou.amazonaws.com/a/k");
    CHECK(url("s3://my.bucket/k") == "https://s3.cn-hangzhou.amazonaws.com/my.bucket/k");
    CHECK(url("https://lists.example.com/k?Signature=x") == "https://lists.example.com/k?Signature=x");
    CHECK(header_of(w.http.requests.back(), "authorization").empty());
    w.options.endpoint = "https://oss-cn-beijing.aliyuncs.com";
    w.store.configure(w.options);
    CHECK(url("oss://bucket/k") == "https://bucket.oss-cn-beijing.aliyuncs.com/k");
    CHECK(url("s3://bucket/k") == "https://oss-cn-beijing.aliyuncs.com/bucket/k");
    w.options.endpoint = "https://127.0.0.1:9443";
    w.store.configure(w.options);
    CHECK(url("oss://bucket/k") == "https://127.0.0.1:9443/bucket/k");
    w.options.region = "../x";
    w.store.configure(w.options);
    CHECK(get(w, "oss://bucket/k").error().code == Code::kConfigBadValue);
    w.options.region.clear();
    w.store.configure(w.options);
    CHECK(get(w, "oss://bucket/k").error().what.find("region") != std::string::npos);  // no metadata service
}

TEST_CASE("object store: keys of S3 from its variables, else from the chain", "[object_store]") {
    StoreWorld w;
    (void)get(w, "s3://bucket/k");
    CHECK(header_of(w.http.requests.back(), "authorization").find("AWS4-HMAC-SHA256 Credential=LTAIexample0001/") == 0);
    w.variables["AWS_ACCESS_KEY_ID"] = "AKIAexample";
    w.variables["AWS_SECRET_ACCESS_KEY"] = "exampleSecret0002";
    w.variables["AWS_SESSION_TOKEN"] = "example-session";
    (void)get(w, "s3://bucket/k");
    const HttpRequest& r = w.http.requests.back();
    CHECK(header_of(r, "authorization").find("Credential=AKIAexample/20260102/cn-hangzhou/s3/aws4_request") !=
          std::string::npos);
    CHECK(
        header_of(r, "authorization").find("SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token") !=
        std::string::npos);
    CHECK(header_of(r, "x-amz-security-token") == "example-session");
    (void)get(w, "oss://bucket/k");
    CHECK(header_of(w.http.requests.back(), "authorization").find("LTAIexample0001") != std::string::npos);
}

TEST_CASE("object store: without a signature only where that is said", "[object_store]") {
    StoreWorld w;
    w.variables.clear();
    w.variables["ALIBABA_CLOUD_ECS_METADATA_DISABLED"] = "true";
    const auto refused = get(w, "oss://bucket/k");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kCredentialsMissing);
    CHECK(refused.error().hint.find("access = \"anonymous\"") != std::string::npos);
    CHECK(w.http.count("bucket") == 0);
    w.options.anonymous = true;
    w.store.configure(w.options);
    CHECK(get(w, "oss://bucket/k"));
    CHECK(header_of(w.http.requests.back(), "authorization").empty());
}

TEST_CASE("object store: a write that must not replace", "[object_store]") {
    StoreWorld w;
    CHECK_FALSE(put(w, "oss://bucket/k")->exists);
    CHECK(w.http.requests.back().method == "PUT");
    CHECK(w.http.requests.back().body == "body");
    CHECK(header_of(w.http.requests.back(), "x-oss-forbid-overwrite") == "true");
    CHECK_FALSE(put(w, "s3://bucket/k")->exists);
    CHECK(header_of(w.http.requests.back(), "if-none-match") == "*");
    (void)put(w, "oss://bucket/k", ObjectStore::Put::kReplace);
    CHECK(header_of(w.http.requests.back(), "x-oss-forbid-overwrite").empty());

    w.http.set_script([](const auto&) { return reply(409, "<Error><Code>FileAlreadyExists</Code></Error>"); });
    CHECK(put(w, "oss://bucket/k")->exists);
    CHECK(put(w, "oss://bucket/k", ObjectStore::Put::kReplace).error().code == Code::kApiRejected);
    w.http.set_script([](const auto&) { return reply(412, "<Error><Code>PreconditionFailed</Code></Error>"); });
    CHECK(put(w, "s3://bucket/k")->exists);
    w.http.set_script([](const auto&) { return reply(409, "<Error><Code>OperationAborted</Code></Error>"); });
    CHECK_FALSE(put(w, "s3://bucket/k"));
    w.http.set_script([](const auto&) { return reply(200, "", {{"x-oss-version-id", "v1"}}); });
    CHECK(put(w, "oss://bucket/k")->versioned);
}

TEST_CASE("object store: a refused time is learned for the next request", "[object_store]") {
    StoreWorld w([](const auto& r) {
        if (header_of(r, "x-oss-date") < "20260102T032000Z")
            return reply(403, "<Error><Code>RequestTimeTooSkewed</Code></Error>",
                         {{"date", "Fri, 02 Jan 2026 03:24:05 GMT"}});
        return reply(200, "list");
    });
    CHECK(get(w, "oss://bucket/k").error().code == Code::kApiClock);
    CHECK(w.store.clock_offset_us() > 19 * kMinute);
    CHECK(get(w, "oss://bucket/k")->bytes == "list");
    CHECK(std::count(w.events.begin(), w.events.end(), "clock_offset_learned") == 1);
    // Not from somebody who is out of his mind.
    StoreWorld other([](const auto&) {
        return reply(403, "<Code>RequestTimeTooSkewed</Code>", {{"date", "Fri, 02 Jan 2099 03:24:05 GMT"}});
    });
    CHECK_FALSE(get(other, "oss://bucket/k"));
    CHECK(other.store.clock_offset_us() == 0);
}

TEST_CASE("object store: a refused key is asked for anew", "[object_store]") {
    StoreWorld w([](const auto& r) {
        return header_of(r, "authorization").find("LTAIrotated") != std::string::npos
                   ? reply(200, "list")
                   : reply(403, "<Code>InvalidAccessKeyId</Code>");
    });
    CHECK(get(w, "oss://bucket/k").error().code == Code::kCredentialsInvalid);
    w.variables["ALIBABA_CLOUD_ACCESS_KEY_ID"] = "LTAIrotated0001";
    CHECK(get(w, "oss://bucket/k")->bytes == "list");
}

TEST_CASE("object store: no callback after its end", "[object_store]") {
    StoreWorld w;
    bool called = false;
    {
        ObjectStore store(w.clock, w.http, *w.credentials, w.metadata, w.environment);
        store.configure(w.options);
        store.get(place("oss://bucket/k"), "", 10, [&](const auto&) { called = true; });
    }
    w.clock.advance(kMinute);
    CHECK_FALSE(called);
}

TEST_CASE("object store: a folder of this host", "[object_store]") {
    const TempFolder folder;
    StoreWorld w;
    const std::string at = "file:" + folder.path() + "/current.json";
    CHECK(get(w, at).error().code == Code::kApiNotFound);
    CHECK_FALSE(put(w, at)->exists);
    CHECK(put(w, at)->exists);
    CHECK_FALSE(put(w, at, ObjectStore::Put::kReplace)->exists);
    const auto object = get(w, at);
    CHECK(object->bytes == "body");
    CHECK(get(w, at, object->etag)->unchanged);
    CHECK(get(w, at, "", 3).error().code == Code::kTooLarge);
    CHECK_FALSE(put(w, "file:" + folder.path() + "/none/x"));
    CHECK(w.http.requests.empty());
}

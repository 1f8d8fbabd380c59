// SPDX-License-Identifier: Apache-2.0
#include "agent/text/object_place.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("object place: each kind, and its text", "[object_place]") {
    const auto oss = parse_object_place("oss://postern-fleet/prod/current.json");
    REQUIRE(oss);
    CHECK((oss->kind == StoreKind::kOss && oss->bucket == "postern-fleet" && oss->key == "prod/current.json"));
    const auto s3 = parse_object_place("s3://my.bucket/a b");
    REQUIRE(s3);
    CHECK((s3->kind == StoreKind::kS3 && s3->bucket == "my.bucket" && s3->key == "a b"));
    const auto url = parse_object_place("https://lists.example.com/x/current.json?Signature=abc%2Bd");
    REQUIRE(url);
    CHECK(url->kind == StoreKind::kHttp);
    CHECK(url->url == "https://lists.example.com/x/current.json?Signature=abc%2Bd");
    CHECK(url->text() == "https://lists.example.com/x/current.json");
    const auto file = parse_object_place("file:///srv/list/current.json");
    REQUIRE(file);
    CHECK((file->kind == StoreKind::kFile && file->key == "/srv/list/current.json"));
    CHECK(parse_object_place("file:/srv/current.json"));
    CHECK(parse_object_place("http://127.0.0.1:8080/current.json"));
    CHECK(parse_object_place("http://[::1]:8080/current.json"));
    CHECK(parse_object_place("http://localhost/current.json"));
    for (const auto& place : {*oss, *s3, *file})
        CHECK(parse_object_place(place.text()) == place);
}

TEST_CASE("object place: what is none says why", "[object_place]") {
    for (const char* bad : {"",
                            "oss://",
                            "oss://bucket",
                            "oss://bucket/",
                            "oss://Bucket/k",
                            "oss://b/k",
                            "oss://my.bucket/k",
                            "oss://bucket//k",
                            "oss://bucket/a//b",
                            "oss://bucket/a/",
                            "oss://bucket/../k",
                            "oss://bucket/./k",
                            "oss://bucket/a\nb",
                            "s3://..b/k",
                            "ftp://host/x",
                            "https://",
                            "https://host",
                            "https://host/",
                            "https://user@host/x",
                            "https://host:0/x",
                            "https://host/a/../b",
                            "https://host/x#y",
                            "https://host/\xe5",
                            "https://ho st/x",
                            "http://lists.example.com/x",
                            "http://10.0.0.1/x",
                            "http://localhost.example.com/x",
                            "file:relative",
                            "file:/a/../b",
                            "file://///srv/x",
                            "file:/srv/",
                            "file:/srv//x",
                            "/plain"}) {
        INFO(bad);
        const auto place = parse_object_place(bad);
        REQUIRE_FALSE(place);
        CHECK(place.error().code == core::Code::kConfigBadValue);
        CHECK(place.error().hint.find("expected") != std::string::npos);
    }
    CHECK_FALSE(parse_object_place("oss://bucket/" + std::string(1024, 'k')));
    CHECK(parse_object_place("oss://bucket/" + std::string(1023, 'k')));
    CHECK_FALSE(parse_object_place("https://host/" + std::string(5000, 'k')));
    // A signature in a URL is not repeated.
    CHECK(parse_object_place("https://host/a/../b?Signature=abcdef").error().what.find("abcdef") == std::string::npos);
}

TEST_CASE("object place: neighbours in the folder", "[object_place]") {
    CHECK(beside(*parse_object_place("oss://bucket/a/b/current.json"), "1.json").text() == "oss://bucket/a/b/1.json");
    CHECK(beside(*parse_object_place("s3://bucket/current.json"), "1.json").text() == "s3://bucket/1.json");
    CHECK(beside(*parse_object_place("https://h/a/current.json?Signature=x"), "1.json").url == "https://h/a/1.json");
    CHECK(beside(*parse_object_place("file:/srv/current.json"), "1.json").text() == "file:/srv/1.json");
    CHECK(name_of(*parse_object_place("https://h/a/current.json?x=/y")) == "current.json");
    CHECK(name_of(*parse_object_place("s3://bucket/current.json")) == "current.json");
}

TEST_CASE("object place: folders", "[object_place]") {
    const auto text = [](const char* given) {
        const auto place = parse_folder_place(given);
        return place ? place->text() : "refused";
    };
    CHECK(text("oss://bucket/prod/reports/") == "oss://bucket/prod/reports/");
    CHECK(text("oss://bucket/prod/reports") == "oss://bucket/prod/reports/");
    CHECK(text("s3://bucket/") == "s3://bucket/");
    CHECK(text("s3://bucket") == "s3://bucket/");
    CHECK(text("https://host.example/reports") == "https://host.example/reports/");
    CHECK(text("file:/var/reports/") == "file:/var/reports/");
    CHECK(beside(*parse_folder_place("oss://bucket"), "a.json").text() == "oss://bucket/a.json");
    CHECK(beside(*parse_folder_place("https://host.example/r"), "a.json").url == "https://host.example/r/a.json");
    for (const char* bad : {"", "oss:bucket", "oss://b/x", "oss://bucket/../x/", "oss://bucket//",
                            "https://host/r?Signature=x", "http://host.example/r/", "file:reports/", "ftp://x/"})
        CHECK(text(bad) == "refused");
}

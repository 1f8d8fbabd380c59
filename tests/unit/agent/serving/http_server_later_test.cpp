// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/agent/serving/http_fixture.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;

namespace {

constexpr const char* kGet = "GET /later HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/// A page that the test delivers, and one whose body it writes.
struct Pages {
    std::function<void(HttpReply)> deliver;
    std::vector<std::shared_ptr<HttpStream>> streams;
    int cancelled = 0;
    std::string first;  // written at once

    struct Work final : HttpWork {
        explicit Work(int& n) : cancelled(n) {}
        ~Work() override { ++cancelled; }
        int& cancelled;
    };

    std::vector<HttpRoute> routes() {
        return {{"/later", false, "GET",
                 [this](const HttpQuery&) {
                     HttpReply reply;
                     reply.later = [this](std::function<void(HttpReply)> d) {
                         deliver = std::move(d);
                         return std::make_unique<Work>(cancelled);
                     };
                     return reply;
                 }},
                {"/stream", false, "GET",
                 [this](const HttpQuery&) {
                     HttpReply reply;
                     reply.content_type = "text/event-stream";
                     reply.stream = [this](std::shared_ptr<HttpStream> s) {
                         if (!first.empty()) s->write(first);
                         streams.push_back(std::move(s));
                     };
                     return reply;
                 }},
                {"/page", false, "GET", [](const HttpQuery&) { return HttpReply::text(200, "page"); }}};
    }
};

void turn_until(HttpFixture& f, const std::function<bool()>& condition) {
    for (const auto deadline = core::now_mono_us() + 10 * core::kSecond; !condition();) {
        if (core::now_mono_us() > deadline) FAIL("waited in vain");
        f.turn();
    }
}

core::UniqueFd open_stream(HttpFixture& f, Pages& pages) {
    auto fd = f.connect();
    const auto before = pages.streams.size();
    f.send(fd, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    turn_until(f, [&] { return pages.streams.size() > before; });
    return fd;
}

}  // namespace

TEST_CASE("http: a reply may come later, and others are served meanwhile", "[http]") {
    Pages pages;
    HttpFixture f(pages.routes());
    const auto fd = f.connect();
    f.send(fd, kGet);
    turn_until(f, [&] { return static_cast<bool>(pages.deliver); });
    CHECK(body_of(f.get("/page")) == "page");
    CHECK(pages.cancelled == 0);
    pages.deliver(HttpReply::text(200, "at last"));
    const auto reply = f.read(fd);
    CHECK(status_of(reply) == 200);
    CHECK(body_of(reply) == "at last");
    CHECK(has(reply, "X-Content-Type-Options: nosniff"));
    turn_until(f, [&] { return pages.cancelled == 1; });
}

TEST_CASE("http: a kept connection asks again after a late reply", "[http]") {
    Pages pages;
    HttpFixture f(pages.routes());
    const auto fd = f.connect();
    for (const char* text : {"one", "two"}) {
        pages.deliver = {};
        f.send(fd, "GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n");
        turn_until(f, [&] { return static_cast<bool>(pages.deliver); });
        pages.deliver(HttpReply::text(200, text));
        CHECK(has(f.read(fd, text), text));
    }
}

TEST_CASE("http: what a client waits for is cancelled when it goes", "[http]") {
    Pages pages;
    HttpFixture f(pages.routes());
    {
        const auto fd = f.connect();
        f.send(fd, kGet);
        turn_until(f, [&] { return static_cast<bool>(pages.deliver); });
    }
    turn_until(f, [&] { return pages.cancelled == 1; });
    CHECK(body_of(f.get("/page")) == "page");
}

TEST_CASE("http: the server ends while clients wait and listen", "[http]") {
    Pages pages;
    core::UniqueFd waiting, listening;
    {
        HttpFixture f(pages.routes());
        waiting = f.connect();
        f.send(waiting, kGet);
        turn_until(f, [&] { return static_cast<bool>(pages.deliver); });
        listening = open_stream(f, pages);
        for (int i = 0; i < 10; ++i)
            f.turn();  // so that it is suspended
    }
    CHECK(pages.cancelled == 1);
    CHECK_FALSE(pages.streams[0]->open());
    CHECK_FALSE(pages.streams[0]->write("into the void"));
}

TEST_CASE("http: a stream carries what is written when it is written", "[http]") {
    Pages pages;
    pages.first = "hello ";
    HttpFixture f(pages.routes());
    const auto fd = open_stream(f, pages);
    const auto head = f.read(fd, "hello ");
    CHECK(has(head, "Content-Type: text/event-stream"));
    CHECK(has(head, "Transfer-Encoding: chunked"));
    for (const char* text : {"one ", "two ", "three "}) {
        CHECK(pages.streams[0]->write(text));
        CHECK(has(f.read(fd, text), text));
    }
    CHECK(body_of(f.get("/page")) == "page");
}

TEST_CASE("http: an idle stream costs no loop turns", "[http]") {
    Pages pages;
    pages.first = "hello";
    HttpFixture f(pages.routes());
    const auto fd = open_stream(f, pages);
    f.read(fd, "hello");
    for (int i = 0; i < 20; ++i)
        f.turn();
    // The loop sleeps until an event.
    core::SystemClock clock(f.loop);
    core::Timer timer(clock);
    bool over = false;
    int turns = 0;
    timer.start_in(20 * core::kMillisecond, [&] { over = true; });
    while (!over) {
        f.loop.run_once();
        ++turns;
    }
    CHECK(turns <= 3);
    CHECK(pages.streams[0]->open());
}

TEST_CASE("http: a stream is closed when its client goes, though nothing is written", "[http]") {
    Pages pages;
    pages.first = "hello";
    HttpFixture f(pages.routes());
    {
        const auto fd = open_stream(f, pages);
        f.read(fd, "hello");
    }
    turn_until(f, [&] { return !pages.streams[0]->open(); });
    CHECK_FALSE(pages.streams[0]->write("more"));
}

TEST_CASE("http: a client that does not read is cut, and costs no more than the backlog", "[http]") {
    Pages pages;
    HttpFixture f(pages.routes());
    const auto fd = open_stream(f, pages);
    const std::string block(64 << 10, 'x');
    std::size_t written = 0;
    while (pages.streams[0]->write(block)) {
        written += block.size();
        f.turn();
        REQUIRE(written < (64u << 20));
    }
    CHECK_FALSE(pages.streams[0]->open());
    const auto got = f.read(fd);  // ends: the server closed
    CHECK(got.size() < written + (4 << 10));
    CHECK(body_of(f.get("/page")) == "page");
}

TEST_CASE("http: HEAD of a stream ends, and begins nothing", "[http]") {
    Pages pages;
    HttpFixture f(pages.routes());
    const auto reply = f.ask("HEAD /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    CHECK(status_of(reply) == 200);
    CHECK(has(reply, "Content-Type: text/event-stream"));
    CHECK(body_of(reply).empty());
    CHECK(pages.streams.empty());
}

TEST_CASE("http: an old client without chunks gets the stream until it closes", "[http]") {
    Pages pages;
    pages.first = "hello";
    HttpFixture f(pages.routes());
    const auto fd = f.connect();
    f.send(fd, "GET /stream HTTP/1.0\r\n\r\n");
    CHECK(has(f.read(fd, "hello"), "\r\n\r\nhello"));
}

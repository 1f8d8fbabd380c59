// SPDX-License-Identifier: Apache-2.0
#include <nlohmann/json.hpp>

#include <algorithm>

#include "agent/serving/event_stream.h"
#include "tests/unit/agent/serving/fake_agent.h"
#include "tests/unit/agent/status/status_fixture.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::kSecond;
using probe::State;

namespace {

class FakeStream final : public HttpStream {
  public:
    bool write(std::string_view bytes) override {
        if (!is_open) return false;
        text += bytes;
        return true;
    }
    bool open() const override { return is_open; }
    std::string take() { return std::exchange(text, ""); }

    std::string text;
    bool is_open = true;
};

struct World : FakeAgent {
    std::vector<probe::Record> ring;  // newest first
    EventStream events{clock, *this};

    World() { status = test::snapshot({link({address("10.0.1.23", "z", State::kUp, State::kUp)})}); }
    StatusSnapshot snapshot() override {
        status.now_wall_us = clock.wall_us();
        return FakeAgent::snapshot();
    }
    std::vector<probe::Record> records(const probe::RecordFilter&, std::size_t limit) override {
        return {ring.begin(), ring.begin() + static_cast<std::ptrdiff_t>(std::min(limit, ring.size()))};
    }

    probe::Record add() {
        probe::Record r;
        r.link = "tdengine-prod";
        r.ip = *core::IpAddress::parse("10.0.1.23");
        r.seq = ring.size() + 1;
        ring.insert(ring.begin(), r);
        events.record(r);
        return r;
    }
    HttpReply ask(const std::string& last_id = "") {
        HttpQuery query;
        query.method = "GET";
        if (!last_id.empty()) query.headers.emplace_back("last-event-id", last_id);
        return events.answer(query);
    }
    std::shared_ptr<FakeStream> listen(const std::string& last_id = "") {
        const HttpReply reply = ask(last_id);
        REQUIRE(reply.status == 200);
        REQUIRE(reply.stream);
        auto stream = std::make_shared<FakeStream>();
        reply.stream(stream);
        return stream;
    }
};

std::size_t count(const std::string& text, std::string_view part) {
    std::size_t n = 0;
    for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size()))
        ++n;
    return n;
}

std::string id_in(const std::string& text) {
    const auto at = text.rfind("id: ");
    return at == std::string::npos ? "" : text.substr(at + 4, text.find('\n', at) - at - 4);
}

}  // namespace

TEST_CASE("stream: a client is greeted with the status, in one line of JSON", "[stream]") {
    World w;
    w.status.headline = "two\nlines,  with blanks";
    CHECK(w.ask().content_type == "text/event-stream");
    const std::string text = w.listen()->take();
    CHECK(text.starts_with("retry: "));
    const auto at = text.find("event: status\ndata: ");
    REQUIRE(at != std::string::npos);
    const auto json = nlohmann::json::parse(text.substr(at + 20, text.find('\n', at + 20) - at - 20));
    CHECK(json["headline"] == w.status.headline);
    CHECK(json["links"][0]["name"] == "tdengine-prod");
    CHECK(text.ends_with("\n\n"));
}

TEST_CASE("stream: the status comes when it changed, once a second at most", "[stream]") {
    World w;
    const auto client = w.listen();
    client->take();
    w.clock.advance(5 * kSecond);
    CHECK(client->take().empty());  // time alone is no news
    for (int i = 0; i < 10; ++i) {
        w.status.resolver.stats.queries[0][0][0] += 1;
        w.clock.advance(kSecond / 10);
    }
    CHECK(count(client->take(), "event: status") == 1);
    w.status.headline = "something else";
    w.clock.advance(kSecond);
    CHECK(count(client->take(), "something else") == 1);
}

TEST_CASE("stream: a large status comes less often, and records still at once", "[stream]") {
    World w;
    w.status = snapshot({link(std::vector<AddressStatus>(1000, address("10.0.1.23", "z", State::kUp, State::kUp)))});
    const auto client = w.listen();
    w.clock.advance(kSecond);
    client->take();
    std::size_t seen = 0;
    for (int i = 0; i < 20; ++i) {
        w.status.resolver.stats.queries[0][0][0] += 1;
        w.clock.advance(kSecond);
        seen += count(client->take(), "event: status");
    }
    CHECK(seen >= 4);
    CHECK(seen <= 10);
    w.add();
    CHECK(count(client->take(), "event: probe") == 1);
}

TEST_CASE("stream: each record comes at once, with an id", "[stream]") {
    World w;
    const auto client = w.listen();
    client->take();
    const auto record = w.add();
    const std::string text = client->take();
    CHECK(text == "id: " + id_in(text) + "\nevent: probe\ndata: " + probe::to_json(record) + "\n\n");
    CHECK(id_in(text).ends_with("-1"));
}

TEST_CASE("stream: a client that comes back gets what it missed, oldest first, and no more", "[stream]") {
    World w;
    const auto first = w.listen();
    w.add();
    const std::string seen = id_in(first->text);
    w.add();
    w.add();
    const std::string text = w.listen(seen)->take();
    CHECK(count(text, "event: probe") == 2);
    CHECK(text.find("\"seq\":2") < text.find("\"seq\":3"));
    CHECK(count(w.listen(id_in(text))->take(), "event: probe") == 0);
    CHECK(count(w.listen()->take(), "event: probe") == 0);  // a new client asks /api/v1/probes for the past
}

TEST_CASE("stream: an id of another run of the agent, or nonsense, gets all that is remembered", "[stream]") {
    World w;
    for (int i = 0; i < 3; ++i)
        w.add();
    for (const char* id : {"64f1-2", "nonsense", "-", "2"}) {
        INFO(id);
        CHECK(count(w.listen(id)->take(), "event: probe") == 3);
    }
}

TEST_CASE("stream: what is replayed fits a client's buffer; the newest win", "[stream]") {
    World w;
    for (int i = 0; i < 2000; ++i)
        w.add();
    const std::string text = w.listen("nonsense")->take();
    CHECK(text.size() < kStreamBacklog);
    CHECK(text.find("\"seq\":2000") != std::string::npos);
    CHECK(text.find("\"seq\":1}") == std::string::npos);
}

TEST_CASE("stream: silence is broken by a comment every 15 s", "[stream]") {
    World w;
    const auto client = w.listen();
    client->take();
    w.clock.advance(14 * kSecond);
    CHECK(client->take().empty());
    w.clock.advance(kSecond);
    CHECK(client->take() == ":\n\n");
    w.add();
    client->take();
    w.clock.advance(14 * kSecond);
    CHECK(client->take().empty());
    w.clock.advance(kSecond);
    CHECK(client->take() == ":\n\n");
}

TEST_CASE("stream: without clients nothing runs", "[stream]") {
    World w;
    CHECK(w.clock.idle());
    const auto client = w.listen();
    CHECK_FALSE(w.clock.idle());
    client->is_open = false;
    w.clock.advance(2 * kSecond);
    CHECK(w.clock.idle());
    const int before = w.snapshots;
    w.add();
    w.clock.advance(60 * kSecond);
    CHECK(w.snapshots == before);
    w.listen();  // and begins again
    CHECK_FALSE(w.clock.idle());
}

TEST_CASE("stream: so many clients and no more; who goes makes room", "[stream]") {
    World w;
    std::vector<std::shared_ptr<FakeStream>> clients;
    for (int i = 0; i < 16; ++i)
        clients.push_back(w.listen());
    const HttpReply refused = w.ask();
    CHECK(refused.status == 503);
    CHECK(refused.headers.front().first == "Retry-After");
    CHECK_FALSE(refused.stream);
    clients[3]->is_open = false;
    CHECK(w.ask().status == 200);
}

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>
#include <map>

#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using test::Bench;
using test::Query;
using test::records_of;
using Lines = std::vector<std::string>;

namespace {

Query explained(Query q) {
    q.edns_size = 1232;
    q.edns_options = {0xfd, 0xe9, 0, 0};
    return q;
}

}  // namespace

TEST_CASE("private: healthy addresses while verdicts are valid, all of them after", "[private]") {
    Bench bench;
    bench.use(test::usual_plan());
    auto reply = bench.ask(Query{});
    CHECK(records_of(reply) == Lines{"db.example. 10 IN A 10.0.0.1", "db.example. 10 IN A 10.0.0.2"});
    CHECK(test::flags_of(reply) == 0x8580);  // QR AA RD RA
    bench.clock.advance(2000 * core::kSecond);
    reply = bench.ask(Query{});
    CHECK(records_of(reply).size() == 3);
}

TEST_CASE("private: a plan of another boot has no valid verdicts", "[private]") {
    Bench bench;
    auto plan = test::usual_plan();
    plan.boot_id = std::string(32, 'a');
    bench.use(plan);
    CHECK(records_of(bench.ask(Query{})).size() == 3);
    CHECK(test::explanation_of(bench.ask(explained(Query{}))).find("verdicts=other_boot") != std::string::npos);
}

TEST_CASE("private: every other type is NODATA with SOA, ANY gives the addresses", "[private]") {
    Bench bench;
    bench.use(test::usual_plan());
    for (const int type : {28, 15, 16, 33, 65, 2, 5, 43, 257, 65280}) {
        const auto reply = bench.ask(Query{.type = static_cast<std::uint16_t>(type)});
        CAPTURE(type);
        CHECK(test::rcode_of(reply) == 0);
        CHECK(records_of(reply).empty());
        REQUIRE(records_of(reply, LDNS_SECTION_AUTHORITY).size() == 1);
        CHECK(records_of(reply, LDNS_SECTION_AUTHORITY)[0].find("db.example. 5 IN SOA") == 0);
    }
    CHECK(records_of(bench.ask(Query{.type = 255})).size() == 2);
    CHECK(records_of(bench.ask(Query{.type = 6})).size() == 1);
    CHECK(bench.transport.sent == 0);
}

TEST_CASE("private: ID, RD, CD and the case of the question are echoed, OPT only if there was one", "[private]") {
    Bench bench;
    bench.use(test::usual_plan());
    auto reply = bench.ask(Query{.name = "dB.ExamplE.", .id = 0xbeef, .flags = 0x0070});  // Z, AD and CD
    CHECK(core::load_be16(reply.data()) == 0xbeef);
    CHECK(test::flags_of(reply) == 0x8490);  // QR AA RA CD: Z and AD are not echoed
    CHECK(core::as_text(reply).find("ExamplE") != std::string_view::npos);
    CHECK(core::load_be16(reply.data() + 10) == 0);
    Query with{.edns_size = 4096, .dnssec_ok = true};
    with.edns_options = {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};  // a cookie, which we don't support
    reply = bench.ask(with);
    const auto packet = test::parse(reply);
    REQUIRE(packet);
    CHECK(ldns_pkt_edns(packet.get()));
    CHECK(ldns_pkt_edns_do(packet.get()));  // RFC 3225 3
    CHECK(ldns_pkt_edns_udp_size(packet.get()) == 1232);
    CHECK(ldns_pkt_edns_data(packet.get()) == nullptr);
}

TEST_CASE("private: a name without addresses yet is SERVFAIL with EDE 14, never a negative answer", "[private]") {
    Bench bench;
    auto plan = test::usual_plan();
    plan.owners[0].ready = false;
    bench.use(plan);
    const auto reply = bench.ask(Query{.edns_size = 1232});
    CHECK(test::rcode_of(reply) == 2);
    CHECK(test::ede_of(reply) == 14);
    CHECK(test::rcode_of(bench.ask(Query{})) == 2);
}

TEST_CASE("private: an answer larger than the client's limit has TC, and is complete over TCP", "[private]") {
    Bench bench;
    auto plan = test::usual_plan();
    std::vector<std::string> many;
    for (int i = 1; i <= 100; ++i)
        many.push_back("10.9.0." + std::to_string(i));
    plan.owners.push_back(test::owner_of("big.example.", many, many, 2000 * core::kSecond));
    bench.use(plan);
    const Query big{.name = "big.example."};
    auto reply = bench.ask(big);
    CHECK((test::flags_of(reply) & 0x0200) != 0);
    CHECK(reply.size() <= 512);
    CHECK(records_of(reply).size() == (512 - 12 - 17) / 27);  // the first ones, which steering prefers
    CHECK(records_of(reply).at(0) == "big.example. 10 IN A 10.9.0.1");
    CHECK(records_of(bench.ask(big, test::client_at("127.0.0.1:1", core::Proto::kTcp))).size() == 100);
    // The limit is the announced size for loopback clients, and 1232 for others.
    Query with = big;
    with.edns_size = 4096;
    CHECK(records_of(bench.ask(with)).size() == 100);
    plan.allow.push_back(*core::IpPrefix::parse("10.0.0.0/8"));
    bench.use(plan);
    reply = bench.ask(with, test::client_at("10.0.0.9:1"));
    CHECK((test::flags_of(reply) & 0x0200) != 0);
    with.edns_size = 10;  // below 512 counts as 512 (RFC 6891 6.2.3)
    CHECK(bench.ask(with).size() <= 512);
}

TEST_CASE("handler: each malformed packet gets its error, or no reply", "[handler]") {
    Bench bench;
    bench.use(test::usual_plan());
    CHECK(bench.ask(core::Bytes(5)).empty());
    auto packet = Query{}.wire();
    packet[2] = static_cast<std::uint8_t>(packet[2] | 0x80);
    CHECK(bench.ask(packet).empty());
    packet = Query{}.wire();
    packet[5] = 2;
    CHECK(test::rcode_of(bench.ask(packet)) == 1);
    CHECK(test::rcode_of(bench.ask(Query{.flags = 0x2100})) == 4);
    const auto reply = bench.ask(Query{.edns_size = 1232, .edns_version = 1});
    const auto parsed = test::parse(reply);
    REQUIRE(parsed);
    CHECK(ldns_pkt_edns_extended_rcode(parsed.get()) == 1);  // BADVERS = 16
    CHECK(ldns_pkt_edns_version(parsed.get()) == 0);
    CHECK(test::rcode_of(bench.ask(Query{.klass = 4})) == 5);
    CHECK(test::rcode_of(bench.ask(Query{.type = 252})) == 5);
    CHECK(test::rcode_of(bench.ask(Query{.type = 41})) == 1);
    CHECK(bench.event(core::ResolverEvent::kFormErr) == 1);
    CHECK(bench.event(core::ResolverEvent::kDroppedShort) == 1);
}

TEST_CASE("handler: a client that is not allowed is refused with EDE 18, at a limited rate", "[handler]") {
    Bench bench;
    bench.use(test::usual_plan());
    const auto stranger = test::client_at("203.0.113.9:53");
    const auto reply = bench.ask(Query{.edns_size = 1232}, stranger);
    CHECK(test::rcode_of(reply) == 5);
    CHECK(test::ede_of(reply) == 18);
    int answered = 0;
    for (int i = 0; i < 1000; ++i)
        answered += bench.ask(Query{}, stranger).empty() ? 0 : 1;
    CHECK(answered < 250);
    bench.clock.advance(2 * core::kSecond);
    CHECK_FALSE(bench.ask(Query{}, stranger).empty());
}

TEST_CASE("local: localhost, invalid, loopback reverse and version.bind are answered locally", "[local]") {
    Bench bench;
    bench.use(test::usual_plan());
    CHECK(records_of(bench.ask(Query{.name = "LocalHost."})) == Lines{"LocalHost. 600 IN A 127.0.0.1"});
    CHECK(records_of(bench.ask(Query{.name = "a.localhost.", .type = 28})) == Lines{"a.localhost. 600 IN AAAA ::1"});
    CHECK(records_of(bench.ask(Query{.name = "1.0.0.127.in-addr.arpa.", .type = 12})) ==
          Lines{"1.0.0.127.in-addr.arpa. 600 IN PTR localhost."});
    const std::string v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.";
    CHECK(records_of(bench.ask(Query{.name = v6, .type = 12})) == Lines{v6 + " 600 IN PTR localhost."});
    struct Case {
        const char* name;
        int type, rcode;
    };
    for (const Case& c : {Case{"localhost.", 16, 0}, Case{"x.invalid.", 1, 3}, Case{"invalid.", 1, 3},
                          Case{"x.onion.", 1, 3}, Case{"5.0.0.127.in-addr.arpa.", 12, 3},
                          Case{"0.0.127.in-addr.arpa.", 12, 0}, Case{"127.in-addr.arpa.", 12, 0}}) {
        CAPTURE(c.name);
        const auto reply = bench.ask(Query{.name = c.name, .type = static_cast<std::uint16_t>(c.type)});
        CHECK(test::rcode_of(reply) == c.rcode);
        CHECK(records_of(reply).empty());
        CHECK(records_of(reply, LDNS_SECTION_AUTHORITY).size() == 1);
    }
    CHECK(records_of(bench.ask(Query{.name = "version.bind.", .type = 16, .klass = 3})) ==
          Lines{"version.bind. 0 CH TXT \"postern\""});
    CHECK(test::rcode_of(bench.ask(Query{.name = "other.", .type = 16, .klass = 3})) == 5);
    CHECK(bench.transport.sent == 0);
    CHECK(bench.ask(Query{.name = "x.test."}).empty());  // forwarded
    CHECK(bench.transport.sent == 1);
    auto plan = test::usual_plan();
    plan.settings.forward_test = 0;
    bench.use(plan);
    for (const char* name : {"y.test.", "test."})
        CHECK(test::rcode_of(bench.ask(Query{.name = name})) == 3);
    bench.ask(Query{.name = "localhost.example."});
    CHECK(bench.transport.sent == 2);
}

TEST_CASE("explain: the private option gives loopback clients the source of an answer", "[explain]") {
    Bench bench;
    auto plan = test::usual_plan();
    plan.allow.push_back(*core::IpPrefix::parse("10.0.0.0/8"));
    bench.use(plan);
    CHECK(test::explanation_of(bench.ask(explained(Query{}))) ==
          "source=private link=tdengine-prod plan=current generation=1 verdicts=valid:1000s "
          "why=\"both addresses up; zone a first\"");
    CHECK(test::explanation_of(bench.ask(explained(Query{}), test::client_at("10.0.0.9:1"))).empty());
    bench.ask(explained(Query{.name = "www.example."}));
    CHECK(core::as_text(bench.transport.open[0].query).find("\xfd\xe9") == std::string_view::npos);
    bench.clock.advance(412);
    bench.transport.answer(0, 0, {"www.example. 60 IN A 192.0.2.80"});
    CHECK(test::explanation_of(bench.last()) == "source=upstream upstream=192.0.2.1:53 rtt_us=412");
    bench.clock.advance(12 * core::kSecond);
    CHECK(test::explanation_of(bench.ask(explained(Query{.name = "www.example."}))) ==
          "source=cache age=12s upstream=192.0.2.1:53");
    CHECK(test::explanation_of(bench.ask(explained(Query{.name = "localhost."}))).find("source=local why=") == 0);
}

TEST_CASE("explain: a failure names the server whose error is handed on, or what kept it away", "[explain]") {
    Bench bench;
    bench.use(test::usual_plan(1));
    bench.ask(explained(Query{.name = "b.example."}));
    bench.final_error(0, 5);
    REQUIRE(bench.sink.replies.size() == 1);
    CHECK(test::explanation_of(bench.last()).find("source=upstream upstream=192.0.2.1:53") == 0);
    bench.ask(explained(Query{.name = "c.example."}));
    bench.transport.fail(0, ECONNREFUSED);
    REQUIRE(bench.sink.replies.size() == 2);
    CHECK(test::explanation_of(bench.last()) == "source=upstream error=network");
}

TEST_CASE("explain: a stale answer is explained, too, to a client that waited for the failure before it", "[explain]") {
    Bench bench;
    bench.use(test::usual_plan(1));
    const Query q = explained(Query{.name = "www.example."});
    bench.ask(q);
    bench.transport.answer(0, 0, {"www.example. 60 IN A 192.0.2.80"});
    bench.clock.advance(100 * core::kSecond);
    bench.ask(q);
    bench.transport.fail(0, ECONNREFUSED);
    CHECK(test::explanation_of(bench.last()) == "source=stale age=100s upstream=192.0.2.1:53");
}

TEST_CASE("explain: a client on another host never gets it, whatever the answer comes from", "[explain]") {
    // It names the host's upstreams and the plan's reasons.
    Bench bench;
    auto plan = test::usual_plan(1);
    plan.allow.push_back(*core::IpPrefix::parse("10.0.0.0/8"));
    bench.use(plan);
    const auto other = test::client_at("10.0.0.9:4000");
    const auto q = explained(Query{.name = "www.example."});
    bench.ask(q, other);
    bench.transport.answer(0, 0, {"www.example. 60 IN A 192.0.2.80"});
    REQUIRE(records_of(bench.last()).size() == 1);
    CHECK(test::explanation_of(bench.last()).empty());
    CHECK(test::explanation_of(bench.ask(q, other)).empty());
    CHECK_FALSE(test::explanation_of(bench.ask(q)).empty());
    bench.clock.advance(100 * core::kSecond);
    bench.ask(q, other);
    bench.transport.fail(0, ECONNREFUSED);
    REQUIRE(test::ede_of(bench.last()) == 3);
    CHECK(test::explanation_of(bench.last()).empty());
    CHECK(test::explanation_of(bench.ask(explained(Query{.name = "localhost."}), other)).empty());
    // A private name that appears in the plan while its query is in flight.
    bench.ask(explained(Query{.name = "late.example."}), other);
    plan.owners.push_back(test::owner_of("late.example.", {"10.0.0.7"}, {"10.0.0.7"}, 2000 * core::kSecond));
    bench.use(plan);
    bench.transport.answer(0, 3, {});
    REQUIRE(records_of(bench.last()).size() == 1);
    CHECK(test::explanation_of(bench.last()).empty());
}

TEST_CASE("forward: an upstream's complaint about our query is SERVFAIL with EDE 23 for the client", "[forward]") {
    // The client's query was good: a FORMERR would make it doubt itself, and to a client without EDNS the lower half
    // of an extended code is another code.
    const auto reply_with = [](std::uint16_t rcode, int edns_size, bool always_opt = false) {
        Bench bench;
        bench.use(test::usual_plan(1));
        bench.ask(Query{.name = "www.example.", .edns_size = edns_size});
        for (int i = 0; i < 4 && !bench.transport.open.empty(); ++i) {
            const auto& query = bench.transport.open[0].query;
            const bool opt = always_opt || core::load_be16(query.data() + 10) != 0;
            auto message = test::reply_to(query, rcode & 15, {}, {}, opt);
            if (opt) message[message.size() - 6] = static_cast<std::uint8_t>(rcode >> 4);
            bench.transport.deliver(0, message);
        }
        REQUIRE(bench.sink.replies.size() == 1);
        return bench.last();
    };
    for (const std::uint16_t rcode : std::initializer_list<std::uint16_t>{1, 17, 20, 24}) {
        CAPTURE(rcode);
        const auto reply = reply_with(rcode, 1232);
        const auto packet = test::parse(reply);
        REQUIRE(packet);
        CHECK(test::rcode_of(reply) == 2);
        CHECK(ldns_pkt_edns_extended_rcode(packet.get()) == 0);
        CHECK(test::ede_of(reply) == 23);
        CHECK(test::rcode_of(reply_with(rcode, -1)) == 2);
    }
    // BADVERS even to a query without OPT: its lower half is NOERROR.
    CHECK(test::rcode_of(reply_with(16, 1232, true)) == 2);
    CHECK(test::rcode_of(reply_with(16, -1, true)) == 2);
    for (const std::uint16_t rcode : std::initializer_list<std::uint16_t>{2, 4, 5}) {
        CAPTURE(rcode);
        const auto reply = reply_with(rcode, 1232);
        CHECK(test::rcode_of(reply) == rcode);
        CHECK(test::ede_of(reply) == -1);
    }
}

TEST_CASE("forward: AD of an upstream is handed on only with trust_ad, also from the cache", "[forward]") {
    // Over plain UDP anybody on the way can set it.
    Bench bench;
    auto plan = test::usual_plan(1);
    bench.use(plan);
    const Query q{.name = "www.example.", .flags = 0x0120};
    bench.ask(q);
    const auto answer =
        test::reply_to(bench.transport.open[0].query, 0, {"www.example. 60 IN A 192.0.2.80"}, {}, true, 0x0020);
    bench.transport.deliver(0, answer);
    CHECK((test::flags_of(bench.last()) & 0x0020) == 0);
    CHECK((test::flags_of(bench.ask(q)) & 0x0020) == 0);
    plan.settings.trust_ad = 1;
    bench.use(plan);
    CHECK((test::flags_of(bench.ask(q)) & 0x0020) != 0);
    plan.settings.trust_ad = 0;
    bench.use(plan);
    CHECK((test::flags_of(bench.ask(q)) & 0x0020) == 0);
    // Served stale as well.
    bench.clock.advance(100 * core::kSecond);
    bench.ask(q);
    bench.transport.fail(0, ECONNREFUSED);
    REQUIRE(records_of(bench.last()).size() == 1);
    CHECK((test::flags_of(bench.last()) & 0x0020) == 0);
}

TEST_CASE("plan swap: the next query uses the new plan only", "[plan]") {
    Bench bench;
    bench.use(test::usual_plan());
    auto next = test::base_plan(2);
    next.owners.push_back(test::owner_of("db.example.", {"10.0.0.9"}, {"10.0.0.9"}, 2000 * core::kSecond));
    bench.use(next);
    CHECK(records_of(bench.ask(Query{})) == Lines{"db.example. 10 IN A 10.0.0.9"});
}

TEST_CASE("plan: a fallback makes its names not ready and forwards the rest", "[plan]") {
    const auto fallback =
        core::parse_fallback("listen 127.0.0.153:53\nupstream 192.0.2.7\nname Db.Example\nname bad..name\n");
    const auto view = resolver::plan_from_fallback(fallback);
    REQUIRE(view.owners.size() == 1);
    CHECK_FALSE(view.owners[0].ready);
    CHECK(core::as_text(view.owners[0].name) == core::as_text(*resolver::name_from_text("db.example")));
    CHECK(view.upstreams.at(0).address.text() == "192.0.2.7:53");
    CHECK(view.listen.at(0).text() == "127.0.0.153:53");
}

TEST_CASE("upstreams: our own address is left out, and state is kept with the address", "[upstream]") {
    core::StatsPage stats;
    const auto address = [](const char* text) { return *core::SocketAddress::parse(text, 53); };
    std::vector<core::SocketAddress> left_out;
    const auto first = resolver::update_upstreams({}, {{1, address("192.0.2.1")}, {2, address("127.0.0.153")}},
                                                  {address("127.0.0.153")}, stats, &left_out);
    REQUIRE(first.size() == 1);
    CHECK(left_out.size() == 1);
    first[0]->answered(1, 5000, 0);
    const auto second =
        resolver::update_upstreams(first, {{3, address("192.0.2.3")}, {1, address("192.0.2.1")}}, {}, stats, &left_out);
    REQUIRE(second.size() == 2);
    CHECK(second[1] == first[0]);
    CHECK(second[1]->srtt_us() == 5000);
    CHECK(std::count_if(std::begin(stats.upstreams), std::end(stats.upstreams), [](auto& s) { return s.id != 0; }) ==
          2);
    left_out.clear();
    CHECK(resolver::update_upstreams({}, {{1, address("127.0.0.1")}}, {address("0.0.0.0")}, stats, &left_out).empty());
    std::vector<core::PlanUpstream> many;
    for (std::uint32_t i = 1; i <= 300; ++i)
        many.push_back({i, address(("192.0.2.1:" + std::to_string(i)).c_str())});
    CHECK(resolver::update_upstreams({}, many, {}, stats, &left_out).size() == core::StatsPage::kMaxUpstreams);
}

// Metrics count the answers of each link by its ID. A plan may bring links in another order, new ones, and fewer.
TEST_CASE("statistics: answers are counted for their link through changes of the plan", "[handler]") {
    Bench bench;
    auto plan = test::base_plan();
    plan.links = {{7, "first"}, {8, "second"}};
    plan.owners = {test::owner_of("a.example.", {"10.0.1.1"}, {"10.0.1.1"}, 0),
                   test::owner_of("b.example.", {"10.0.2.1"}, {"10.0.2.1"}, 0)};
    plan.owners[1].link = 1;
    bench.use(plan);
    const auto answers = [&] {
        std::map<std::uint32_t, std::uint64_t> out;
        for (const auto& slot : bench.stats.links) {
            if (slot.id != 0 || slot.answers != 0) out[slot.id] = slot.answers;
        }
        return out;
    };
    using Counts = std::map<std::uint32_t, std::uint64_t>;
    bench.ask(Query{.name = "a.example."});
    for (int i = 0; i < 2; ++i)
        bench.ask(Query{.name = "b.example."});
    CHECK(answers() == Counts{{7, 1}, {8, 2}});
    plan.links = {{9, "third"}, {8, "second"}};  // the link of a.example. is another one
    bench.use(plan);
    bench.ask(Query{.name = "a.example."});
    bench.ask(Query{.name = "b.example."});
    CHECK(answers() == Counts{{9, 1}, {8, 3}});
}

TEST_CASE("statistics: the latency is what the client waited", "[handler]") {
    Bench bench;
    bench.use(test::usual_plan(1));
    bench.ask(Query{.name = "www.example."});
    bench.clock.advance(7 * core::kMillisecond);
    bench.transport.answer(0, 0, {"www.example. 60 IN A 192.0.2.80"});
    CHECK(bench.stats.latency_sum_us == 7000);
    const auto& bounds = core::kLatencyBoundsUs;
    const auto bucket = std::lower_bound(bounds.begin(), bounds.end(), 7000) - bounds.begin();
    CHECK(bench.stats.latency_buckets[static_cast<std::size_t>(bucket)] == 1);
}

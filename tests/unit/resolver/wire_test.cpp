// SPDX-License-Identifier: Apache-2.0
// Upstream replies, TCP framing, statistics, files and the command line: the passive parts.
#include <catch2/catch.hpp>
#include <cstdio>

#include "resolver/options.h"
#include "resolver/stats_writer.h"
#include "resolver/tcp_framing.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using namespace postern::resolver;
using test::Query;

namespace {

struct TempFolder {
    TempFolder() {
        char name[] = "/tmp/postern-resolver-test-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~TempFolder() {
        for (const char* f : {"plan", "durable", "stats", "fallback", "resolv.conf"})
            ::unlink((path + "/" + f).c_str());
        ::rmdir(path.c_str());
    }
    std::string file(const std::string& name, const std::string& content) const {
        const std::string full = path + "/" + name;
        REQUIRE(core::write_file(full, core::as_bytes(content), 0644, false));
        return full;
    }
    std::string path;
};

/// The reply to a client without EDNS.
core::Bytes passed_on(const core::Bytes& query, const core::Bytes& reply, bool* sound) {
    ReplyView view;
    core::Bytes scratch;
    QueryView q;
    REQUIRE(QueryView::parse(query, &q) == Parsed::kOk);
    *sound = view.parse(reply, q.question.size(), &scratch);
    if (!*sound) return {};
    core::Bytes out(65535);
    out.resize(write_reply(Asked::from(q), view.sections, {}, 65535, out).size);
    return out;
}

}  // namespace

TEST_CASE("reply: OPT is removed from any place, with the records after it that can't be moved", "[reply]") {
    const auto query = Query{.name = "www.example."}.wire();
    const auto a = test::wire_records({"www.example. 60 IN A 192.0.2.1"});
    const auto glue = test::wire_records({"ns.example. 60 IN A 192.0.2.53"});
    const auto tsig = core::Bytes{0, 0, 250, 0, 255, 0, 0, 0, 0, 0, 0};
    const auto build = [&](std::initializer_list<core::Bytes> additional, std::uint16_t count) {
        auto reply = test::reply_to(query, 0, {"www.example. 60 IN A 192.0.2.1"}, {}, false);
        for (const auto& r : additional)
            reply.insert(reply.end(), r.begin(), r.end());
        core::store_be16(reply.data() + 10, count);
        return reply;
    };
    const core::Bytes opt{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    bool sound = false;
    for (const auto& reply :
         {build({opt}, 1), build({glue, opt}, 2), build({opt, glue}, 2), build({opt, glue, tsig}, 3)}) {
        const auto out = passed_on(query, reply, &sound);
        REQUIRE(sound);
        CHECK(test::records_of(out).size() == 1);
        CHECK(test::records_of(out, LDNS_SECTION_ADDITIONAL).size() == core::load_be16(out.data() + 10));
        CHECK(core::load_be16(out.data() + 10) <= 1);
    }
    CHECK(core::load_be16(passed_on(query, build({opt, glue}, 2), &sound).data() + 10) == 1);
    passed_on(query, build({opt, opt}, 2), &sound);
    CHECK_FALSE(sound);
    passed_on(query, build({glue}, 2), &sound);
    CHECK_FALSE(sound);
}

TEST_CASE("reply: names in records are checked, loops and overruns are refused", "[reply]") {
    const auto query = Query{.name = "www.example."}.wire();
    auto reply = test::reply_to(query, 0, {"www.example. 60 IN CNAME other.example."}, {}, false);
    bool sound = false;
    passed_on(query, reply, &sound);
    CHECK(sound);
    const auto rdata = reply.size() - 15;
    for (const std::uint8_t target : {static_cast<std::uint8_t>(rdata), static_cast<std::uint8_t>(reply.size())}) {
        auto bad = reply;
        bad[rdata] = 0xc0;
        bad[rdata + 1] = target;  // at itself, or behind the end
        passed_on(query, bad, &sound);
        CHECK_FALSE(sound);
    }
    for (std::size_t cut = query.size(); cut < reply.size(); ++cut) {
        passed_on(query, core::Bytes(reply.begin(), reply.begin() + static_cast<std::ptrdiff_t>(cut)), &sound);
        CHECK_FALSE(sound);
    }
}

TEST_CASE("reply: an upstream's EDE is passed on, its other options are not", "[reply]") {
    test::Bench bench;
    bench.use(test::usual_plan(1));
    bench.ask(Query{.name = "www.example.", .edns_size = 1232});
    auto reply = test::reply_to(bench.transport.open[0].query, 3, {}, {}, false);
    Query opt;
    opt.edns_size = 4096;
    opt.edns_options = {0, 3, 0, 2, 1, 2, 0, 15, 0, 3, 0, 18, 'x'};
    opt.add_opt(reply);
    bench.transport.deliver(0, reply);
    CHECK(test::ede_of(bench.last()) == 18);
    CHECK(core::as_text(bench.last()).find(std::string("\0\x03\0\x02\x01", 5)) == std::string_view::npos);
}

TEST_CASE("framing: several messages in a segment and one in many pieces give the same messages", "[tcp]") {
    core::Bytes stream;
    std::vector<core::Bytes> sent;
    for (const std::size_t size : {0, 1, 12, 300, 5000}) {
        sent.emplace_back(size, static_cast<std::uint8_t>(size));
        stream.push_back(static_cast<std::uint8_t>(size >> 8));
        stream.push_back(static_cast<std::uint8_t>(size));
        stream.insert(stream.end(), size, static_cast<std::uint8_t>(size));
    }
    for (const std::size_t piece : {1, 2, 3, 7, 100, 100000}) {
        TcpFraming framing;
        std::vector<core::Bytes> got;
        for (std::size_t at = 0; at < stream.size(); at += piece) {
            const auto part = core::ByteView(stream).subspan(at, std::min(piece, stream.size() - at));
            framing.feed(part, [&](core::ByteView m) {
                got.emplace_back(m.begin(), m.end());
                return true;
            });
        }
        CHECK(got == sent);
        CHECK_FALSE(framing.in_message());
    }
}

TEST_CASE("statistics: written every 200 ms at most, readable as a complete record, created again when deleted",
          "[stats]") {
    const TempFolder folder;
    test::FakeClock clock;
    core::SeededRandom random(1);
    const std::string path = folder.path + "/stats";
    StatsWriter stats(clock, random, path);
    stats.page().cache_hits = 7;
    stats.touch();
    CHECK_FALSE(core::read_stats(path));
    clock.advance(200 * core::kMillisecond);
    REQUIRE(core::read_stats(path));
    CHECK(core::read_stats(path)->cache_hits == 7);
    CHECK(clock.idle());
    ::unlink(path.c_str());
    stats.write_now();
    CHECK(core::read_stats(path));
}

TEST_CASE("plans: the valid one with the higher generation is chosen, damaged ones are reported", "[plan]") {
    const TempFolder folder;
    const auto write = [&](const char* name, std::uint64_t generation) {
        return folder.file(name, std::string(core::as_text(*core::serialize(test::base_plan(generation)))));
    };
    PlanPaths paths;
    paths.plans = {write("plan", 5), write("durable", 4)};
    std::vector<core::PlanFault> faults;
    const auto refused = [&](const std::string&, core::PlanSource, core::PlanFault f) { faults.push_back(f); };
    CHECK(choose_plan(paths, refused)->source == core::PlanSource::kCurrent);
    write("durable", 6);
    CHECK(choose_plan(paths, refused)->view.generation == 6);
    folder.file("durable", "junk");
    CHECK(choose_plan(paths, refused)->view.generation == 5);
    CHECK(faults == std::vector{core::PlanFault::kTooShort});
    ::unlink(paths.plans[0].c_str());
    CHECK_FALSE(choose_plan(paths, refused));
}

TEST_CASE("fallback: its own upstreams first, else the host's, never our own address", "[plan]") {
    const TempFolder folder;
    const auto conf = folder.file("resolv.conf", "nameserver 127.0.0.153\nnameserver 192.0.2.9\n");
    const auto fallback = folder.file("fallback", "listen 127.0.0.153:53\nname db.example\n");
    const auto found = load_fallback(fallback, {folder.path + "/missing", conf}).lists;
    REQUIRE(found.upstreams.size() == 1);
    CHECK(found.upstreams[0].text() == "192.0.2.9:53");
    CHECK(found.names == std::vector<std::string>{"db.example"});
    folder.file("fallback", "upstream 192.0.2.1\n");
    CHECK(load_fallback(fallback, {conf}).lists.upstreams[0].text() == "192.0.2.1:53");
}

TEST_CASE("command line: every mistake says what was expected", "[options]") {
    const auto text = [](std::vector<std::string> arguments) {
        const auto options = parse_options(arguments);
        return options ? std::string("ok") : options.error().text();
    };
    CHECK(text({"--plan", "/run/p/plan", "--plan=/var/p/plan", "--stats", "s", "--fallback", "f"}) == "ok");
    CHECK(text({"--plan", "/run/p/plan", "/var/p/plan", "--stats", "s", "--sockets", "2"}) == "ok");
    CHECK(parse_options({"--plan", "a", "b"})->paths.plans == std::vector<std::string>{"a", "b"});
    CHECK(parse_options({"--plan", "a", "--sockets=4"})->sockets == 4);
    CHECK(text({"--plan", "a", "--sockets", "many"}).find("--sockets is \"many\"") == 0);
    CHECK(text({"--plan", "a", "--sockets", "0"}).find("--sockets is \"0\"") == 0);
    CHECK(text({"--plan", "a", "b", "c"}).find("--plan is given more than twice") == 0);
    CHECK(text({}).find("no plan is given") == 0);
    CHECK(text({"--plan"}).find("--plan has no value") == 0);
    CHECK(text({"--plan", "a", "--bogus"}).find("unknown argument \"--bogus\"") == 0);
    CHECK(text({"--plan", "a", "--stats", "x", "--stats", "y"}).find("--stats is given twice") == 0);
    CHECK(text({"--plan", "a", "--plan", "b", "--plan", "c"}).find("--plan is given more than twice") == 0);
    CHECK(parse_options({"--plan", "/a/plan", "--stats", "/b/stats"})->lock_path() == "/b/resolver.lock");
    CHECK(parse_options({"--plan", "/a/plan"})->lock_path() == "/a/resolver.lock");
}

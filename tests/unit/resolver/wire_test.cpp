// SPDX-License-Identifier: Apache-2.0
// Upstream replies as they are passed on, and TCP framing.
#include "resolver/tcp_framing.h"
#include "tests/unit/catch.h"
#include "tests/unit/resolver/handler_kit.h"

using namespace postern;
using namespace postern::resolver;
using test::Query;

namespace {

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

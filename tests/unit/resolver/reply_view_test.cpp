// SPDX-License-Identifier: Apache-2.0
// Whether the records of an upstream's answer are well-formed and belong to the question.
#include "tests/unit/resolver/handler_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using test::Query;
using Lines = std::vector<std::string>;

namespace {

std::string link_name(int i) {
    return "c" + std::to_string(i) + ".example.";
}

/// c0 → c1 → … → c<n>, and the address of the last one.
Lines chain(int n) {
    Lines out;
    for (int i = 0; i < n; ++i)
        out.push_back(link_name(i) + " 60 IN CNAME " + link_name(i + 1));
    out.push_back(link_name(n) + " 60 IN A 192.0.2.1");
    return out;
}

/// Whether the answer to c0 belongs to it; `last` is set to the end of its chain.
bool belongs(const Lines& answers, resolver::Name* last) {
    const auto query = Query{.name = "c0.example."}.wire();
    resolver::QueryView q;
    REQUIRE(resolver::QueryView::parse(query, &q) == resolver::Parsed::kOk);
    return resolver::answers_belong(test::reply_to(query, 0, answers), q.name, last);
}
bool belongs(const Lines& answers) {
    resolver::Name last;
    return belongs(answers, &last);
}

/// Whether a reply with this record is well-formed.
bool sound(core::ByteView record) {
    const auto query = Query{.name = "c0.example."}.wire();
    auto reply = test::reply_to(query, 0, {}, {}, false);
    core::store_be16(reply.data() + 6, 1);
    reply.insert(reply.end(), record.begin(), record.end());
    resolver::ReplyView view;
    core::Bytes scratch;
    return view.parse(reply, query.size() - 12, &scratch);
}

/// The record with `by` bytes more at its end, or fewer.
core::Bytes resized(const core::Bytes& record, int by) {
    core::Bytes out = record;
    std::uint8_t* const size = out.data() + test::wire_name("c0.example.").size() + 8;
    core::store_be16(size, static_cast<std::uint16_t>(core::load_be16(size) + by));
    out.resize(static_cast<std::size_t>(static_cast<int>(out.size()) + by));
    return out;
}

}  // namespace

// A record that does not fill its RDATA is read differently by different programs. One that does must pass, also if its
// type is hardly used: else the name can't be resolved.
TEST_CASE("reply: names and addresses fill their RDATA", "[reply]") {
    for (const char* record : {"NS ns.example.", "MD ns.example.", "MF ns.example.", "CNAME ns.example.",
                               "MB ns.example.", "MG ns.example.", "MR ns.example.", "PTR ns.example.",
                               "DNAME ns.example.", "MX 10 mail.example.", "MINFO ns.example. mail.example.",
                               "SOA ns.example. root.example. 1 2 3 4 5", "A 192.0.2.1", "AAAA 2001:db8::1"}) {
        CAPTURE(record);
        const auto wire = test::wire_records({std::string("c0.example. 60 IN ") + record});
        CHECK(sound(wire));
        CHECK_FALSE(sound(resized(wire, 1)));
        CHECK_FALSE(sound(resized(wire, -1)));
    }
    // In another class the RDATA of A and AAAA is something else (RFC 1035 3.4.1).
    for (const char* record : {"A 192.0.2.1", "AAAA 2001:db8::1"}) {
        auto wire = resized(test::wire_records({std::string("c0.example. 60 IN ") + record}), 1);
        wire[test::wire_name("c0.example.").size() + 3] = 3;
        CHECK(sound(wire));
    }
}

// What stands behind OPT is another record, or not of this message at all: it must not reach a client as an EDE.
TEST_CASE("reply: an option that runs over the end of OPT is not used", "[reply]") {
    const auto query = Query{.name = "c0.example."}.wire();
    resolver::ReplyView view;  // nothing of the last reply is left in it
    core::Bytes scratch;
    for (const auto& [length, used] : {std::pair{4, true}, std::pair{5, false}, std::pair{300, false}}) {
        CAPTURE(length);
        auto reply = test::reply_to(query, 2, {}, {}, false);
        Query opt;
        opt.edns_size = 1232;
        opt.edns_options = {0, 15, 0, 0, 0, 22, 'n', 'o'};
        core::store_be16(opt.edns_options.data() + 2, static_cast<std::uint16_t>(length));
        opt.add_opt(reply);
        REQUIRE(view.parse(reply, query.size() - 12, &scratch));
        CHECK(view.ede.empty() != used);
    }
}

// OPT is left out, so that what stands behind it moves: a pointer there would lead to other bytes.
TEST_CASE("reply: a record behind OPT is kept if its name does not point there", "[reply]") {
    const auto query = Query{.name = "c0.example."}.wire();
    const core::Bytes opt{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0};
    const core::Bytes rest{0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
    const auto kept = [&](const core::Bytes& first, const core::Bytes& second) {
        auto reply = test::reply_to(query, 0, {}, {}, false);
        core::store_be16(reply.data() + 10, 3);
        for (const auto& part : {opt, first, rest, second, rest})
            reply.insert(reply.end(), part.begin(), part.end());
        resolver::ReplyView view;
        core::Bytes scratch;
        REQUIRE(view.parse(reply, query.size() - 12, &scratch));
        return int{view.sections.additionals};
    };
    const core::Bytes name = test::wire_name("ns.example."), question{0xc0, 12};
    const core::Bytes behind{0xc0, static_cast<std::uint8_t>(query.size() + opt.size())};
    CHECK(kept(name, name) == 2);
    CHECK(kept(question, question) == 2);
    CHECK(kept(name, behind) == 1);
}

TEST_CASE("answers: a chain of up to 64 CNAMEs in any order belongs to its question", "[reply]") {
    // Content networks and mail filters make chains of more than 16.
    for (const int n : {0, 1, 15, 16, 17, 64}) {
        CAPTURE(n);
        auto answers = chain(n);
        resolver::Name last;
        CHECK(belongs(answers, &last));
        CHECK(last == core::ByteView(test::wire_name(link_name(n))));
        std::reverse(answers.begin(), answers.end());
        CHECK(belongs(answers, &last));
        CHECK(last == core::ByteView(test::wire_name(link_name(n))));
    }
    CHECK_FALSE(belongs(chain(65)));
}

TEST_CASE("answers: records in an order that makes the search long are given up", "[reply]") {
    // Chains in reverse are met; thousands of records whose owners jump through a chain are only made to cost time.
    auto answers = chain(64);
    for (int i = 0; i < 300; ++i)
        answers.push_back(link_name(i % 2) + " 60 IN A 192.0.2." + std::to_string(i % 250));
    CHECK_FALSE(belongs(answers));
    auto few = chain(64);
    std::reverse(few.begin(), few.end());
    few.insert(few.begin(), few.front());
    CHECK(belongs(few));
}

TEST_CASE("answers: a loop, a gap or a record of another name does not belong", "[reply]") {
    CHECK_FALSE(belongs({"c0.example. 60 IN CNAME c0.example."}));
    CHECK_FALSE(belongs({"c0.example. 60 IN CNAME c1.example.", "c1.example. 60 IN CNAME c0.example."}));
    auto gap = chain(40);
    gap.erase(gap.begin() + 20);
    CHECK_FALSE(belongs(gap));
    auto other = chain(40);
    other.push_back("evil.example. 60 IN A 203.0.113.66");
    CHECK_FALSE(belongs(other));
    // Many CNAMEs that are no chain are refused without a search through all of them for each.
    Lines many;
    for (int i = 0; i < 1000; ++i)
        many.push_back("c0.example. 60 IN CNAME " + link_name(i % 7));
    CHECK_FALSE(belongs(many));
}

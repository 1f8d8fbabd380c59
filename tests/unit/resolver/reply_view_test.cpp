// SPDX-License-Identifier: Apache-2.0
// Whether the records of an upstream's answer belong to the question.
#include <catch2/catch.hpp>

#include "tests/unit/resolver/handler_kit.h"

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

}  // namespace

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

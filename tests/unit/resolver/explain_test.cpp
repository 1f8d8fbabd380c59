// SPDX-License-Identifier: Apache-2.0
// What the private option says of an answer.
#include "tests/unit/resolver/handler_kit.h"

#include "tests/unit/catch.h"

using namespace postern;

TEST_CASE("explain: verdicts are valid as long as the answer follows them", "[explain]") {
    test::Bench bench;
    bench.use(test::usual_plan());  // its verdicts are valid for 1000 s
    const test::Query query{.edns_size = 1232, .edns_options = {0xfd, 0xe9, 0, 0}};
    const auto says = [&](const std::string& verdicts, std::size_t answers) {
        const auto reply = bench.ask(query);
        CHECK(test::records_of(reply).size() == answers);
        CHECK(test::explanation_of(reply).find(" verdicts=" + verdicts + " ") != std::string::npos);
    };
    says("valid:1000s", 2);
    bench.clock.advance(999 * core::kSecond);
    says("valid:1s", 2);
    bench.clock.advance(core::kSecond);
    says("expired:0s", 3);
    bench.clock.advance(61 * core::kSecond);
    says("expired:61s", 3);
}

TEST_CASE("explain: of a name without verdicts, or without addresses, that is said", "[explain]") {
    for (const bool ready : {true, false}) {
        test::Bench bench;
        auto plan = test::usual_plan();
        plan.owners[0].verdicts_until = 0;
        plan.owners[0].ready = ready;
        bench.use(plan);
        const auto reply = bench.ask(test::Query{.edns_size = 1232, .edns_options = {0xfd, 0xe9, 0, 0}});
        CHECK(test::explanation_of(reply).find(ready ? " verdicts=none " : " verdicts=not_ready ") !=
              std::string::npos);
    }
}

TEST_CASE("explain: the plan's reasons are one line in quotes", "[explain]") {
    test::Bench bench;
    auto plan = test::usual_plan();
    plan.owners[0].explain = "a \"b\" \\ c !\n\td\x1f";
    bench.use(plan);
    const auto reply = bench.ask(test::Query{.edns_size = 1232, .edns_options = {0xfd, 0xe9, 0, 0}});
    CHECK(test::explanation_of(reply).find("why=\"a \\\"b\\\" \\\\ c !  d \"") != std::string::npos);
}

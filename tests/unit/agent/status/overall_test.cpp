// SPDX-License-Identifier: Apache-2.0
#include "agent/status/overall.h"

#include "tests/unit/catch.h"

using namespace postern::agent;

TEST_CASE("overall: the exit code is its number, and the header says it and nothing else", "[status]") {
    CHECK(exit_code(Overall::kGood) == 0);
    CHECK(exit_code(Overall::kDegraded) == 1);
    CHECK(exit_code(Overall::kFailed) == 2);
    CHECK(exit_code(Overall::kUnknown) == 3);
    for (const Overall overall : {Overall::kGood, Overall::kDegraded, Overall::kFailed, Overall::kUnknown})
        CHECK(parse_overall_header(overall_header(overall)) == overall);
    for (const char* other : {"", "4", "-1", "00", "0 ", "good"})
        CHECK_FALSE(parse_overall_header(other));
}

TEST_CASE("overall: failed is worse than degraded, degraded than unknown, unknown than good", "[status]") {
    CHECK(worse(Overall::kGood, Overall::kUnknown) == Overall::kUnknown);
    CHECK(worse(Overall::kUnknown, Overall::kDegraded) == Overall::kDegraded);
    CHECK(worse(Overall::kDegraded, Overall::kFailed) == Overall::kFailed);
    CHECK(worse(Overall::kFailed, Overall::kUnknown) == Overall::kFailed);
}

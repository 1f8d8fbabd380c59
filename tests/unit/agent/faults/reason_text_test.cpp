// SPDX-License-Identifier: Apache-2.0
#include "agent/faults/reason_text.h"

#include <set>

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

TEST_CASE("reason text: every reason has a cause, a next step and an owner, with all names filled in",
          "[reason_text]") {
    const ReasonContext context{.link = "prod", .host = "db.example.com", .ip = "10.0.0.1", .port = 8443};
    std::set<std::string> causes;
    int reasons = 0;
    for (int i = 1; i < static_cast<int>(probe::Reason::kCount); ++i, ++reasons) {
        const auto reason = static_cast<probe::Reason>(i);
        INFO(probe::to_string(reason));
        for (const ReasonContext& where : {context, ReasonContext{}}) {
            CHECK_FALSE(reason_cause(reason, where).empty());
            if (reason != probe::Reason::kLocalCancelled) CHECK_FALSE(reason_fix(reason, where).empty());
            for (const std::string& text : {reason_cause(reason, where), reason_fix(reason, where)})
                CHECK(text.find_first_of("{}") == std::string::npos);
        }
        CHECK_FALSE(reason_owner(reason).empty());
        causes.insert(reason_cause(reason, context));
    }
    CHECK(reasons >= 39);
    CHECK(causes.size() == static_cast<std::size_t>(reasons));
}

TEST_CASE("reason text: a success has nothing to fix", "[reason_text]") {
    CHECK(reason_cause(probe::Reason::kNone, {}) == "answers");
    CHECK(reason_fix(probe::Reason::kNone, {}).empty());
    CHECK(reason_owner(probe::Reason::kNone).empty());
}

// SPDX-License-Identifier: Apache-2.0
#include "core/temporary_name.h"

#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("files: what an interrupted write leaves is told from other files by its name", "[files]") {
    CHECK(is_temporary_of(temporary_beside("plan"), "plan"));
    CHECK(is_temporary_of("plan.tmp-17", "plan"));
    for (const char* other : {"plan", "plan.tmp-", "plan.tmp-1x", "plan.tmp", "plan2.tmp-17", "xplan.tmp-17", ""})
        CHECK_FALSE(is_temporary_of(other, "plan"));
}

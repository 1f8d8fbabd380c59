// SPDX-License-Identifier: Apache-2.0
#include "core/journal_priority.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "core/fd.h"
#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("journal: lines have a priority where the descriptor is the journal's, and there alone", "[log]") {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const UniqueFd in(ends[0]), out(ends[1]);
    struct stat st;
    REQUIRE(::fstat(out.get(), &st) == 0);
    ::unsetenv("JOURNAL_STREAM");
    CHECK(journal_priority(out.get(), Level::kWarning).empty());
    const std::string stream = std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
    ::setenv("JOURNAL_STREAM", (stream + "0").c_str(), 1);
    CHECK(journal_priority(out.get(), Level::kWarning).empty());
    ::setenv("JOURNAL_STREAM", stream.c_str(), 1);
    CHECK(journal_priority(out.get(), Level::kError) == "<3>");
    CHECK(journal_priority(out.get(), Level::kWarning) == "<4>");
    CHECK(journal_priority(out.get(), Level::kInfo) == "<6>");
    CHECK(journal_priority(out.get(), Level::kDebug) == "<7>");
    ::unsetenv("JOURNAL_STREAM");
}

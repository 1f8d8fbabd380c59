// SPDX-License-Identifier: Apache-2.0
#include "core/error.h"

#include <cerrno>

#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("error: what, errno and hint in one line", "[error]") {
    CHECK(Error{Code::kTimeout, "no reply", "", 0}.text() == "no reply");
    CHECK(Error{Code::kTimeout, "no reply", "try again", 0}.text() == "no reply (try again)");
    CHECK(Error{Code::kFileMissing, "can't read f", "write it", ENOENT}.text() ==
          "can't read f: No such file or directory (write it)");
}

TEST_CASE("error: a hint stands once, however often the error was wrapped", "[error]") {
    const Error inner{Code::kTimeout, "no reply", "try again", 0};
    const Error wrapped{Code::kTimeout, "the role: " + inner.text(), inner.hint, 0};
    CHECK(wrapped.text() == "the role: no reply (try again)");
    const Error twice{Code::kTimeout, "the profile: " + wrapped.text(), wrapped.hint, 0};
    CHECK(twice.text() == "the profile: the role: no reply (try again)");
    // The same words as part of the fact are no hint.
    CHECK(Error{Code::kTimeout, "it said try again", "try again", 0}.text() == "it said try again (try again)");
}

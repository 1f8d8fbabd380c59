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

TEST_CASE("error: as a message it keeps its parts", "[error]") {
    const Error inner{Code::kFileMissing, message("cannot read {}", "f"), "try again", ENOENT};
    CHECK(inner.told() == "cannot read f: No such file or directory");
    CHECK(inner.whole() == inner.text());
    const Error wrapped{Code::kFileMissing, message("the role: {}", inner.told()), inner.hint, 0};
    CHECK(wrapped.text() == "the role: cannot read f: No such file or directory (try again)");  // the hint stands once
    CHECK(wrapped.what.values().front().values().front() == inner.what);
}

// SPDX-License-Identifier: Apache-2.0
#include "core/message.h"
#include "tests/unit/catch.h"

using namespace postern::core;

TEST_CASE("message: the English form is filled in, and what fills it is kept", "[core]") {
    const Message cause = message("cannot connect to {}", "db.example:443");
    const Message m = message("{} at {}: {}", "Ask", std::string("a"), cause);
    CHECK(m.text() == "Ask at a: cannot connect to db.example:443");
    CHECK(m.form() == "{} at {}: {}");
    REQUIRE(m.values().size() == 3);
    CHECK(m.values()[1].form().empty());  // verbatim
    CHECK(m.values()[2] == cause);
    CHECK(message("{} of {}", 3, -4) == "3 of -4");
}

TEST_CASE("message: a literal is a form without values, another text is verbatim", "[core]") {
    CHECK(Message("no reply").form() == "no reply");
    CHECK(Message(std::string("no reply")).form().empty());
    CHECK(Message().empty());
    CHECK(Message("{\"code\":0}").text() == "{\"code\":0}");  // not filled
}

TEST_CASE("message: places are filled in order or by number, other braces stay", "[core]") {
    CHECK(filled("{} {}", {"a", "b"}) == "a b");
    CHECK(filled("{1} {0}", {"a", "b"}) == "b a");
    CHECK(filled("{0} {0}", {"a"}) == "a a");
    CHECK(filled("{\"code\":{}}", {"7"}) == "{\"code\":7}");
    CHECK(filled("{} {}", {"{}"}) == "{} ");  // a value is not a form; a missing one is nothing
    CHECK(filled("{", {}) == "{");
}

TEST_CASE("message: lists", "[core]") {
    Message list;
    add_item(list, "a");
    add_item(list, "b");
    CHECK(list == "a, b");
    add_sentence(list, message("{} more", 2));
    CHECK(list == "a, b; 2 more");
    CHECK(list.in_english("a…").text() == "a…");
    CHECK(list.in_english("a…").values() == list.values());
}

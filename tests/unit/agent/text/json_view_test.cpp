// SPDX-License-Identifier: Apache-2.0
#include "agent/text/json_view.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Code;

namespace {

JsonView json(std::string_view text) {
    auto view = JsonView::parse(text);
    REQUIRE(view);
    return *view;
}

std::string nested(int depth) {
    const auto n = static_cast<std::size_t>(depth);
    return std::string(n, '[') + std::string(n, ']');
}

}  // namespace

TEST_CASE("json view: a missing node is as good as null, however long the chain", "[json_view]") {
    const JsonView view = json(R"({"a":{"b":1},"n":null,"s":"x"})");
    CHECK(view.at("a").at("b").integer() == 1);
    for (const JsonView& none : {JsonView(), view.at("n"), view.at("z"), view.at("z").at("y").at("x"),
                                 view.at("s").at("y"), view.at("a").at("b").at("c")}) {
        CHECK(none.is_null());
        CHECK_FALSE(none.is_object());
        CHECK_FALSE(none.is_array());
        CHECK(none.text().empty());
        CHECK_FALSE(none.integer());
        CHECK_FALSE(none.boolean());
        CHECK(none.items().empty());
        CHECK(none.members().empty());
    }
}

TEST_CASE("json view: of several spellings the first that is there and not null", "[json_view]") {
    const JsonView view = json(R"({"A":null,"b":"","C":"c"})");
    CHECK(view.at({"A", "C", "b"}).text() == "c");
    CHECK_FALSE(view.at({"A", "b", "C"}).is_null());
    CHECK(view.at({"A", "b", "C"}).text().empty());
    CHECK(view.at({"x", "y"}).is_null());
}

TEST_CASE("json view: numbers and booleans, plain or as strings", "[json_view]") {
    const JsonView view = json(
        R"({"n":7,"s":"7","neg":-7,"big":9223372036854775807,"most":18446744073709551615,"more":18446744073709551616,
            "exact":"9007199254740993","f":7.5,"e":7e2,"blank":" 7","plus":"+7","hex":"0x7","tail":"7 ","empty":"",
            "t":true,"ts":"true","Ts":"True","f1":false,"f2":"False","odd":"yes","one":1,"list":[7],"object":{}})");
    CHECK(view.at("n").integer() == 7);
    CHECK(view.at("s").integer() == 7);
    CHECK(view.at("neg").integer() == -7);
    CHECK(view.at("big").integer() == INT64_MAX);
    CHECK(view.at("exact").integer() == 9007199254740993);  // a double has not this one
    CHECK(view.at("most").text() == "18446744073709551615");
    for (const char* key : {"most", "more", "f", "e", "blank", "plus", "hex", "tail", "empty", "t", "list", "object"}) {
        INFO(key);
        CHECK_FALSE(view.at(key).integer());
    }
    CHECK(view.at("t").boolean() == true);
    CHECK(view.at("ts").boolean() == true);
    CHECK(view.at("Ts").boolean() == true);
    CHECK(view.at("f1").boolean() == false);
    CHECK(view.at("f2").boolean() == false);
    for (const char* key : {"odd", "one", "empty", "list"})
        CHECK_FALSE(view.at(key).boolean());
    CHECK(view.at("t").text() == "true");
    CHECK(view.at("list").text().empty());
    CHECK(view.at("object").text().empty());
}

TEST_CASE("json view: lists and members; of other nodes there are none", "[json_view]") {
    const JsonView view = json(R"({"list":[1,"2",{"x":3}],"object":{"b":1,"a":2}})");
    const auto items = view.at("list").items();
    REQUIRE(items.size() == 3);
    CHECK(items[1].integer() == 2);
    CHECK(items[2].at("x").integer() == 3);
    const auto members = view.at("object").members();
    REQUIRE(members.size() == 2);
    CHECK(members[0].first + members[1].first == "ab");
    CHECK(view.at("object").items().empty());
    CHECK(view.at("list").members().empty());
}

TEST_CASE("json view: a node outlives the view that it came from", "[json_view]") {
    JsonView kept;
    {
        const auto view = JsonView::parse(R"({"a":[{"b":"kept"}]})");
        REQUIRE(view);
        kept = view->at("a").items().at(0).at("b");
    }
    CHECK(kept.text() == "kept");
}

TEST_CASE("json view: what is no JSON is named for what it looks like", "[json_view]") {
    struct Case {
        std::string text;
        const char* what;
    };
    const Case cases[] = {
        {"", "an empty body"},
        {" \r\n\t", "an empty body"},
        {"<html>502</html>", "an HTML or XML page"},
        {"\n <?xml?>", "an HTML or XML page"},
        {R"({"a":)", "JSON that is cut off or damaged"},
        {R"({"a":1}})", "JSON that is cut off or damaged"},
        {"[1,", "JSON that is cut off or damaged"},
        {"{\"a\":\"\xff\xfe\"}", "JSON that is cut off or damaged"},  // no UTF-8
        {std::string("{\"a\":\"\0\"}", 9), "JSON that is cut off or damaged"},
        {"]]]]", "something that is not JSON"},
        {"upstream connect error", "something that is not JSON"},
        {std::string("\0", 1), "something that is not JSON"},
    };
    for (const auto& c : cases) {
        INFO(c.text);
        const auto view = JsonView::parse(c.text);
        REQUIRE_FALSE(view);
        CHECK(view.error().code == Code::kApiBadReply);
        CHECK(view.error().what == c.what);
    }
}

TEST_CASE("json view: size and depth have bounds", "[json_view]") {
    CHECK(JsonView::parse("[1]", 3));
    const auto large = JsonView::parse("[12]", 3);
    REQUIRE_FALSE(large);
    CHECK(large.error().code == Code::kTooLarge);
    CHECK(JsonView::parse(nested(32)));
    CHECK_FALSE(JsonView::parse(nested(33)));
    CHECK(JsonView::parse(nested(4), 100, 4));
    CHECK_FALSE(JsonView::parse(nested(5), 100, 4));
    CHECK_FALSE(JsonView::parse(R"({"a":{"b":{"c":1}}})", 100, 2));
    const auto deep = JsonView::parse(std::string(1 << 20, '['));
    REQUIRE_FALSE(deep);
    CHECK(deep.error().code == Code::kApiBadReply);
    CHECK(JsonView::parse(R"({"a":"[[[[[[\"[[[[[["})", 100, 1));  // brackets of a text are no depth
    CHECK(JsonView::parse(R"({"a\\":{"b":1}})", 100, 2));
    CHECK_FALSE(JsonView::parse(R"({"a\\":{"b":1}})", 100, 1));
}

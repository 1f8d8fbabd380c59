// SPDX-License-Identifier: Apache-2.0
#include "agent/text/message_json.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using core::Message;
using core::message;

namespace {

Message again(const std::string& json, std::string_view text) {
    const auto view = JsonView::parse(json);
    return read_message(view ? *view : JsonView(), text);
}

}  // namespace

TEST_CASE("message_json: a message is the same after it was written and read", "[text]") {
    for (const Message& m :
         {Message("is empty"), Message(std::string("verbatim \"\n")), Message(),
          message("{}: {}", message("cannot read {}", "/etc/x\x01"), std::string("Permission denied"))}) {
        INFO(message_json(m));
        CHECK(again(message_json(m), m.text()) == m);
    }
}

TEST_CASE("message_json: what is written can be read, however deep it was", "[text]") {
    Message deep("is empty");
    for (int i = 0; i < 40; ++i) {
        deep = message("{}: {}", std::string("x"), deep);
        const auto read = JsonView::parse(message_json(deep));
        REQUIRE(read);
        CHECK(read_message(*read, deep.text()).text() == deep.text());
    }
}

TEST_CASE("message_json: what says something else than the text is not believed", "[text]") {
    const Message text(std::string("the text"));
    CHECK(again(message_json(Message("is empty")), "the text") == text);
    CHECK(read_message(JsonView(), "the text") == text);
    for (const std::string json :
         {"[]", "7", "{}", "{\"form\":[],\"values\":{}}", "{\"form\":\"the {}\",\"values\":[{}]}"}) {
        INFO(json);
        CHECK(again(json, "the text") == text);
    }
    std::string deep = "\"x\"";
    for (int i = 0; i < 14; ++i)
        deep = "{\"form\":\"{}\",\"values\":[" + deep + "]}";
    CHECK(again(deep, "x") == Message(std::string("x")));
}

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "agent/text/dns_text.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;

namespace {

std::string text_of(std::string_view wire) {
    return name_text(core::as_bytes(wire));
}

}  // namespace

TEST_CASE("dns text: a name of wire as people write it", "[dns_text]") {
    using namespace std::string_view_literals;
    CHECK(text_of("\x02"
                  "db\x07"
                  "example\x03"
                  "com\x00"sv) == "db.example.com");
    CHECK(text_of("\x02"
                  "Db\x02_x\x00"sv) == "Db._x");
    CHECK(text_of("\x00"sv) == ".");
    CHECK(text_of("") == ".");
    CHECK(text_of("\x01"
                  "a\x00\x01"
                  "b"sv) == "a");  // what follows the root belongs to something else
}

TEST_CASE("dns text: whatever is in a name, its text can be printed and its labels told apart", "[dns_text]") {
    using namespace std::string_view_literals;
    CHECK(text_of("\x05"
                  "a.b\\c\x01"
                  "d\x00"sv) == "a\\046b\\092c.d");
    CHECK(text_of("\x04\x1b[2J\x02\xc3\xa9\x01\x00\x00"sv) == "\\027[2J.\\195\\169.\\000");
    CHECK(text_of("\x03 \x7f\xff\x00"sv) == "\\032\\127\\255");
    std::string every("\xff");
    for (int c = 1; c < 256; ++c)
        every += static_cast<char>(c);
    const std::string text = text_of(every);
    CHECK(text.size() > 255);
    CHECK(std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; }));
}

TEST_CASE("dns text: wire that is cut off gives what is there", "[dns_text]") {
    const std::string whole(
        "\x02"
        "db\x07"
        "example\x03"
        "com\x00",
        16);
    const std::string text = text_of(whole);
    REQUIRE(text == "db.example.com");
    for (std::size_t size = 1; size < whole.size(); ++size) {
        INFO(size);
        const std::string part = text_of(whole.substr(0, size));
        CHECK((part == "." || text.starts_with(part.substr(0, part.find_last_not_of('.') + 1))));
    }
    CHECK(text_of("\x3f") == ".");
    CHECK(text_of("\xc0\x0c") == "\\012");  // a compression pointer is no such thing here
}

TEST_CASE("dns text: types and response codes have their names, others their number", "[dns_text]") {
    CHECK(type_text(1) == "A");
    CHECK(type_text(28) == "AAAA");
    CHECK(type_text(12) == "PTR");
    CHECK(type_text(255) == "ANY");
    CHECK(type_text(65280) == "TYPE65280");
    CHECK(type_text(65535) == "TYPE65535");
    CHECK(rcode_text(0) == "NOERROR");
    CHECK(rcode_text(2) == "SERVFAIL");
    CHECK(rcode_text(3) == "NXDOMAIN");
    CHECK(rcode_text(5) == "REFUSED");
    CHECK(rcode_text(16) == "BADVERS");
    CHECK(rcode_text(23) == "RCODE23");
    for (int code = 0; code < 0x10000; code += code < 32 ? 1 : 997) {
        INFO(code);
        CHECK_FALSE(rcode_text(static_cast<std::uint16_t>(code)).empty());
        CHECK_FALSE(type_text(static_cast<std::uint16_t>(code)).empty());
    }
}

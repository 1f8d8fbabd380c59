// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/resolver/handler_kit.h"

#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::resolver;
using test::Query;

namespace {

Parsed parse(const core::Bytes& packet, QueryView* view) {
    return QueryView::parse(packet, view);
}

}  // namespace

TEST_CASE("query: a name is lower-cased for the lookup, and its case is kept for the reply", "[query]") {
    QueryView q;
    const auto wire = Query{.name = "Db.ExAmple."}.wire();
    REQUIRE(parse(wire, &q) == Parsed::kOk);
    CHECK(q.name == ByteView(*name_from_text("db.example")));
    CHECK(core::as_text(q.question).find("ExAmple") != std::string_view::npos);
    CHECK(q.type == 1);
    CHECK_FALSE(q.edns.present);
}

TEST_CASE("query: what can't be answered is dropped, what is malformed is FORMERR", "[query]") {
    QueryView q;
    const auto good = Query{}.wire();
    CHECK(parse(core::Bytes(11), &q) == Parsed::kDropShort);
    auto response = good;
    response[2] = static_cast<std::uint8_t>(response[2] | 0x80);
    CHECK(parse(response, &q) == Parsed::kDropResponse);
    for (std::size_t cut = 12; cut < good.size(); ++cut) {
        CHECK(parse(core::Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(cut)), &q) ==
              Parsed::kFormErr);
    }
    // A record that is not whole could be the OPT that says how large the reply may be.
    const auto with_opt = Query{.edns_size = 1232}.wire();
    for (std::size_t cut = good.size(); cut < with_opt.size(); ++cut) {
        CHECK(parse(core::Bytes(with_opt.begin(), with_opt.begin() + static_cast<std::ptrdiff_t>(cut)), &q) ==
              Parsed::kFormErr);
    }
    for (const int questions : {0, 2}) {
        auto wrong = good;
        wrong[5] = static_cast<std::uint8_t>(questions);
        CHECK(parse(wrong, &q) == Parsed::kFormErr);
    }
    auto pointer = good;
    pointer[12] = 0xc0;
    pointer[13] = 0x0c;  // to itself
    CHECK(parse(pointer, &q) == Parsed::kFormErr);
    auto label = good;
    label[12] = 0x42;  // a label type that RFC 6891 5 has removed
    CHECK(parse(label, &q) == Parsed::kFormErr);
}

TEST_CASE("query: OPT is found anywhere in the additional section, and only once", "[query]") {
    Query with;
    with.edns_size = 1400;
    with.dnssec_ok = true;
    QueryView q;
    auto wire = with.wire();
    REQUIRE(parse(wire, &q) == Parsed::kOk);
    CHECK((q.edns.present && q.edns.dnssec_ok && q.edns.udp_size == 1400));

    auto behind = Query{}.wire();
    const auto a = test::wire_records({"x.example. 0 IN A 192.0.2.1"});
    behind.insert(behind.end(), a.begin(), a.end());
    core::store_be16(behind.data() + 10, 1);
    with.add_opt(behind);
    behind.insert(behind.end(), a.begin(), a.end());
    core::store_be16(behind.data() + 10, 3);
    REQUIRE(parse(behind, &q) == Parsed::kOk);
    CHECK(q.edns.present);

    with.add_opt(wire);
    CHECK(parse(wire, &q) == Parsed::kFormErr);
}

// A record of another section is not about this message. Who sends it there is refused, not answered as if it had none.
TEST_CASE("query: OPT in another section than the additional one is FORMERR", "[query]") {
    Query with;
    with.edns_size = 1232;
    const auto opt_in = [&](std::size_t section) {
        auto wire = with.wire();
        core::store_be16(wire.data() + 10, 0);
        core::store_be16(wire.data() + section, 1);
        QueryView q;
        return parse(wire, &q);
    };
    CHECK(opt_in(6) == Parsed::kFormErr);
    CHECK(opt_in(8) == Parsed::kFormErr);
    CHECK(opt_in(10) == Parsed::kOk);
}

TEST_CASE("query: an option that runs over the end of OPT is FORMERR, an unknown one is ignored", "[query]") {
    Query with;
    with.edns_size = 1232;
    QueryView q;
    with.edns_options = {0x12, 0x34, 0, 2, 1, 2};
    CHECK(parse(with.wire(), &q) == Parsed::kOk);
    with.edns_options = {0x12, 0x34, 0, 3, 1, 2};
    CHECK(parse(with.wire(), &q) == Parsed::kFormErr);
    with.edns_options = {0xfd, 0xe9, 0, 0};
    REQUIRE(parse(with.wire(), &q) == Parsed::kOk);
    CHECK(q.edns.explain);
    with.edns_version = 1;
    CHECK(parse(with.wire(), &q) == Parsed::kBadVers);
}

TEST_CASE("query: another opcode is NOTIMP, with question and OPT where they can be read", "[query]") {
    Query with;
    with.flags = 0x2900;  // UPDATE
    with.edns_size = 1232;
    QueryView q;
    CHECK(parse(with.wire(), &q) == Parsed::kNotImp);
    CHECK(q.edns.present);
}

TEST_CASE("names: a pointer must lead backwards and a name must end within 255 bytes", "[name]") {
    core::Bytes message(12);
    const auto add = [&](std::initializer_list<int> bytes) {
        for (const int b : bytes)
            message.push_back(static_cast<std::uint8_t>(b));
    };
    add({3, 'A', 'b', 'c', 0});  // 12: abc
    add({1, 'x', 0xc0, 12});     // 17: x.abc
    add({0xc0, 21});             // 21: itself
    add({0xc0, 25, 0, 0});       // 23: forwards
    Name name;
    CHECK(read_name(message, 12, &name) == 17);
    CHECK(name == ByteView(*name_from_text("abc")));
    CHECK(read_name(message, 17, &name) == 21);
    CHECK(name == ByteView(*name_from_text("x.abc")));
    CHECK(read_name(message, 21, &name) == 0);
    CHECK(read_name(message, 23, &name) == 0);
    core::Bytes longest(12);
    for (int i = 0; i < 5; ++i) {
        longest.push_back(63);
        longest.insert(longest.end(), 63, 'a');
    }
    longest.push_back(0);
    CHECK(read_name(longest, 12, &name) == 0);
}

TEST_CASE("names: a label of 63 bytes and a name of 255 are the longest", "[name]") {
    const auto text_of = [](std::size_t last) {
        const std::string label(63, 'a');
        return label + "." + label + "." + label + "." + std::string(last, 'b');
    };
    const auto longest = name_from_text(text_of(61));
    REQUIRE(longest);
    REQUIRE(longest->size() == 255);
    CHECK_FALSE(name_from_text(text_of(62)));
    core::Bytes message(12);
    message.insert(message.end(), longest->begin(), longest->end());
    Name name;
    CHECK(read_name(message, 12, &name) == message.size());
    CHECK(name == ByteView(*longest));
    core::Bytes longer(12);
    longer.insert(longer.end(), {1, 'x'});
    longer.insert(longer.end(), longest->begin(), longest->end());
    CHECK(read_name(longer, 12, &name) == 0);
}

TEST_CASE("names: text becomes lower-case wire format", "[name]") {
    CHECK(*name_from_text("Db.COM") == core::Bytes{2, 'd', 'b', 3, 'c', 'o', 'm', 0});
    CHECK(*name_from_text("Db.COM.") == *name_from_text("Db.COM"));
    CHECK(*name_from_text(".") == core::Bytes{0});
    CHECK_FALSE(name_from_text("a..b"));
    CHECK_FALSE(name_from_text(std::string(64, 'a')));
    CHECK(is_within(*name_from_text("a.b.c"), *name_from_text("b.c")));
    CHECK(is_within(*name_from_text("b.c"), *name_from_text("b.c")));
    CHECK_FALSE(is_within(*name_from_text("ab.c"), *name_from_text("b.c")));
}

TEST_CASE("clients: allow prefixes are tested on IPv4, IPv6 and mapped addresses", "[allow]") {
    const ClientFilter filter({*core::IpPrefix::parse("127.0.0.0/8"), *core::IpPrefix::parse("10.1.2.0/23"),
                               *core::IpPrefix::parse("fd00::/8")});
    const auto allowed = [&](const char* address) { return filter.allows(test::client_at(address).peer); };
    CHECK(allowed("127.9.9.9:1"));
    CHECK(allowed("10.1.3.255:1"));
    CHECK_FALSE(allowed("10.1.4.0:1"));
    CHECK(allowed("[fd12::1]:1"));
    CHECK_FALSE(allowed("[::1]:1"));
    CHECK(allowed("[::ffff:127.0.0.1]:1"));
    CHECK(is_loopback(test::client_at("[::ffff:127.0.0.1]:1").peer));
    CHECK(ClientFilter({*core::IpPrefix::parse("0.0.0.0/0")}).allows(test::client_at("8.8.8.8:1").peer));
}

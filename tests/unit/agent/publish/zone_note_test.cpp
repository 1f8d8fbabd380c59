// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_note.h"

#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent::publish;

namespace {

const Note kNote{"host-a", "0123456789abcdef", kNow, "fedcba9876543210", kNow - core::kMinute};

}  // namespace

TEST_CASE("note: written and read again", "[publish]") {
    CHECK(
        format_note(kNote) ==
        "v=postern1;by=host-a;wants=0123456789abcdef;at=2026-01-02T03:04:05Z;did=fedcba9876543210;since=2026-01-02T03:03:05Z");
    CHECK(parse_note(format_note(kNote)) == kNote);
    CHECK(parse_note("\"" + format_note(kNote) + "\"") == kNote);
    const Note quiet{"host-a", "0123456789abcdef", kNow, "", 0};
    CHECK(parse_note(format_note(quiet)) == quiet);
    const Note longest{std::string(kMaxPublisher, 'x'), kNote.wants, kNow, kNote.did, kNow};
    CHECK(format_note(longest).size() <= 255);
    CHECK(parse_note(format_note(longest)) == longest);
}

TEST_CASE("note: any other text is none", "[publish]") {
    const std::string good = format_note(kNote);
    for (const std::string& text :
         {std::string(), std::string("\""), std::string("v=spf1 -all"), good + ";by=host-b", good.substr(1),
          good.substr(0, good.size() - 1), std::string("v=postern2") + good.substr(10), good + std::string(300, 'x'),
          std::string("v=postern1;by=a b;wants=0123456789abcdef;at=2026-01-02T03:04:05Z"),
          std::string("v=postern1;by=a;wants=0123;at=2026-01-02T03:04:05Z"),
          std::string("v=postern1;by=a;wants=0123456789abcdef;at=now"),
          std::string(
              "v=postern1;by=a;wants=0123456789abcdef;at=2026-01-02T03:04:05Z;did=x;since=2026-01-02T03:04:05Z"),
          std::string("v=postern1;by=;wants=0123456789abcdef;at=2026-01-02T03:04:05Z"), std::string(";;;;"),
          std::string("=;=;=")}) {
        INFO(text);
        CHECK_FALSE(parse_note(text));
    }
}

TEST_CASE("note: only in a record that is ours, beside the name", "[publish]") {
    ZoneRecord record{
        .id = "1", .rr = "_postern", .type = "TXT", .value = format_note(kNote), .remark = std::string(kMark)};
    CHECK(note_in(record) == kNote);
    for (auto change : {+[](ZoneRecord& r) { r.remark = ""; }, +[](ZoneRecord& r) { r.rr = "@"; },
                        +[](ZoneRecord& r) { r.type = "A"; }, +[](ZoneRecord& r) { r.value = "x"; }}) {
        ZoneRecord other = record;
        change(other);
        CHECK_FALSE(note_in(other));
    }
}

TEST_CASE("note: fresh for ten minutes, in both directions of a clock's error", "[publish]") {
    CHECK(is_fresh(kNote, kNow));
    CHECK(is_fresh(kNote, kNow + 9 * core::kMinute));
    CHECK_FALSE(is_fresh(kNote, kNow + 10 * core::kMinute));
    CHECK(is_fresh(kNote, kNow - 9 * core::kMinute));
    CHECK_FALSE(is_fresh(kNote, kNow - core::kDay));
}

TEST_CASE("note: names of publishers", "[publish]") {
    for (const char* good : {"a", "host-1.example_2", "iZbp1"})
        CHECK(is_publisher(good));
    for (const char* bad : {"", "a b", "a;b", "a=b", "ä", "a\"b"})
        CHECK_FALSE(is_publisher(bad));
    CHECK_FALSE(is_publisher(std::string(64, 'x')));
}

// SPDX-License-Identifier: Apache-2.0
#include "agent/publish/zone_plan.h"

#include "tests/unit/agent/publish/memory_zones.h"
#include "tests/unit/catch.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::agent::publish;
using Kind = Step::Kind;
using Left = ZonePlan::Left;

namespace {

const EndpointSet kTwo = {at("10.0.1.23", "cn-hangzhou-h"), at("10.0.2.9", "cn-hangzhou-i")};
const EndpointSet kOne = {at("10.0.1.23", "cn-hangzhou-h")};
const EndpointSet kOther = {at("10.0.1.99", "cn-hangzhou-h")};

std::vector<std::string> kinds(const ZonePlan& plan) {
    std::vector<std::string> out;
    for (const auto& step : plan.steps)
        out.emplace_back(to_string(step.kind));
    return out;
}
using Steps = std::vector<std::string>;

std::string set_of(const EndpointSet& addresses) {
    return fingerprint(wanted_records(addresses, true, 30));
}

ZoneRecord ours(ZoneRecord record, const char* id) {
    record.id = id;
    return record;
}

/// A zone of ours with these addresses, bound, with the note of the publisher that did it, a minute ago.
PrivateZone published(const EndpointSet& addresses, const char* publisher = "host-a",
                      core::Micros age = core::kMinute) {
    PrivateZone zone{.id = "z", .name = "db.example.com", .remark = std::string(kMark), .fast = true, .vpcs = {kVpc}};
    int id = 1;
    for (const auto& record : wanted_records(addresses, true, 30))
        zone.records.push_back(ours(record, std::to_string(id++).c_str()));
    zone.records.push_back(
        {.id = "n",
         .rr = "_postern",
         .type = "TXT",
         .value = format_note({publisher, set_of(addresses), kNow - age, set_of(addresses), kNow - age}),
         .ttl_s = 30,
         .remark = std::string(kMark)});
    return zone;
}

ZoneRecord note_record(const Note& note, const char* id) {
    return {.id = id,
            .rr = "_postern",
            .type = "TXT",
            .value = format_note(note),
            .ttl_s = 30,
            .remark = std::string(kMark)};
}

ZonePlan plan(const EndpointSet& addresses, const PrivateZone& there, const char* publisher = "host-a") {
    return plan_zone(wish_for(addresses, publisher), &there, false, kNow);
}

}  // namespace

TEST_CASE("zone plan: from nothing: the zone, its records, and only then the VPC", "[publish]") {
    const auto p = plan_zone(wish_for(kTwo), nullptr, false, kNow);
    CHECK(kinds(p) == Steps{"make_zone", "mark_zone", "note", "add", "add", "add", "add", "bind"});
    CHECK(p.left == Left::kNothing);
    CHECK(p.steps.back().vpcs == std::vector<BoundVpc>{kVpc});
    CHECK(p.changes());
}

TEST_CASE("zone plan: as it should be: nothing, but a note when the last one is half as old as it may be",
          "[publish]") {
    CHECK(plan(kTwo, published(kTwo)).steps.empty());
    CHECK_FALSE(plan(kTwo, published(kTwo)).changes());
    CHECK(plan(kTwo, published(kTwo, "host-a", 4 * core::kMinute)).steps.empty());
    const auto old = plan(kTwo, published(kTwo, "host-a", 6 * core::kMinute));
    REQUIRE(kinds(old) == Steps{"note"});
    CHECK_FALSE(old.changes());
    CHECK(old.steps[0].record.id == "n");  // its own, in place
    const auto note = parse_note(old.steps[0].record.value);
    CHECK(note->written_wall_us == kNow);
    CHECK(note->changed_wall_us == kNow - 6 * core::kMinute);  // nothing was changed now
}

TEST_CASE("zone plan: a new address is added before the old one is deleted", "[publish]") {
    const auto p = plan(kOther, published(kOne));
    REQUIRE(kinds(p) == Steps{"note", "add", "delete"});
    CHECK(p.steps[1].record.value == "10.0.1.99");
    CHECK(p.steps[1].record.remark == kMark);
    CHECK(p.steps[2].record.value == "10.0.1.23");
    CHECK(p.steps[2].record.id == "1");
    const auto note = parse_note(p.steps[0].record.value);
    CHECK(note->did == set_of(kOther));
    CHECK(note->changed_wall_us == kNow);
}

TEST_CASE("zone plan: another TTL changes the record in place; the order of the API's list does not matter",
          "[publish]") {
    auto there = published(kTwo);
    there.records[2].ttl_s = 60;
    std::reverse(there.records.begin(), there.records.end());
    const auto p = plan(kTwo, there);
    REQUIRE(kinds(p) == Steps{"update"});  // of the change that was begun a minute ago
    CHECK(p.steps[0].record.id == "3");
    CHECK(p.steps[0].record.ttl_s == 30);
}

TEST_CASE("zone plan: without an address nothing is changed", "[publish]") {
    for (const auto& there : {published(kTwo), PrivateZone{}}) {
        const auto p = plan({}, there);
        CHECK(p.steps.empty());
        CHECK(p.left == Left::kNoAddress);
    }
    CHECK(plan_zone(wish_for({}), nullptr, false, kNow).steps.empty());
}

TEST_CASE("zone plan: a foreign record of the name is a conflict, one beside it is not", "[publish]") {
    struct Case {
        const char* rr;
        const char* type;
        const char* remark;
        bool conflict;
    };
    for (const Case& c :
         {Case{"@", "A", "", true}, Case{"@", "AAAA", "by hand", true}, Case{"@", "CNAME", "", true},
          Case{"@", "A", "Managed by Postern", true}, Case{"www", "A", "", false}, Case{"*", "CNAME", "", false},
          Case{"@", "TXT", "", false}, Case{"_postern", "TXT", "", false}}) {
        INFO(c.rr << " " << c.type << " " << c.remark);
        auto there = published(kOne);
        there.records.push_back({.id = "x", .rr = c.rr, .type = c.type, .value = "10.9.9.9", .remark = c.remark});
        const auto p = plan(kOther, there);
        CHECK((p.left == Left::kForeignRecord) == c.conflict);
        CHECK(p.steps.empty() == c.conflict);
        for (const auto& step : p.steps)
            CHECK(step.record.id != "x");
        if (c.conflict) CHECK(p.why.find("10.9.9.9") != std::string::npos);
    }
}

TEST_CASE("zone plan: binding keeps the VPCs that are bound", "[publish]") {
    auto there = published(kOne);
    there.vpcs = {{"cn-beijing", "vpc-9", "EDS"}};
    const auto p = plan(kOne, there);
    REQUIRE(kinds(p) == Steps{"bind"});
    CHECK(p.steps[0].vpcs == std::vector<BoundVpc>{{"cn-beijing", "vpc-9", "EDS"}, kVpc});
    there.vpcs.push_back({"cn-hangzhou", "vpc-1", "STANDARD"});
    CHECK(plan(kOne, there).steps.empty());
}

TEST_CASE("zone plan: a zone of others is used, not marked; a NORMAL_ZONE gets no lines", "[publish]") {
    PrivateZone there{.id = "z", .name = "db.example.com", .vpcs = {kVpc}};
    const auto p = plan(kTwo, there);
    CHECK(kinds(p) == Steps{"note", "add", "add"});
    CHECK(p.remarks.size() == 1);
    there.fast = true;
    CHECK(kinds(plan(kTwo, there)) == Steps{"note", "add", "add", "add", "add"});
    CHECK(kinds(plan_zone(wish_for(kTwo), &there, true, kNow)).front() == "mark_zone");  // this run made it
}

TEST_CASE("zone plan: a name changes once in 30 s, whoever changes it", "[publish]") {
    for (const char* publisher : {"host-a", "host-b"}) {
        auto there = published(kOne, publisher, 10 * core::kSecond);
        if (publisher == std::string("host-b"))  // which wants what we want by now
            there.records.back() =
                note_record({"host-b", set_of(kOther), kNow, set_of(kOne), kNow - 10 * core::kSecond}, "n");
        const auto p = plan(kOther, there);
        CHECK(p.left == Left::kTooSoon);
        CHECK(p.wait_us == 20 * core::kSecond);
        for (const auto& step : p.steps)
            CHECK(step.kind == Kind::kNote);
        CHECK(plan_zone(wish_for(kOther), &there, false, kNow + 20 * core::kSecond).left == Left::kNothing);
    }
}

TEST_CASE("zone plan: waiting does not turn a change into one that was begun", "[publish]") {
    auto there = published(kOne, "host-a", 10 * core::kSecond);
    const auto waiting = plan(kOther, there);
    REQUIRE(kinds(waiting) == Steps{"note"});
    there.records.back() = waiting.steps[0].record;
    const auto again = plan(kOther, there);
    CHECK(again.left == Left::kTooSoon);
    CHECK(again.steps.empty());
}

TEST_CASE("zone plan: a change that was begun is completed at once", "[publish]") {
    auto there = published(kOne);
    there.records.back() = note_record({"host-a", set_of(kOther), kNow, set_of(kOther), kNow - core::kSecond}, "n");
    CHECK(kinds(plan(kOther, there)) == Steps{"add", "delete"});
    there.records.push_back(ours(wanted_records(kOther, true, 30)[0], "9"));
    CHECK(kinds(plan(kOther, there)) == Steps{"delete"});
    // By another publisher that wants the same, too; it says so before it does.
    CHECK(kinds(plan(kOther, there, "host-b")) == Steps{"note", "delete"});
}

TEST_CASE("zone plan: a change that is said to be in the future does not stop others for ever", "[publish]") {
    auto there = published(kOne);
    there.records.back() =
        note_record({"host-b", set_of(kOther), kNow + core::kDay, set_of(kOne), kNow + core::kDay}, "n");
    CHECK(plan(kOther, there).left == Left::kNothing);
    there.records.back() = note_record({"host-a", set_of(kOther), kNow, set_of(kOne), kNow + 20 * core::kSecond}, "n");
    const auto p = plan(kOther, there);  // a clock that is a bit ahead
    CHECK(p.left == Left::kTooSoon);
    CHECK(p.wait_us <= kBetweenChanges);
}

TEST_CASE("zone plan: publishers agree, or leave it as it is", "[publish]") {
    auto there = published(kOne, "host-a");
    const auto b = plan(kOther, there, "host-b");
    CHECK(b.left == Left::kDisagreement);
    CHECK(b.why.find("host-a") != std::string::npos);
    REQUIRE(kinds(b) == Steps{"note"});  // tells its wish
    CHECK(b.steps[0].record.id.empty());
    auto note = *parse_note(b.steps[0].record.value);
    CHECK(note.wants == set_of(kOther));
    CHECK(note.did.empty());
    there.records.push_back(note_record(note, "m"));
    CHECK(plan(kOther, there, "host-b").steps.empty());
    CHECK(kinds(plan(kOther, there, "host-a")) == Steps{"note", "add", "delete"});  // a wants it now, too
    CHECK(plan(kOne, there, "host-a").left == Left::kNothing);  // it is as a wants it: nothing to disagree on
    // The other has not looked for ten minutes.
    there = published(kOne, "host-a", 11 * core::kMinute);
    CHECK(kinds(plan(kOther, there, "host-b")) == Steps{"note", "add", "delete"});
}

TEST_CASE("zone plan: of two that want different things at the same time, at least one sees the other", "[publish]") {
    auto there = published(kOne, "host-c", 11 * core::kMinute);
    const auto a = plan(kTwo, there, "host-a"), b = plan(kOther, there, "host-b");
    REQUIRE(a.steps[0].kind == Kind::kNote);
    REQUIRE(b.steps[0].kind == Kind::kNote);
    there.records.push_back(ours(a.steps[0].record, "a"));
    there.records.push_back(ours(b.steps[0].record, "b"));
    CHECK(plan(kTwo, there, "host-a").left == Left::kDisagreement);
    CHECK(plan(kOther, there, "host-b").left == Left::kDisagreement);
}

TEST_CASE("zone plan: a record that somebody paused stays paused, and is not the last one", "[publish]") {
    auto there = published(kOne);
    there.records[0].enabled = false;
    auto p = plan(kOne, there);
    CHECK(p.steps.empty());
    CHECK(p.remarks.size() == 1);
    // The new one is there, paused: the old one is all that answers.
    there = published(kOne);
    there.records.push_back(ours(wanted_records(kOther, true, 30)[0], "9"));
    there.records.back().enabled = false;
    p = plan(kOther, there);
    CHECK(std::none_of(p.steps.begin(), p.steps.end(), [](const auto& s) { return s.kind == Kind::kDelete; }));
    CHECK(p.remarks.size() == 2);
    // Of the other family, too.
    there = published({at("fd00::9", "cn-hangzhou-h")});
    there.records.push_back(ours(wanted_records(kOne, true, 30)[0], "9"));
    there.records.back().enabled = false;
    p = plan(kOne, there);
    CHECK(std::none_of(p.steps.begin(), p.steps.end(), [](const auto& s) { return s.kind == Kind::kDelete; }));
}

TEST_CASE("zone plan: a line that loses its zone falls back to the default line", "[publish]") {
    const auto p = plan(kOne, published(kTwo));
    REQUIRE(kinds(p) == Steps{"note", "delete", "delete", "delete"});
    for (const auto& step : p.steps)
        CHECK(step.record.id != "3");  // 10.0.1.23 for all
}

TEST_CASE("zone plan: undo takes away what is ours: the VPC's use first, then records, the notes last, the zone",
          "[publish]") {
    CHECK(plan_undo({kVpc}, nullptr).steps.empty());
    auto there = published(kOne);
    std::rotate(there.records.begin(), there.records.begin() + 1, there.records.end());
    const auto p = plan_undo({kVpc}, &there);
    REQUIRE(kinds(p) == Steps{"bind", "delete", "delete", "remove_zone"});
    CHECK(p.steps[0].vpcs.empty());
    CHECK(p.steps[2].record.rr == "_postern");
    CHECK(p.left == Left::kNothing);
}

TEST_CASE("zone plan: undo leaves what is of others", "[publish]") {
    SECTION("a record in our zone") {
        auto there = published(kOne);
        there.records.push_back({.id = "x", .rr = "www", .type = "A", .value = "10.9.9.9"});
        const auto p = plan_undo({kVpc}, &there);
        CHECK(kinds(p) == Steps{"delete", "delete"});
        CHECK(p.left == Left::kZoneStays);
        for (const auto& step : p.steps)
            CHECK(step.record.id != "x");
    }
    SECTION("a VPC that uses our zone") {
        auto there = published(kOne);
        there.vpcs.push_back({"cn-hangzhou", "vpc-2", "STANDARD"});
        const auto p = plan_undo({kVpc}, &there);
        REQUIRE(kinds(p) == Steps{"bind", "delete", "delete"});
        CHECK(p.steps[0].vpcs == std::vector<BoundVpc>{{"cn-hangzhou", "vpc-2", "STANDARD"}});
        CHECK(p.left == Left::kZoneStays);
        CHECK(p.why.find("vpc-2") != std::string::npos);
    }
    SECTION("a zone that others made") {
        auto there = published(kOne);
        there.remark = "";
        const auto p = plan_undo({kVpc}, &there);
        CHECK(kinds(p) == Steps{"delete", "delete"});
        CHECK(p.left == Left::kZoneStays);
    }
}

TEST_CASE("zone plan: each step in words", "[publish]") {
    const auto p = plan_zone(wish_for(kOne), nullptr, false, kNow);
    for (const auto& step : p.steps) {
        CHECK_FALSE(describe(step, "db.example.com").empty());
        CHECK_FALSE(to_string(step.kind).empty());
    }
    CHECK(describe(p.steps[3], "db.example.com") == "add A 10.0.1.23, TTL 30");
    CHECK(describe({Kind::kBind, {}, {}}, "x") == "unbind the VPC");
    CHECK(describe({Kind::kBind, {}, {kVpc}}, "x") == "bind the zone to exactly vpc-1");
    for (const auto left :
         {Left::kNoAddress, Left::kForeignRecord, Left::kDisagreement, Left::kTooSoon, Left::kZoneStays})
        CHECK_FALSE(to_string(left).empty());
}

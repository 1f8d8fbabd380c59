// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "core/fallback_file.h"
#include "core/file_system.h"
#include "core/plan.h"
#include "core/random.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern::core;

namespace {

Bytes wire(std::initializer_list<const char*> labels) {
    Bytes out;
    for (const std::string label : labels) {
        out.push_back(static_cast<std::uint8_t>(label.size()));
        out.insert(out.end(), label.begin(), label.end());
    }
    out.push_back(0);
    return out;
}

Plan sample() {
    Plan plan;
    plan.generation = (7ull << 32) + 3;
    plan.boot_id = std::string(32, 'b');
    plan.created_wall_us = 1767323045678901;
    plan.membership = 0xfeedface;
    plan.settings.upstream_budget_ms = 1800;
    plan.listen = {*SocketAddress::parse("127.0.0.153:53", 53), *SocketAddress::parse("[::1]:53", 53)};
    plan.allow = {*IpPrefix::parse("127.0.0.0/8")};
    plan.upstreams = {{11, *SocketAddress::parse("100.100.2.136", 53)}};
    plan.links = {{21, "tdengine-prod"}};
    PlanOwner owner;
    owner.name = wire({"db", "example", "com"});
    owner.verdicts_until = 123456789;
    owner.explain = "10.0.1.23 up";
    owner.other = {0, 0, 1, Bytes{1, 2, 3}};
    owner.rrsets = {{1, {0, 1, 0, Bytes{4, 5}}, {0, 2, 0, Bytes{6, 7, 8}}},
                    {kTypeAny, {0, 1, 0, Bytes{4, 5}}, {0, 1, 0, Bytes{4, 5}}}};
    plan.owners = {owner};
    return plan;
}

}  // namespace

TEST_CASE("plan: serialize and parse round-trip", "[plan]") {
    const auto file = serialize(sample());
    REQUIRE(file);
    auto view = PlanView::parse(*file);
    REQUIRE(view);
    const PlanView moved = std::move(*view);  // the views must survive a move
    CHECK(moved.generation == (7ull << 32) + 3);
    CHECK(moved.membership == 0xfeedface);
    CHECK(moved.settings.upstream_budget_ms == 1800);
    CHECK(moved.listen[1].text() == "[::1]:53");
    CHECK(moved.allow[0].text() == "127.0.0.0/8");
    CHECK(moved.upstreams[0].id == 11);
    CHECK(moved.upstreams[0].address.text() == "100.100.2.136:53");
    CHECK(moved.links[0].name == "tdengine-prod");
    REQUIRE(moved.owners.size() == 1);
    const OwnerView& owner = moved.owners[0];
    CHECK(Bytes(owner.name.begin(), owner.name.end()) == wire({"db", "example", "com"}));
    CHECK(owner.ready);
    CHECK(owner.verdicts_until == 123456789);
    CHECK(owner.explain == "10.0.1.23 up");
    CHECK(owner.other.authorities == 1);
    REQUIRE(owner.rrset_count == 2);
    const RrsetView& a = moved.rrsets[owner.first_rrset];
    CHECK(a.type == 1);
    CHECK(a.fresh.answers == 1);
    CHECK(a.stale.wire.size() == 3);
    CHECK(moved.rrsets[1].fresh.wire.data() == a.fresh.wire.data());  // stored once
}

TEST_CASE("plan: with any single byte flipped it is refused", "[plan]") {
    const Bytes good = *serialize(sample());
    for (std::size_t i = 0; i < good.size(); ++i) {
        for (const unsigned bit : {0x01u, 0x80u, 0xffu}) {
            Bytes bad = good;
            bad[i] = static_cast<std::uint8_t>(bad[i] ^ bit);
            INFO("byte " << i);
            REQUIRE_FALSE(PlanView::parse(std::move(bad)));
        }
    }
}

TEST_CASE("plan: truncated anywhere or with trailing bytes it is refused", "[plan]") {
    const Bytes good = *serialize(sample());
    for (std::size_t n = 0; n < good.size(); ++n) {
        REQUIRE_FALSE(PlanView::parse(Bytes(good.begin(), good.begin() + static_cast<long>(n))));
    }
    Bytes longer = good;
    longer.push_back(0);
    CHECK(PlanView::parse(std::move(longer)).error() == PlanFault::kBadSize);
}

TEST_CASE("plan: invalid records with a valid checksum are refused or harmless", "[plan]") {
    // A plan may have a valid checksum and wrong offsets: every one is checked. Random damage, checksum recomputed.
    const Bytes good = *serialize(sample());
    SeededRandom random(42);
    int accepted = 0;
    for (int round = 0; round < 20000; ++round) {
        Bytes bad = good;
        for (int k = 0; k < 3; ++k)
            bad[32 + random.below(bad.size() - 32)] = static_cast<std::uint8_t>(random.next64());
        store_le(bad.data() + 24, crc64(ByteView(bad).subspan(32), crc64(ByteView(bad).first(24))));
        const auto view = PlanView::parse(std::move(bad));
        if (!view) continue;
        ++accepted;
        std::size_t touched = 0;  // read everything that it points to: ASan watches
        for (const auto& o : view->owners) {
            for (const auto b : o.name)
                touched += b;
            for (const auto b : o.other.wire)
                touched += b;
            touched += o.explain.size() + view->links.at(o.link).name.size();
            for (std::uint32_t r = 0; r < o.rrset_count; ++r) {
                for (const auto b : view->rrsets.at(o.first_rrset + r).fresh.wire)
                    touched += b;
                for (const auto b : view->rrsets.at(o.first_rrset + r).stale.wire)
                    touched += b;
            }
        }
        CHECK(touched < 1u << 20);
    }
    CHECK(accepted > 100);
}

TEST_CASE("plan: a section that passes the end of the file is refused, whatever is in it", "[plan]") {
    // The records are read from views of these bytes: past the end they would be another object's memory.
    const Bytes good = *serialize(sample());
    constexpr std::size_t kTable = 32, kEntry = 24, kSections = 10;
    const auto with = [&](std::size_t section, std::uint64_t offset, std::uint64_t length) {
        Bytes bad = good;
        store_le(bad.data() + kTable + section * kEntry + 8, offset);
        store_le(bad.data() + kTable + section * kEntry + 16, length);
        store_le(bad.data() + 24, crc64(ByteView(bad).subspan(32), crc64(ByteView(bad).first(24))));
        const auto view = PlanView::parse(std::move(bad));
        return view ? PlanFault::kNone : view.error();
    };
    const std::uint64_t size = good.size();
    for (std::size_t section = 0; section < kSections; ++section) {
        CAPTURE(section);
        const auto at = load_le<std::uint64_t>(good.data() + kTable + section * kEntry + 8);
        const auto length = load_le<std::uint64_t>(good.data() + kTable + section * kEntry + 16);
        CHECK(with(section, at, length) == PlanFault::kNone);
        CHECK(with(section, at, size - at + 1) == PlanFault::kBadSection);
        CHECK(with(section, size - 1, 2) == PlanFault::kBadSection);
        CHECK(with(section, size, 1) == PlanFault::kBadSection);
        CHECK(with(section, size + 1, 0) == PlanFault::kBadSection);
        CHECK(with(section, at, UINT64_MAX - at + 2) == PlanFault::kBadSection);  // the sum is 1
        CHECK(with(section, UINT64_MAX, 1) == PlanFault::kBadSection);
    }
}

TEST_CASE("plan: a name in upper case or malformed is not written", "[plan]") {
    for (const Bytes& name : {wire({"DB", "example"}), wire({"Db", "example"}), wire({"db", "eXample"}), Bytes{},
                              Bytes{3, 'a', 'b'}, Bytes{1, 'a', 0, 1}, Bytes{0xc0, 0x0c}, Bytes(300, 1)}) {
        Plan plan = sample();
        plan.owners[0].name = name;
        CHECK_FALSE(serialize(plan));
    }
}

// The resolver would ask a server at port 0, send half a code, or read a name without its end.
TEST_CASE("plan: a record with a value that cannot be used is refused", "[plan]") {
    const auto fault_of = [](const Plan& plan) {
        const auto view = PlanView::parse(*serialize(plan));
        return view ? PlanFault::kNone : view.error();
    };
    Plan plan = sample();
    plan.upstreams[0].address.port = 0;
    CHECK(fault_of(plan) == PlanFault::kBadRecord);
    plan = sample();
    plan.owners[0].other.rcode = 15;
    CHECK(fault_of(plan) == PlanFault::kNone);
    plan.owners[0].other.rcode = 16;
    CHECK(fault_of(plan) == PlanFault::kBadRecord);
    plan = sample();
    plan.upstreams[0].address.scope.fill('x');
    CHECK(fault_of(plan) == PlanFault::kBadRecord);
}

TEST_CASE("plan: the scope of a link-local upstream is kept", "[plan]") {
    Plan plan = sample();
    plan.upstreams = {{1, *SocketAddress::parse("10.0.0.1", 53)}, {2, *SocketAddress::parse("[fe80::1%eth0]", 53)}};
    auto bytes = serialize(plan);
    REQUIRE(bytes);
    const auto view = PlanView::parse(*bytes);
    REQUIRE(view);
    REQUIRE(view->upstreams.size() == 2);
    CHECK(view->upstreams[0].address.text() == "10.0.0.1:53");
    CHECK(view->upstreams[1].address.text() == "[fe80::1%eth0]:53");
}

TEST_CASE("plan: settings out of bounds are clamped, missing ones take their defaults", "[plan]") {
    Plan plan = sample();
    plan.settings.max_udp_payload = 1u << 30;
    plan.settings.tcp_max_clients = 0;
    const auto view = PlanView::parse(*serialize(plan));
    REQUIRE(view);
    CHECK(view->settings.max_udp_payload == 4096);
    CHECK(view->settings.tcp_max_clients == 1);
    CHECK(view->settings.trust_ad == 0);
}

// What a broken plan can make the resolver use is limited here alone.
TEST_CASE("plan: each setting is read between its bounds, the bounds included", "[plan]") {
    const struct {
        std::uint64_t PlanSettings::*field;
        std::uint64_t least, most;
    } rows[] = {
        {&PlanSettings::cache_bytes, 0, 16ull << 30},    {&PlanSettings::serve_stale_s, 0, 7 * 86400},
        {&PlanSettings::upstream_budget_ms, 100, 30000}, {&PlanSettings::client_patience_ms, 1000, 150000},
        {&PlanSettings::max_inflight, 16, 65536},        {&PlanSettings::tcp_max_clients, 1, 16384},
        {&PlanSettings::tcp_idle_ms, 100, 120000},       {&PlanSettings::max_udp_payload, 512, 4096},
    };
    for (const auto& row : rows) {
        CAPTURE(row.most);
        const auto read = [&](std::uint64_t value) {
            Plan plan = sample();
            plan.settings.*row.field = value;
            return PlanView::parse(*serialize(plan)).value().settings.*row.field;
        };
        CHECK(read(0) == row.least);
        CHECK(read(row.least) == row.least);
        CHECK(read(row.least + 1) == row.least + 1);
        CHECK(read(row.most - 1) == row.most - 1);
        CHECK(read(row.most) == row.most);
        CHECK(read(UINT64_MAX) == row.most);
    }
}

TEST_CASE("plan: an answer that fits into a message after the longest question is written, no larger one", "[plan]") {
    Plan plan = sample();
    plan.owners[0].rrsets[0].fresh.wire.assign(65535 - 12 - 255 - 4, 1);
    plan.owners[0].rrsets[0].stale.wire.assign(65535 - 12 - 255 - 4, 2);
    const auto bytes = serialize(plan);
    REQUIRE(bytes);
    CHECK(PlanView::parse(*bytes).value().rrsets[0].fresh.wire.size() == 65535 - 12 - 255 - 4);
    plan.owners[0].rrsets[0].fresh.wire.push_back(1);
    CHECK_FALSE(serialize(plan));
    plan = sample();
    plan.owners[0].rrsets[1].stale.wire.assign(65535, 1);
    CHECK_FALSE(serialize(plan));
    // An explanation is text for people: it is cut, and the plan written.
    plan = sample();
    plan.owners[0].explain.assign(5000, 'x');
    CHECK(PlanView::parse(*serialize(plan)).value().owners[0].explain == std::string(4096, 'x'));
}

// Status, metrics and messages name a fault of the plan by these words.
TEST_CASE("plan: every fault has its word", "[plan]") {
    const std::vector<std::string_view> words{"none",         "missing",     "unreadable",  "too_short",
                                              "too_large",    "bad_magic",   "bad_version", "bad_size",
                                              "bad_checksum", "bad_section", "bad_record",  "bad_name"};
    std::set<std::string_view> seen;
    for (const PlanFault fault :
         {PlanFault::kNone, PlanFault::kMissing, PlanFault::kUnreadable, PlanFault::kTooShort, PlanFault::kTooLarge,
          PlanFault::kBadMagic, PlanFault::kBadVersion, PlanFault::kBadSize, PlanFault::kBadChecksum,
          PlanFault::kBadSection, PlanFault::kBadRecord, PlanFault::kBadName}) {
        CHECK(to_string(fault) == words[seen.size()]);
        seen.insert(to_string(fault));
    }
    CHECK(seen.size() == words.size());
}

TEST_CASE("plan: load says missing, unreadable, too short", "[plan]") {
    postern::test::TempFolder folder;
    CHECK(PlanView::load(folder / "none").error() == PlanFault::kMissing);
    CHECK(PlanView::load(folder.path()).error() == PlanFault::kUnreadable);
    REQUIRE(write_file(folder / "short", as_bytes("PSTN"), 0600, false));
    CHECK(PlanView::load(folder / "short").error() == PlanFault::kTooShort);
}

TEST_CASE("fallback: format and parse round-trip, and a resolv.conf is accepted", "[fallback]") {
    Fallback fallback;
    fallback.listen = {*SocketAddress::parse("127.0.0.153:53", 53)};
    fallback.upstreams = {*SocketAddress::parse("100.100.2.136:53", 53),
                          *SocketAddress::parse("[2400:3200::1]:53", 53)};
    fallback.names = {"db.example.com"};
    fallback.allow = {*IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("fd00::/64")};
    CHECK(parse_fallback(format_fallback(fallback)) == fallback);
    const auto foreign =
        parse_fallback("# x\nsearch a b\nnameserver 10.0.0.2\r\n\nnameserver nonsense\noptions rotate");
    REQUIRE(foreign.upstreams.size() == 1);
    CHECK(foreign.upstreams[0].text() == "10.0.0.2:53");
}

// SPDX-License-Identifier: Apache-2.0
#include <set>

#include "agent/discovery/remembered.h"
#include "agent/steering/plan_compiler.h"
#include "core/file_system.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

// Last: ldns.h redefines true and false, which no C++ header survives.
#include <ldns/ldns.h>

using namespace postern;
using namespace postern::agent;

namespace {

EndpointAddress at(const char* ip, const char* zone) {
    return {*core::IpAddress::parse(ip), zone, "ep-1"};
}

PlanInput sample() {
    PlanInput input;
    input.generation = 1;
    input.boot_id = std::string(32, '0');
    input.now_wall_us = 1767323045000000;
    input.dns.listen = {*core::SocketAddress::parse("127.0.0.153:53", 53)};
    input.upstreams = {*core::SocketAddress::parse("10.0.0.2", 53)};
    PlanLinkInput link;
    link.name = "prod";
    link.host = "DB.Example.com";
    link.addresses = make_endpoint_set({at("10.0.1.23", "a"), at("10.0.2.9", "b"), at("2408:4005::1", "a")});
    link.verdicts_until = 5;
    link.decision.fresh = {*core::IpAddress::parse("10.0.2.9"), *core::IpAddress::parse("2408:4005::1")};
    link.decision.stale = {*core::IpAddress::parse("10.0.2.9"), *core::IpAddress::parse("2408:4005::1"),
                           *core::IpAddress::parse("10.0.1.23")};
    input.links = {link};
    return input;
}

/// The message as the resolver sends it, read back by ldns as sorted lines "section owner type rdata".
std::vector<std::string> as_text(const core::PlanOwner& owner, std::uint16_t type, const core::PlanAnswer& answer) {
    core::Bytes m(12);
    m[2] = 0x84;
    core::store_be16(m.data() + 4, 1);
    core::store_be16(m.data() + 6, answer.answers);
    core::store_be16(m.data() + 8, answer.authorities);
    m.insert(m.end(), owner.name.begin(), owner.name.end());
    const std::uint8_t question[] = {static_cast<std::uint8_t>(type >> 8), static_cast<std::uint8_t>(type), 0, 1};
    m.insert(m.end(), question, question + 4);
    m.insert(m.end(), answer.wire.begin(), answer.wire.end());
    ldns_pkt* packet = nullptr;
    REQUIRE(ldns_wire2pkt(&packet, m.data(), m.size()) == LDNS_STATUS_OK);
    std::vector<std::string> out;
    const auto add = [&](const char* section, const ldns_rr_list* list) {
        for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
            char* text = ldns_rr2str(ldns_rr_list_rr(list, i));
            std::string line = text;
            free(text);
            line.pop_back();
            out.push_back(std::string(section) + " " + line);
        }
    };
    add("AN", ldns_pkt_answer(packet));
    add("NS", ldns_pkt_authority(packet));
    ldns_pkt_free(packet);
    return out;
}

const core::PlanRrset& rrset(const core::PlanOwner& owner, std::uint16_t type) {
    for (const auto& r : owner.rrsets) {
        if (r.type == type) return r;
    }
    FAIL("no rrset of type " << type);
    return owner.rrsets.front();
}

}  // namespace

TEST_CASE("plan compiler: ldns reads back every answer of a name", "[plan]") {
    const auto plan = compile_plan(sample());
    REQUIRE(plan);
    REQUIRE(core::serialize(*plan));
    const core::PlanOwner& owner = plan->owners[0];
    CHECK(std::string(owner.name.begin(), owner.name.end()) == std::string("\2db\7example\3com\0", 16).substr(0, 16));
    CHECK(owner.ready);
    CHECK(owner.verdicts_until == 5);
    CHECK(as_text(owner, 1, rrset(owner, 1).fresh) ==
          std::vector<std::string>{"AN db.example.com.\t10\tIN\tA\t10.0.2.9"});
    CHECK(as_text(owner, 1, rrset(owner, 1).stale).size() == 2);
    CHECK(as_text(owner, 28, rrset(owner, 28).fresh) ==
          std::vector<std::string>{"AN db.example.com.\t10\tIN\tAAAA\t2408:4005::1"});
    CHECK(as_text(owner, 255, rrset(owner, 255).fresh).size() == 2);
    CHECK(as_text(owner, 6, rrset(owner, 6).fresh) ==
          std::vector<std::string>{
              "AN db.example.com.\t10\tIN\tSOA\tdb.example.com. nobody.invalid. 1767323045 3600 600 86400 5"});
    CHECK(as_text(owner, 65, owner.other) ==
          std::vector<std::string>{
              "NS db.example.com.\t5\tIN\tSOA\tdb.example.com. nobody.invalid. 1767323045 3600 600 86400 5"});
}

TEST_CASE("plan compiler: a name with IPv4 alone has no AAAA set, so the resolver answers NODATA with SOA", "[plan]") {
    PlanInput input = sample();
    input.links[0].addresses = make_endpoint_set({at("10.0.1.23", "a")});
    input.links[0].decision.fresh = input.links[0].decision.stale = {*core::IpAddress::parse("10.0.1.23")};
    const auto plan = compile_plan(input);
    REQUIRE(plan);
    std::set<std::uint16_t> types;
    for (const auto& r : plan->owners[0].rrsets)
        types.insert(r.type);
    CHECK(types == std::set<std::uint16_t>{1, 6, 255});
    CHECK(plan->owners[0].other.authorities == 1);
}

TEST_CASE("plan compiler: the reverse name of an address lists all its names, sorted", "[plan]") {
    PlanInput input = sample();
    input.links[0].host = "db.example.com";  // as the configuration gives it: in lower case
    PlanLinkInput second = input.links[0];
    second.name = "other";
    second.host = "a.example.com";
    input.links.push_back(second);
    const auto plan = compile_plan(input);
    REQUIRE(plan);
    REQUIRE(plan->owners.size() == 2 + 3);
    const core::PlanOwner& reverse = plan->owners[2];
    CHECK(as_text(reverse, 12, rrset(reverse, 12).fresh) ==
          std::vector<std::string>{"AN 23.1.0.10.in-addr.arpa.\t10\tIN\tPTR\ta.example.com.",
                                   "AN 23.1.0.10.in-addr.arpa.\t10\tIN\tPTR\tdb.example.com."});
    const core::PlanOwner& v6 = plan->owners[4];
    CHECK(as_text(v6, 12, rrset(v6, 12).fresh)[0].find(
              "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.5.0.0.4.8.0.4.2.ip6.arpa.") == 3);
}

TEST_CASE("plan compiler: a link without addresses is not ready, which is not NODATA", "[plan]") {
    PlanInput input = sample();
    input.links[0].addresses.clear();
    input.links[0].decision = {};
    const auto plan = compile_plan(input);
    REQUIRE(plan);
    CHECK_FALSE(plan->owners[0].ready);
}

TEST_CASE("plan compiler: verdicts do not change the membership, addresses and upstreams do", "[plan]") {
    const PlanInput before = sample();
    PlanInput verdicts = before;
    verdicts.generation = 99;
    verdicts.now_wall_us += 1;
    verdicts.links[0].decision.fresh.pop_back();
    verdicts.links[0].verdicts_until = 77;
    CHECK(membership_of(before) == membership_of(verdicts));
    PlanInput address = before;
    address.links[0].addresses.pop_back();
    CHECK(membership_of(before) != membership_of(address));
    PlanInput upstream = before;
    upstream.upstreams[0].port = 54;
    CHECK(membership_of(before) != membership_of(upstream));
    PlanInput setting = before;
    setting.dns.trust_ad = true;
    CHECK(membership_of(before) != membership_of(setting));
    CHECK(compile_plan(before)->settings.trust_ad == 0);
    CHECK(compile_plan(setting)->settings.trust_ad == 1);
}

TEST_CASE("plan compiler: the durable copy has every address and no verdict", "[plan]") {
    const PlanInput durable = without_verdicts(sample());
    CHECK(durable.links[0].verdicts_until == 0);
    CHECK(durable.links[0].decision.fresh.size() == 3);
    CHECK(membership_of(durable) == membership_of(sample()));
}

TEST_CASE("plan compiler: a host that is not a DNS name is an error that names the link", "[plan]") {
    PlanInput input = sample();
    input.links[0].host = std::string(70, 'a') + ".example";
    const auto plan = compile_plan(input);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().what.find("prod") != std::string::npos);
}

TEST_CASE("plan memory: without a snapshot the addresses are those of the plan on disk, with one they are its own",
          "[plan]") {
    test::TempFolder folder;
    const Paths paths{
        .snapshot = folder / "snapshot.json", .durable_plan = folder / "plan", .current_plan = folder / "none"};
    REQUIRE(core::write_file(paths.durable_plan, *core::serialize(*compile_plan(sample())), 0644, false));
    Config config;
    config.links.resize(1);
    config.links[0].name = "prod";
    config.links[0].host = "db.example.com";
    config.links[0].endpoints = {"ep-prod"};
    const auto remembered = [&] {
        return remembered_addresses(load_remembered(paths, config).snapshot, config, config.links[0]);
    };
    CHECK(describe(remembered().addresses) == "10.0.1.23, 10.0.2.9, 2408:4005::1");
    CHECK(remembered().saved);
    Snapshot saved;
    saved.sources["ep-prod"].addresses = {{*core::IpAddress::parse("10.0.7.7"), "h", "ep-prod"}};
    REQUIRE(core::write_file(paths.snapshot, core::as_bytes(format_snapshot(saved)), 0600, false));
    CHECK(describe(remembered().addresses) == "10.0.7.7 (h)");
}

TEST_CASE("plan memory: what a plan answers can be read back as a snapshot", "[plan]") {
    const auto plan = compile_plan(sample());
    REQUIRE(plan);
    const auto view = core::PlanView::parse(*core::serialize(*plan));
    REQUIRE(view);
    Config config;
    for (const char* name : {"prod", "other"}) {
        LinkConfig link;
        link.name = name;
        link.host = name == std::string("prod") ? "db.example.com" : "other.example.com";
        link.endpoints = {std::string("ep-") + name};
        config.links.push_back(link);
    }
    const Snapshot known = snapshot_from(*view, config);
    REQUIRE(known.sources.size() == 1);
    CHECK(known.written_wall_us == 1767323045000000);
    CHECK(describe(addresses_from(known, config.links[0])) == "10.0.1.23, 10.0.2.9, 2408:4005::1");
    // A plan does not say the zones, so a link that names some keeps them all; and its first endpoint stands for all.
    config.links[0].zones = {"cn-hangzhou-h"};
    config.links[0].endpoints.emplace_back("ep-more");
    const Snapshot all = snapshot_from(*view, config);
    CHECK(describe(addresses_from(all, config.links[0])) == "10.0.1.23, 10.0.2.9, 2408:4005::1");
    CHECK(all.sources.count("ep-more") == 1);
    config.links[0].zones.clear();
    config.links[0].endpoints.pop_back();
    CHECK(why_not_ready(known.sources.at("ep-prod").report, {}).empty());
    CHECK(parse_snapshot(format_snapshot(known)));
    config.links[0].endpoints.clear();
    config.links[0].addresses = {*core::IpAddress::parse("10.9.9.9")};
    CHECK(snapshot_from(*view, config).sources.empty());
    auto unready = sample();
    unready.links[0].addresses.clear();
    unready.links[0].decision = {};
    config.links[0].addresses.clear();
    config.links[0].endpoints = {"ep-prod"};
    const auto none = core::PlanView::parse(*core::serialize(*compile_plan(unready)));
    REQUIRE(none);
    CHECK(snapshot_from(*none, config).sources.empty());
}

TEST_CASE("plan: a link that only verifies its name is in the plan without it, and its addresses have no PTR of it",
          "[plan]") {
    PlanInput input = sample();
    PlanLinkInput other = input.links[0];
    other.name = "other";
    other.host = "other.example.com";
    other.addresses = make_endpoint_set({at("10.0.1.23", "a")});
    input.links.push_back(other);
    const auto before = membership_of(input);
    input.links[0].answer = false;
    CHECK(membership_of(input) != before);
    const auto plan = compile_plan(input);
    REQUIRE(plan);
    REQUIRE(plan->links.size() == 2);
    CHECK(plan->links[0].name == "prod");
    REQUIRE(plan->owners.size() == 2);  // the other name, and the PTR of its address
    for (const auto& owner : plan->owners)
        CHECK(owner.link == 1);
    const auto ptr = as_text(plan->owners[1], LDNS_RR_TYPE_PTR, plan->owners[1].rrsets[0].fresh);
    REQUIRE(ptr.size() == 1);
    CHECK(ptr[0].find("other.example.com.") != std::string::npos);
    const auto bytes = core::serialize(*plan);
    REQUIRE(bytes);
    CHECK(core::PlanView::parse(*bytes));
    input.links.pop_back();
    CHECK(compile_plan(input)->owners.empty());
}

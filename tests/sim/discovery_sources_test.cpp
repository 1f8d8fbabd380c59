// SPDX-License-Identifier: Apache-2.0
// Addresses from a name that is followed and from a saved reply.
#include <unistd.h>
#include <map>

#include "agent/discovery/discovery_sources.h"
#include "agent/discovery/endpoint_sync.h"
#include "agent/discovery/remembered.h"
#include "agent/discovery/snapshot_store.h"
#include "core/bytes.h"
#include "core/file_system.h"
#include "core/log.h"
#include "tests/sim/counting_listener.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/catch.h"
#include "tests/unit/temp_folder.h"

using namespace postern;
using namespace postern::agent;
using namespace postern::test;
using core::Code;
using core::IpAddress;
using core::kMinute;
using core::kSecond;

namespace {

struct NoApi final : Provider {
    void describe_endpoint(const std::string&, Callback done) override {
        done(core::fail(Code::kInternal, "not asked"));
    }
};

struct FakeLookup final : Lookup {
    explicit FakeLookup(FakeClock& c) : clock(c) {}
    void resolve(const std::string& host, Callback done) override {
        ++asked;
        clock.set_alarm(clock.mono_us() + core::kMillisecond, [this, host, done] {
            if (error) return done(core::fail(*error));
            const auto own = names.find(host);
            done(own == names.end() ? core::Result<LookupResult>(result) : own->second);
        });
    }
    void set(const std::string& host, std::vector<std::string> ips) {
        LookupResult found;
        found.ttl_s = 30;
        for (const auto& ip : ips)
            found.addresses.push_back(*IpAddress::parse(ip));
        names.insert_or_assign(host, std::move(found));
    }
    void fail(const std::string& host) {
        names.insert_or_assign(host, core::fail(Code::kDnsFailed, host + " does not exist"));
    }
    FakeClock& clock;
    int asked = 0;
    LookupResult result;
    std::map<std::string, core::Result<LookupResult>> names;  // those with a result of their own
    std::optional<core::Error> error;
};

struct World {
    FakeClock clock{1000 * kSecond, core::now_wall_us()};
    core::SeededRandom random{9};
    NoApi api;
    FakeLookup lookup{clock};
    DiscoverySources sources{clock, nullptr, api, lookup, false};
    CountingListener listener;
    EndpointSync sync{clock, random, sources, listener};
    Config config;

    World() {
        core::capture_log([](core::Level, std::string_view, const std::string&) {});
    }
    ~World() { core::capture_log({}); }
    void begin(LinkConfig link) {
        link.name = "a";
        config.links = {std::move(link)};
        sync.configure(config);
        sync.start();
        clock.advance(kSecond);
    }
    std::string served() const { return describe(sync.status("a").addresses); }
    void resolve_to(std::vector<std::string> ips, std::uint32_t ttl) {
        lookup.result = {};
        lookup.result.ttl_s = ttl;
        for (const auto& ip : ips)
            lookup.result.addresses.push_back(*IpAddress::parse(ip));
    }
};

LinkConfig following() {
    LinkConfig link;
    link.targets = {"ep-x.epsrv-y.cn-hangzhou.privatelink.aliyuncs.com"};
    return link;
}

}  // namespace

TEST_CASE("target: a name is followed by its TTL, without credentials", "[target]") {
    World w;
    w.resolve_to({"10.0.0.1", "2001:db8::1"}, 60);
    w.begin(following());
    CHECK(w.served() == "10.0.0.1, 2001:db8::1");
    CHECK(w.sync.status("a").source == "dns");
    w.clock.advance(10 * kMinute);
    CHECK(w.lookup.asked >= 9);
    CHECK(w.lookup.asked <= 13);
    w.resolve_to({"10.0.0.2", "2001:db8::1"}, 60);
    w.clock.advance(67 * kSecond);
    CHECK(w.served() == "10.0.0.2, 2001:db8::1");
    w.resolve_to({"10.0.0.2", "0.0.0.0"}, 0);
    w.clock.advance(2 * kMinute);
    const int asked = w.lookup.asked;
    w.clock.advance(kMinute);
    CHECK(w.lookup.asked - asked <= 14);  // a TTL of 0 is no licence to hammer
    CHECK(w.served() == "10.0.0.2");
    CHECK(w.listener.saves <= 4);
}

TEST_CASE("target: failing, lying by half and stale upstreams take nothing away", "[target]") {
    World w;
    w.resolve_to({"10.0.0.1", "2001:db8::1"}, 30);
    w.begin(following());
    w.resolve_to({"10.0.0.1"}, 30);
    w.lookup.result.partial = true;
    w.clock.advance(5 * kMinute);
    CHECK(w.served() == "10.0.0.1, 2001:db8::1");
    w.lookup.result.stale = true;
    w.clock.advance(kMinute);
    REQUIRE(w.sync.status("a").error);
    CHECK(w.sync.status("a").error->code == Code::kDnsFailed);
    for (const Code code : {Code::kDnsFailed, Code::kTimeout}) {
        w.lookup.error = core::Error{code, "no", "", 0};
        w.clock.advance(core::kHour);
        CHECK(w.served() == "10.0.0.1, 2001:db8::1");
    }
    w.lookup.error.reset();
    w.resolve_to({"0.0.0.0", "::"}, 30);  // a filter's way to say no
    w.clock.advance(kMinute);
    CHECK(w.served() == "10.0.0.1, 2001:db8::1");
    CHECK(w.sync.status("a").error->what.find("no address of a host, which no endpoint has") != std::string::npos);
    w.resolve_to({"127.0.0.1"}, 30);
    w.clock.advance(kMinute);
    CHECK(w.sync.status("a").error->what.find("127.0.0.1, a loopback address, which") != std::string::npos);
    CHECK(w.served() == "10.0.0.1, 2001:db8::1");
    w.resolve_to({"10.0.0.7"}, 30);
    w.clock.advance(35 * kSecond);  // retried at least so often
    CHECK(w.served() == "10.0.0.7");
}

TEST_CASE("target: the names of a list are merged, and one that fails keeps what it gave", "[target]") {
    World w;
    w.lookup.set("h.example", {"10.0.0.1"});
    w.lookup.set("i.example", {"10.0.0.2"});
    w.lookup.set("all.example", {"10.0.0.1", "10.0.0.3"});
    LinkConfig link;
    link.targets = {"h.example", "i.example", "all.example"};
    w.begin(link);
    CHECK(w.served() == "10.0.0.1, 10.0.0.2, 10.0.0.3");
    const auto sources = [&w] {
        std::string out;
        for (const auto& s : w.sync.status("a").sources)
            out += s.name + "=" + describe(s.addresses) + (s.error ? "!" : "") + ";";
        return out;
    };
    CHECK(sources() == "target:h.example=10.0.0.1;target:i.example=10.0.0.2;target:all.example=10.0.0.1, 10.0.0.3;");

    w.lookup.fail("h.example");
    w.lookup.fail("all.example");
    w.lookup.set("i.example", {"10.0.0.9"});
    w.clock.advance(core::kHour);
    CHECK(w.served() == "10.0.0.1, 10.0.0.3, 10.0.0.9");
    CHECK(sources() == "target:h.example=10.0.0.1!;target:i.example=10.0.0.9;target:all.example=10.0.0.1, 10.0.0.3!;");
    REQUIRE(w.sync.status("a").error);

    w.lookup.set("h.example", {"10.0.0.1"});
    w.lookup.set("all.example", {"10.0.0.1"});
    w.clock.advance(kMinute);
    CHECK(w.served() == "10.0.0.1, 10.0.0.9");
    CHECK_FALSE(w.sync.status("a").error);
}

TEST_CASE("target: a name that never resolved holds nobody up, nor does it after a restart", "[target]") {
    World w;
    w.lookup.set("h.example", {"10.0.0.1"});
    w.lookup.fail("typo.example");
    LinkConfig link;
    link.targets = {"h.example", "typo.example"};
    w.begin(link);
    CHECK(w.served() == "10.0.0.1");
    CHECK(w.sync.status("a").error->what == "typo.example does not exist");
    Snapshot saved;
    w.sync.fill(saved);

    World after;
    after.config.links = {w.config.links[0]};
    after.sync.configure(after.config);
    after.sync.restore(saved);
    CHECK(after.served() == "10.0.0.1");  // before anything was asked
}

TEST_CASE("target: a name that becomes a list keeps its addresses until the list is known", "[target]") {
    World w;
    w.lookup.set("ep.example", {"10.0.0.1"});
    LinkConfig link;
    link.targets = {"ep.example"};
    w.begin(link);
    w.lookup.set("h.example", {"10.0.0.1"});
    w.lookup.set("i.example", {"10.0.0.2"});
    w.config.links[0].targets = {"h.example", "i.example"};
    w.sync.configure(w.config);
    CHECK(w.served() == "10.0.0.1");
    w.clock.advance(kSecond);
    CHECK(w.served() == "10.0.0.1, 10.0.0.2");
}

TEST_CASE("zones file: read again within a second of a change, however it was written", "[zones_file]") {
    char name[] = "/tmp/postern-zones-XXXXXX";
    const std::string folder = ::mkdtemp(name);
    const std::string path = folder + "/zones.json";
    const auto put = [&](const std::string& text) {
        REQUIRE(core::write_file(path, core::as_bytes(text), 0644, false));
    };
    const auto zone = [](const std::string& ip) {
        return R"({"RequestId":"R-f","Zones":[{"ZoneId":"h","ZoneStatus":"Connected","EniIp":")" + ip + R"("}]})";
    };
    World w;
    LinkConfig link;
    link.zones_file = path;
    w.begin(link);
    CHECK_FALSE(w.sync.status("a").known);
    CHECK(w.sync.status("a").error->code == Code::kFileMissing);
    put(zone("10.0.0.1"));
    w.clock.advance(2 * kSecond);
    CHECK(w.served() == "10.0.0.1 (h)");
    put(zone("10.0.0.2"));
    w.clock.advance(1200 * core::kMillisecond);
    CHECK(w.served() == "10.0.0.2 (h)");
    for (const char* bad : {"", "{", "<html>", "{\"Zones\":[]}", "{\"Zones\":[],\"NextToken\":\"more\"}"}) {
        put(bad);
        w.clock.advance(3 * kSecond);
        CHECK(w.served() == "10.0.0.2 (h)");
    }
    // One address that can't be, beside a good one: the good one is used, the other is told.
    put(R"({"Zones":[{"ZoneId":"h","ZoneStatus":"Connected","EniIp":"10.0.0.2"},)"
        R"({"ZoneId":"i","ZoneStatus":"Connected","EniIp":"127.0.0.1"}]})");
    w.clock.advance(2 * kSecond);
    CHECK(w.served() == "10.0.0.2 (h)");
    REQUIRE(w.sync.warnings().size() == 1);
    CHECK(w.sync.warnings()[0].find("127.0.0.1, a loopback address, in i") != std::string::npos);
    // Its age is what it says, whenever it is read.
    const auto aged = [&](Micros age) {
        put("{\"WrittenAt\":\"" + core::format_utc(w.clock.wall_us() - age) + "\"," + zone("10.0.0.2").substr(1));
        w.clock.advance(2 * kSecond);
        return w.clock.wall_us() - w.sync.status("a").confirmed_wall_us;
    };
    CHECK(aged(3 * core::kHour) == 3 * core::kHour + 2 * kSecond);
    CHECK(w.sync.warnings().empty());
    CHECK(aged(30 * core::kHour) == 30 * core::kHour + 2 * kSecond);
    REQUIRE(w.sync.warnings().size() == 1);
    CHECK(w.sync.warnings()[0].find("was written 30 hours ago") != std::string::npos);
    CHECK(aged(-core::kHour) < 2 * kSecond);  // a clock's mistake
    ::unlink(path.c_str());
    w.clock.advance(core::kHour);
    CHECK(w.served() == "10.0.0.2 (h)");
    put(zone("10.0.0.3"));
    w.clock.advance(1200 * core::kMillisecond);
    CHECK(w.served() == "10.0.0.3 (h)");
    Snapshot snapshot;
    w.sync.fill(snapshot);
    CHECK(describe(addresses_from(snapshot, w.config.links[0])) == "10.0.0.3 (h)");
    ::unlink(path.c_str());
    ::rmdir(folder.c_str());
}

TEST_CASE("zones file: reading it every second does not make up for refusals of the API", "[zones_file]") {
    struct Refusing final : Provider {
        void describe_endpoint(const std::string& id, Callback done) override {
            ++polls;
            if (polls <= 6) return done(core::fail(Code::kApiThrottled, "Throttling.User"));
            done(EndpointReport{.endpoint_id = id, .status = "Active", .connection_status = "Connected"});
        }
        int polls = 0;
    };
    const TempFolder folder;
    REQUIRE(core::write_file(folder / "z.json", core::as_bytes(R"({"Zones":[]})"), 0644, false));
    core::capture_log([](core::Level, std::string_view, const std::string&) {});
    FakeClock clock{1000 * kSecond, core::now_wall_us()};
    core::SeededRandom random{4};
    Refusing api;
    FakeLookup lookup{clock};
    DiscoverySources sources{clock, nullptr, api, lookup, false};
    CountingListener listener;
    EndpointSync sync{clock, random, sources, listener};
    Config config;
    LinkConfig by_file, by_api;
    by_file.name = "f";
    by_file.zones_file = folder / "z.json";
    by_api.name = "a";
    by_api.endpoints = {"ep-1"};
    config.links = {by_file, by_api};
    sync.configure(config);
    sync.start();
    clock.advance(3 * core::kHour);
    const int polls = api.polls;
    CHECK(polls > 6);
    clock.advance(core::kHour);
    CHECK(api.polls - polls <= 24);
    CHECK(api.polls - polls >= 11);  // poll_max_interval apart at most, and the pause
    core::capture_log({});
}

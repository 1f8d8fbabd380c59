// SPDX-License-Identifier: Apache-2.0
// A history file in a folder of its own on a fake clock, and records for it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/log.h"
#include "probe/history_store.h"
#include "tests/sim/fake_clock.h"
#include "tests/unit/temp_folder.h"

namespace postern::test {

using core::kDay;
using core::kHour;
using core::kMinute;
using core::kSecond;
using probe::Availability;
using probe::HistoryStore;
using probe::Phase;
using probe::Reason;
using probe::Record;
using probe::Resolution;
using probe::Rollup;
using probe::State;

struct Kept {
    TempFolder folder;
    FakeClock clock;
    std::string path = folder / "history";
    std::vector<std::string> events;
    std::unique_ptr<HistoryStore> store;
    std::uint64_t seq = 0;

    explicit Kept(std::uint32_t most = 8) {
        core::capture_log(
            [this](core::Level, std::string_view event, const std::string&) { events.emplace_back(event); });
        start(most);
    }
    ~Kept() { core::capture_log({}); }

    void start(std::uint32_t most = 8) {
        store.reset();
        store = std::make_unique<HistoryStore>(nullptr, clock, path, most);
    }
    static core::IpAddress ip(int n = 1) { return *core::IpAddress::parse("10.0.1." + std::to_string(n)); }
    Record record(Reason reason = Reason::kNone, int address = 1, core::Micros total_us = 4360) {
        Record r;
        r.wall_us = clock.wall_us();
        r.link = "tdengine-prod";
        r.host = "gw.example.com";
        r.zone = "cn-hangzhou-h";
        r.endpoint = "ep-1";
        r.ip = ip(address);
        r.ok = reason == Reason::kNone;
        r.reason = reason;
        r.phase = r.ok ? Phase::kCount : Phase::kConnect;
        r.phase_us[0] = 412;
        if (r.ok) r.phase_us = {412, 3000, 10, 888, 50};
        r.total_us = r.ok ? total_us : 412;
        if (!r.ok) r.detail = "connect: refused by " + r.ip.text();
        r.path = r.state = r.ok ? State::kUp : State::kDown;
        r.prev_state = State::kUp;
        r.seq = ++seq;
        return r;
    }
    /// One attempt, then advances the clock.
    void probe(Reason reason = Reason::kNone, core::Micros then = 10 * kSecond, int address = 1) {
        store->add(record(reason, address));
        clock.advance(then);
    }
    std::vector<Rollup> rollups(Resolution r, core::Micros since = 0, int address = 1) {
        return store->rollups("tdengine-prod", ip(address), r, since).value_or(std::vector<Rollup>{});
    }
    std::vector<Record> failures(int address = 1) { return store->failures("tdengine-prod", ip(address)); }
    std::optional<Availability> day(int address = 1) { return store->last_day("tdengine-prod", ip(address)); }
};

inline std::uint32_t attempts(const std::vector<Rollup>& list) {
    std::uint32_t out = 0;
    for (const auto& r : list)
        out += r.attempts;
    return out;
}

inline constexpr auto ok = Reason::kNone;
inline constexpr auto refused = Reason::kTcpRefused;

}  // namespace postern::test

// SPDX-License-Identifier: Apache-2.0
// PrivateZone in memory: a ZoneStore that checks what the rules promise after every write, and that can stop working.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "agent/publish/zone_change.h"
#include "agent/publish/zone_records.h"

namespace postern::agent::publish {

inline EndpointAddress at(const char* ip, const char* zone = "") {
    return {*core::IpAddress::parse(ip), zone, "ep-1"};
}

inline const BoundVpc kVpc{"cn-hangzhou", "vpc-1", ""};
inline constexpr core::Micros kNow = 1767323045LL * core::kSecond;

struct MemoryZones final : ZoneStore {
    std::vector<PrivateZone> zones;
    int next_id = 1;
    int writes_left = -1;  // then it fails; -1: never
    core::Micros now = kNow;
    std::function<void()> before_write = [] {};
    bool was_empty = false;  // a name that a VPC asks for had no address after it had one
    bool undoing = false;
    std::map<std::string, bool> had;

    core::Result<std::vector<PrivateZone>> look(const std::string& host) override {
        std::vector<PrivateZone> out;
        for (const auto& zone : zones) {
            if (zone.name == host) out.push_back(zone);
        }
        return out;
    }
    core::Result<std::string> make(const std::string& host) override {
        if (auto ok = may_write(); !ok) return core::fail(ok.error());
        zones.push_back({.id = "zone" + std::to_string(next_id++), .name = host, .fast = true});
        return zones.back().id;
    }
    core::Result<void> carry_out(const std::string& id, const Step& step) override {
        if (auto ok = may_write(); !ok) return ok;
        const auto zone = std::find_if(zones.begin(), zones.end(), [&](const auto& z) { return z.id == id; });
        if (zone == zones.end()) return core::fail(core::Code::kApiRejected, "Zone.NotExists");
        using Kind = Step::Kind;
        if (step.kind == Kind::kMarkZone) zone->remark = kMark;
        if (step.kind == Kind::kBind) zone->vpcs = step.vpcs;
        if (step.kind == Kind::kDelete)
            std::erase_if(zone->records, [&](const auto& r) { return r.id == step.record.id; });
        if (step.kind == Kind::kAdd || step.kind == Kind::kUpdate || step.kind == Kind::kNote) {
            const auto old = std::find_if(zone->records.begin(), zone->records.end(),
                                          [&](const auto& r) { return r.id == step.record.id; });
            if (old != zone->records.end()) {
                *old = step.record;
            } else {
                zone->records.push_back(step.record);
                zone->records.back().id = std::to_string(next_id++);
            }
        }
        if (step.kind == Kind::kRemoveZone) zones.erase(zone);
        check();
        return {};
    }

    /// The enabled addresses of the name itself on a line.
    std::vector<std::string> answer(const std::string& line = "default") const {
        std::vector<std::string> out;
        for (const auto& zone : zones) {
            for (const auto& r : zone.records) {
                if (r.rr == "@" && (r.type == "A" || r.type == "AAAA") && r.enabled && r.line == line)
                    out.push_back(r.value);
            }
        }
        std::sort(out.begin(), out.end());
        return out;
    }
    ChangeOptions options() {
        return {.wall_us = [this] { return now; }, .sleep = [](core::Micros) { return true; }, .told = {}};
    }

  private:
    core::Result<void> may_write() {
        before_write();
        if (writes_left == 0) return core::fail(core::Code::kTimeout, "killed");
        if (writes_left > 0) --writes_left;
        return {};
    }
    void check() {
        for (const auto& zone : zones) {
            if (zone.vpcs.empty()) continue;
            const bool any = std::any_of(zone.records.begin(), zone.records.end(), [](const auto& r) {
                return r.rr == "@" && r.type == "A" && r.line == "default" && r.enabled;
            });
            was_empty = was_empty || (had[zone.name] && !any && !undoing);
            had[zone.name] = had[zone.name] || any;
            if (!undoing && !any) was_empty = true;  // bound, but empty
        }
    }
};

inline NameWish wish_for(EndpointSet addresses, const std::string& publisher = "host-a") {
    return {.host = "db.example.com", .addresses = std::move(addresses), .vpcs = {kVpc}, .publisher = publisher};
}

}  // namespace postern::agent::publish

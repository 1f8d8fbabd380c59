// SPDX-License-Identifier: Apache-2.0
#include "agent/status/fault_book.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "agent/faults/fault_text.h"
#include "core/log.h"

namespace postern::agent {

namespace {

using core::kSecond;

struct Row {
    std::string_view begins;  // the code, or what several begin with
    FaultPace pace;
};

/// The first that fits. What has a hysteresis of its own (probes: fall and rise) is not here: it is visible at once.
constexpr Row kRows[] = {
    {"PN-UPSTREAM-NONE", {10 * kSecond, 0}},         // DHCP is renewed, an interface comes up
    {"PN-UPSTREAM-", {10 * kSecond, 20 * kSecond}},  // a blip of the network
    {"PN-AGENT-PLAN-LATE", {5 * kSecond, 0}},        // loading a plan takes a moment
    {"PN-AGENT-STATS", {5 * kSecond, 0}},            // a resolver that starts has none yet
    {"PN-CONFIG-OLDER", {30 * kSecond, 0}},          // an editor saves, a reload follows
    {"PN-RESOLV-UNFINISHED", {10 * kSecond, 0}},     // a command is at work
    {"PN-RESOLV-UNASKED", {30 * kSecond, 0}},        // the same; a lease is renewed
};

/// Faults of a link whose error the discovery's own log line has told already.
constexpr std::string_view kToldByDiscovery[] = {"PN-AGENT-DISCOVERY", "PN-ADDRESS-NONE", "PN-CREDENTIALS-NONE"};

std::string log_text(Fault f) {
    if (std::find(std::begin(kToldByDiscovery), std::end(kToldByDiscovery), f.code) != std::end(kToldByDiscovery))
        f.values.insert_or_assign("problem", "see discovery_failed");
    return told(f, doctor::Catalogue::in(doctor::Language::kEnglish));
}

}  // namespace

FaultPace pace_of(std::string_view code) {
    for (const Row& row : kRows) {
        if (code.starts_with(row.begins)) return row.pace;
    }
    return {};
}

void log_news(const FaultNews& news) {
    const auto fields = [](const Fault& f) {
        core::Fields out = {{"code", f.code}, {"severity", std::string(doctor::severity_of(f.state))}};
        if (!f.link.empty()) out.push_back({"link", f.link});
        if (!f.ip.empty()) out.push_back({"ip", f.ip});
        return out;
    };
    for (const Fault& f : news.raised)
        core::log_warning("fault_raised", log_text(f), fields(f));
    for (const Fault& f : news.cleared)
        core::log_info("fault_cleared", log_text(f), fields(f));
}

void FaultBook::settle(std::vector<Fault>& conditions, core::Micros now_us) {
    for (const Fault& f : conditions) {
        const auto [at, fresh] = conditions_.try_emplace({f.code, f.link});
        if (fresh) at->second.began_us = now_us;
        at->second.seen_us = now_us;
        at->second.last = f;
    }
    std::set<Key> kept;
    for (auto at = conditions_.begin(); at != conditions_.end();) {
        Condition& c = at->second;
        const FaultPace pace = pace_of(at->first.first);
        const bool holds = c.seen_us == now_us;
        c.visible = c.visible || now_us - c.began_us >= pace.visible_after_us;
        const bool over = !holds && (!c.visible || now_us - c.seen_us >= pace.gone_after_us);
        if (!over && !holds) conditions.push_back(c.last);
        if (!over && c.visible) kept.insert(at->first);
        at = over ? conditions_.erase(at) : std::next(at);
    }
    std::erase_if(conditions, [&](const Fault& f) { return kept.count({f.code, f.link}) == 0; });
}

FaultNews FaultBook::note(std::vector<Fault>& faults, core::Micros now_wall_us) {
    FaultNews news;
    std::set<Key> here;
    for (Fault& f : faults) {
        const Key key{f.code, f.link};
        const auto [at, fresh] = shown_.try_emplace(key, Shown{f, now_wall_us});
        if (fresh) news.raised.push_back(f);
        f.since_wall_us = at->second.since_wall_us;
        at->second.last = f;
        here.insert(key);
    }
    for (auto at = shown_.begin(); at != shown_.end();) {
        const bool gone = here.count(at->first) == 0;
        if (gone) news.cleared.push_back(at->second.last);
        at = gone ? shown_.erase(at) : std::next(at);
    }
    return news;
}

}  // namespace postern::agent

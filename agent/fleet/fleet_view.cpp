// SPDX-License-Identifier: Apache-2.0
#include "agent/fleet/fleet_view.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "agent/faults/codes.h"
#include "core/text.h"

namespace postern::agent {
namespace {

using doctor::catalogued;
using doctor::Fault;
using doctor::Values;
using probe::State;

/// Fewer hosts that agree say nothing of a zone, or of all.
constexpr std::size_t kEnough = 2;

struct ByName {
    bool operator()(const HostReport* a, const HostReport* b) const {
        return std::tie(a->who(), a->instance) < std::tie(b->who(), b->instance);
    }
};

std::string address_text(const SeenAddress& a) {
    return a.ip.text() + (a.zone.empty() ? "" : " (" + a.zone + ")");
}

std::string names_text(const std::vector<std::string>& names, std::size_t count) {
    std::string out = core::joined(names);
    if (count > names.size()) out += ", …";
    return out;
}

std::vector<std::string> zone_names(const SeenAddress& a, bool (*wanted)(const Tally&)) {
    std::vector<std::string> out;
    for (const auto& [zone, tally] : a.by_zone) {
        if (!zone.empty() && wanted(tally)) out.push_back(zone);
    }
    return out;
}

/// What is said of one address; those of the same zone of which the same is said become one finding.
struct Said {
    std::string code;
    std::string zones, hosts;  // whose hosts
    std::size_t count = 0, others = 0;
    std::string also;
    bool later = false;  // not known yet
};

Said said_of_all(const SeenAddress& a) {
    const auto zones = zone_names(a, [](const Tally& t) { return t.down > 0; });
    Said out{.code = a.all.down < kEnough ? "PN-FLEET-DOWN-FEW" : "PN-FLEET-DOWN-ALL",
             .zones = core::joined(zones),
             .hosts = names_text(a.down_for, a.all.down),
             .count = a.all.down};
    if (out.code == "PN-FLEET-DOWN-ALL" && zones.size() < 2) out.also = "one_zone";
    return out;
}

/// Down for some, and reached by others.
std::vector<Said> said_of_some(const SeenAddress& a, Micros now_wall_us) {
    Said base{.hosts = names_text(a.down_for, a.all.down), .count = a.all.down, .others = a.all.reach()};
    base.zones = core::joined(zone_names(a, [](const Tally& t) { return t.down > 0; }));
    if (now_wall_us - a.newest_down_wall_us < report_settled(a.longest_interval_us)) {
        base.code = "PN-FLEET-DOWN-LATE";
        base.later = true;
        return {base};
    }
    Said whole{.code = "PN-FLEET-DOWN-ZONE", .others = a.all.reach()};
    std::vector<std::string> whole_zones;
    std::size_t left = 0;
    bool beside_others = false;  // a host of the rest has one that reaches it in its own zone
    for (const auto& [zone, tally] : a.by_zone) {
        if (tally.down == 0) continue;
        if (!zone.empty() && tally.reach() == 0 && tally.down >= kEnough) {
            whole_zones.push_back(zone);
            whole.count += tally.down;
        } else {
            left += tally.down;
            beside_others = beside_others || (tally.reach() > 0 && !zone.empty());
        }
    }
    std::vector<Said> out;
    if (!whole_zones.empty()) {
        whole.zones = core::joined(whole_zones);
        // One host elsewhere is too few to say that it is these zones'.
        if (a.all.reach() < kEnough) whole.code = "PN-FLEET-DOWN-FEW";
        whole.hosts = base.hosts;
        out.push_back(whole);
    }
    if (left == 0) return out;
    Said rest = base;
    rest.count = left;
    rest.code = "PN-FLEET-DOWN-SOME";
    if (left == 1 && whole_zones.empty())
        rest.code = beside_others && a.all.reach() >= kEnough ? "PN-FLEET-DOWN-HOST" : "PN-FLEET-DOWN-FEW";
    if (!whole_zones.empty()) rest.hosts = "";  // which of the named ones is not told apart here
    out.push_back(rest);
    return out;
}

Fault fault_of(const Said& said, const std::string& addresses, const std::string& zone, const std::string& names,
               Micros settled_us) {
    Values v = {{"addresses", addresses},
                {"zone", zone},
                {"names", names},
                {"zones", said.zones.empty() ? catalogued("fleet", "no_zone") : said.zones},
                {"hosts", said.hosts.empty() ? catalogued("fleet", "see_table") : said.hosts},
                {"count", std::to_string(said.count)},
                {"others", std::to_string(said.others)},
                {"total", std::to_string(said.count + said.others)},
                {"settled_s", std::to_string(settled_us / core::kSecond)}};
    if (!said.also.empty()) v["also"] = said.also;
    Fault out = doctor::make_fault(said.code, {}, {}, std::move(v));
    if (said.later) out.state = doctor::State::kSkip;
    return out;
}

class Judge {
  public:
    Judge(std::shared_ptr<const FleetReports> reports, Micros now_wall_us) {
        view_.now_wall_us = now_wall_us;
        view_.reports = std::move(reports);
    }

    FleetView view() {
        sort_hosts();
        see_addresses();
        group_hosts();
        find_addresses();
        find_hosts();
        std::stable_sort(view_.findings.begin(), view_.findings.end(), doctor::told_before);
        return std::move(view_);
    }

  private:
    void sort_hosts() {
        for (const auto& r : view_.reports->reports)
            (r.stale(view_.now_wall_us) ? view_.stale : view_.fresh).push_back(&r);
        std::sort(view_.fresh.begin(), view_.fresh.end(), ByName());
        std::sort(view_.stale.begin(), view_.stale.end(), [](const HostReport* a, const HostReport* b) {
            return std::tie(a->written_wall_us, a->who()) < std::tie(b->written_wall_us, b->who());
        });
        for (const HostReport* r : view_.fresh) {
            ++view_.versions[r->version];
            view_.not_asking += r->asks == "no" ? 1 : 0;
            if (r->list_generation != 0) ++view_.generations[r->list_generation];
        }
    }

    void see_addresses() {
        std::map<std::pair<std::string, core::IpAddress>, SeenAddress> seen;
        for (const HostReport* r : view_.fresh) {
            std::set<std::pair<std::string, core::IpAddress>> once;  // a name may be in two links
            for (const auto& link : r->links) {
                for (const auto& a : link.addresses) {
                    if (!once.emplace(link.host, a.ip).second) continue;
                    SeenAddress& s = seen[{link.host, a.ip}];
                    s.name = link.host;
                    s.ip = a.ip;
                    if (s.zone.empty()) s.zone = a.zone;
                    s.all.add(a.state);
                    s.by_zone[r->zone].add(a.state);
                    s.longest_interval_us = std::max(s.longest_interval_us, r->interval_us);
                    if (a.state != State::kDown) continue;
                    if (s.down_for.size() < kMaxNamed) s.down_for.push_back(r->who());
                    // A host's clock may be ahead: what it saw, it has seen.
                    const Micros since = a.since_wall_us == 0 ? r->written_wall_us : a.since_wall_us;
                    s.newest_down_wall_us = std::max(s.newest_down_wall_us, std::min(since, view_.now_wall_us));
                }
            }
        }
        for (auto& [key, s] : seen)
            view_.addresses.push_back(std::move(s));
        std::sort(view_.addresses.begin(), view_.addresses.end(), [](const SeenAddress& a, const SeenAddress& b) {
            return std::tie(a.name, a.zone, a.ip) < std::tie(b.name, b.zone, b.ip);
        });
    }

    void group_hosts() {
        using Key = std::tuple<std::string, std::string, std::vector<std::pair<core::IpAddress, State>>>;
        std::map<Key, HostGroup> groups;
        for (const HostReport* r : view_.fresh) {
            std::set<std::pair<core::IpAddress, State>> not_up;
            for (const auto& link : r->links) {
                for (const auto& a : link.addresses) {
                    if (a.state != State::kUp) not_up.emplace(a.ip, a.state);
                }
            }
            HostGroup& g = groups[{r->zone, r->overall, {not_up.begin(), not_up.end()}}];
            if (g.hosts.empty()) {
                g.zone = r->zone;
                g.overall = r->overall;
                g.not_up = {not_up.begin(), not_up.end()};
                g.worst = r->worst;
            }
            g.hosts.push_back(r);
        }
        for (auto& [key, g] : groups)
            view_.groups.push_back(std::move(g));
        const auto rank = [](const HostGroup& g) {
            return g.overall == "failed" ? 0 : g.overall == "degraded" ? 1 : g.overall == "unknown" ? 2 : 3;
        };
        std::stable_sort(view_.groups.begin(), view_.groups.end(), [&rank](const HostGroup& a, const HostGroup& b) {
            return std::pair(rank(a), b.hosts.size()) < std::pair(rank(b), a.hosts.size());
        });
    }

    void find_addresses() {
        const std::set<std::string> lost = lost_names();
        using Key = std::tuple<std::string, std::string, std::string, std::string, std::size_t, std::size_t>;
        struct Found {
            Said said;
            std::string addresses;
            std::set<std::string> names;
            Micros settled_us = 0;
        };
        std::map<Key, Found> found;
        for (const SeenAddress& a : view_.addresses) {
            if (a.all.down == 0 || lost.contains(a.name)) continue;
            const auto all = a.all.reach() == 0 ? std::vector{said_of_all(a)} : said_of_some(a, view_.now_wall_us);
            for (const Said& said : all) {
                Found& f = found[{said.code, a.zone, said.zones, said.hosts, said.count, said.others}];
                f.said = said;
                core::add_item(f.addresses, address_text(a));
                f.names.insert(a.name);
                f.settled_us = std::max(f.settled_us, report_settled(a.longest_interval_us));
            }
        }
        for (const auto& [key, f] : found)
            view_.findings.push_back(
                fault_of(f.said, f.addresses, std::get<1>(key), core::joined(f.names), f.settled_us));
    }

    /// Names of which every address is down for all; each is one finding.
    std::set<std::string> lost_names() {
        struct Name {
            bool lost = true;
            std::size_t hosts = 0;
            std::string addresses;
        };
        std::map<std::string, Name> names;
        for (const SeenAddress& a : view_.addresses) {
            Name& n = names[a.name];
            n.lost = n.lost && a.all.reach() == 0 && a.all.down >= kEnough;
            n.hosts = std::max(n.hosts, a.all.down);
            core::add_item(n.addresses, address_text(a));
        }
        std::set<std::string> out;
        for (const auto& [name, n] : names) {
            if (!n.lost) continue;
            out.insert(name);
            view_.findings.push_back(
                doctor::make_fault("PN-FLEET-NAME-DOWN", {}, {},
                                   {{"names", name}, {"addresses", n.addresses}, {"count", std::to_string(n.hosts)}}));
        }
        return out;
    }

    void find_hosts() {
        const FleetReports& r = *view_.reports;
        if (!view_.stale.empty()) {
            std::vector<std::string> names;
            for (const HostReport* host : view_.stale) {
                if (names.size() < kMaxNamed) names.push_back(host->who());
            }
            view_.findings.push_back(doctor::make_fault("PN-FLEET-STALE", {}, {},
                                                        {{"count", std::to_string(view_.stale.size())},
                                                         {"hosts", names_text(names, view_.stale.size())},
                                                         {"place", r.place}}));
        }
        std::map<ReportProblem, std::vector<std::string>> refused;
        for (const auto& one : r.refused)
            refused[one.problem].push_back(one.name);
        for (auto& [problem, names] : refused) {
            const std::size_t count = names.size();
            if (count > kMaxNamed) names.resize(kMaxNamed);
            view_.findings.push_back(doctor::make_fault("PN-FLEET-REFUSED", {}, {},
                                                        {{"count", std::to_string(count)},
                                                         {"why", catalogued("fleet", to_string(problem))},
                                                         {"reports", names_text(names, count)},
                                                         {"place", r.place}}));
        }
        if (r.unread > 0 || r.more) {
            Values v = {{"count", std::to_string(r.reports.size())}, {"place", r.place}};
            v["problem"] = r.problem ? doctor::told_value(r.problem->what) : catalogued("fleet", "too_many");
            if (r.problem) v["hint"] = doctor::told_value(r.problem->hint);
            view_.findings.push_back(doctor::make_fault("PN-FLEET-PARTIAL", {}, {}, std::move(v)));
        }
    }

    FleetView view_;
};

}  // namespace

void Tally::add(State state) {
    switch (state) {
        case State::kUp:
            ++up;
            break;
        case State::kDegraded:
            ++degraded;
            break;
        case State::kDown:
            ++down;
            break;
        case State::kUnknown:
            ++unknown;
            break;
    }
}

FleetView judge_fleet(std::shared_ptr<const FleetReports> reports, Micros now_wall_us) {
    return Judge(std::move(reports), now_wall_us).view();
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// GET /metrics: Prometheus text format 0.0.4. One HELP and TYPE per family; base units; counters end in _total.
#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "agent/serving/connection_metrics.h"
#include "agent/serving/list_metrics.h"
#include "agent/serving/metric_rows.h"
#include "core/file_system.h"
#include "core/log.h"
#include "probe/scheduler.h"

namespace postern::agent {

namespace {

using probe::State;
using Writer = MetricsWriter;
using Labels = MetricsWriter::Labels;

void dns_metrics(Writer& w, const StatusSnapshot& s) {
    const core::StatsPage& stats = s.resolver.stats;
    w.family("postern_dns_queries_total", "counter", "Queries answered, by where the answer came from.");
    for (std::size_t source = 0; source < static_cast<std::size_t>(core::Source::kCount); ++source) {
        for (std::size_t row = 0; row < core::kRcodeRows; ++row) {
            for (std::size_t proto = 0; proto < static_cast<std::size_t>(core::Proto::kCount); ++proto) {
                const auto count = stats.queries[source][row][proto];
                // Omit rows that never count, except the ones that are usually plotted.
                if (count == 0 && row != 0) continue;
                w.sample({{"source", std::string(core::to_string(static_cast<core::Source>(source)))},
                          {"rcode", std::string(core::rcode_row_name(row))},
                          {"proto", proto == static_cast<std::size_t>(core::Proto::kUdp) ? "udp" : "tcp"}},
                         count);
            }
        }
    }
    w.family("postern_dns_request_duration_seconds", "histogram", "From the receipt of a query to its answer.");
    w.histogram({}, seconds(core::kLatencyBoundsUs), {stats.latency_buckets.begin(), stats.latency_buckets.end()},
                static_cast<double>(stats.latency_sum_us) / 1e6);
    w.single("postern_dns_cache_entries", "gauge", "Answers in the cache.", stats.cache_entries);
    w.single("postern_dns_cache_bytes", "gauge", "Memory used by the cache.", stats.cache_bytes);
    w.single("postern_dns_cache_hits_total", "counter", "Queries answered from the cache.", stats.cache_hits);
    w.single("postern_dns_cache_misses_total", "counter", "Queries that the cache could not answer.",
             stats.cache_misses);
    w.single("postern_dns_cache_evictions_total", "counter", "Answers dropped from the cache for space.",
             stats.cache_evictions);
    w.single("postern_dns_inflight", "gauge", "Different questions that wait for upstreams.", stats.inflight);
    w.single("postern_dns_tcp_clients", "gauge", "Open TCP connections of clients.", stats.tcp_clients);
    w.family("postern_dns_events_total", "counter", "Things that happen to packets and are not a normal answer.");
    for (std::size_t e = 0; e < static_cast<std::size_t>(core::ResolverEvent::kCount); ++e) {
        w.sample({{"event", std::string(core::to_string(static_cast<core::ResolverEvent>(e)))}}, stats.events[e]);
    }
}

void fault_metrics(Writer& w, const StatusSnapshot& s) {
    w.family("postern_fault", "gauge", "1 while a fault is visible; postern-doctor(7) has its code.");
    std::set<std::pair<std::string, std::string>> seen;  // several of one code and link are one condition
    for (const Fault& f : s.faults) {
        if (seen.emplace(f.code, f.link).second)
            w.sample({{"code", f.code}, {"link", f.link}, {"severity", std::string(doctor::severity_of(f.state))}}, 1);
    }
}

void upstream_metrics(Writer& w, const StatusSnapshot& s) {
    std::vector<const UpstreamStatus*> upstreams;
    std::set<core::SocketAddress> seen;
    for (const auto& u : s.resolver.upstreams) {
        if (seen.insert(u.address).second) upstreams.push_back(&u);
    }
    w.family("postern_dns_upstream_requests_total", "counter", "Queries sent to an upstream, by result.");
    for (const auto* u : upstreams) {
        // Of the resolver, which counts every reply as answered.
        const auto errors = std::min(u->stats.answered, u->stats.servfail + u->stats.refused);
        const std::pair<const char*, std::uint64_t> outcomes[] = {{"answered", u->stats.answered - errors},
                                                                  {"timeout", u->stats.timeouts},
                                                                  {"servfail", u->stats.servfail},
                                                                  {"refused", u->stats.refused},
                                                                  {"network_error", u->stats.network_errors}};
        for (const auto& [outcome, count] : outcomes)
            w.sample({{"upstream", u->address.text()}, {"outcome", outcome}}, count);
    }
    w.family("postern_dns_upstream_rtt_seconds", "histogram", "Time until an upstream answered.");
    for (const auto* u : upstreams) {
        w.histogram({{"upstream", u->address.text()}}, seconds(core::kLatencyBoundsUs),
                    {u->stats.rtt_buckets.begin(), u->stats.rtt_buckets.end()},
                    static_cast<double>(u->stats.rtt_sum_us) / 1e6);
    }
}

void resolver_metrics(Writer& w, const StatusSnapshot& s) {
    const ResolverStatus& r = s.resolver;
    w.single("postern_resolver_up", "gauge", "Whether postern-resolver is running.", r.running ? 1 : 0);
    w.single("postern_resolver_restarts_total", "counter", "Times that the agent had to start postern-resolver again.",
             r.restarts);
    w.family("postern_plan_generation", "gauge",
             "Generation of the plan that the agent published and the resolver accepted.");
    w.sample({{"which", "published"}}, r.published_generation);
    w.sample({{"which", "accepted"}}, r.stats_valid ? r.stats.plan_accepted_generation : 0);
    w.single("postern_plan_accepted", "gauge", "Whether the resolver uses the published plan.", r.accepted ? 1 : 0);
    w.single("postern_plan_refused_total", "counter", "Plans that the resolver found invalid.", r.stats.plans_refused);
}

void link_metrics(Writer& w, const StatusSnapshot& s) {
    w.family("postern_link_up", "gauge",
             "Whether a link meets its policy (any, quorum or all of its addresses); absent while unknown.");
    for (const auto& link : s.links) {
        if (link.state != State::kUnknown) w.sample({{"link", link.name}}, link.state == State::kDown ? 0 : 1);
    }
    w.family("postern_link_addresses", "gauge", "Addresses that discovery knows.");
    for (const auto& link : s.links)
        w.sample({{"link", link.name}}, link.addresses.size());
    w.family("postern_dns_private_answers", "gauge",
             "Addresses in the present answer for a link's name; absent where it is only verified.");
    const auto answered = [&](auto value) {
        for (const auto& link : s.links) {
            if (!link.verify_only) w.sample({{"link", link.name}}, value(link));
        }
    };
    answered([](const LinkStatus& link) { return link.answer.size(); });
    w.family("postern_dns_private_queries_total", "counter", "Queries answered for a link's name.");
    answered([](const LinkStatus& link) { return link.answers; });
    w.family("postern_link_fail_open", "gauge", "1 while all addresses are answered because all are down.");
    answered([](const LinkStatus& link) { return link.all_down ? 1 : 0; });
    w.family("postern_link_verify_only", "gauge",
             "1 for a link whose name the VPC's DNS answers, and postern verifies.");
    for (const auto& link : s.links)
        w.sample({{"link", link.name}}, link.verify_only ? 1 : 0);

    w.family("postern_endpoint_up", "gauge",
             "1 when an address is up or degraded, 0 when it is down; absent while unknown.");
    per_address(w, s, [](const LinkStatus& link, const AddressStatus& a) -> std::optional<int> {
        const State state = judged_state(link, a);
        if (state == State::kUnknown) return std::nullopt;
        return state == State::kDown ? 0 : 1;
    });
    w.family("postern_endpoint_answered", "gauge",
             "1 while an address is in the DNS answer, 0 while it is withdrawn; absent while the VPC's is not known.");
    per_address(w, s, [](const LinkStatus& link, const AddressStatus& a) -> std::optional<int> {
        if (link.verify_only && !(link.vpc_answer && link.vpc_answer->tells_of(a.ip))) return std::nullopt;
        return a.answered ? 1 : 0;
    });
    w.family("postern_drained", "gauge",
             "1 while an address is drained; it is answered all the same when no other one works.");
    per_address(w, s, [](const LinkStatus&, const AddressStatus& a) { return std::optional<int>(a.drained ? 1 : 0); });
    w.family("postern_endpoint_state", "gauge", "1 for the state that an address is in.");
    for (const auto& link : s.links) {
        for (const auto& a : link.addresses) {
            for (const State state : {State::kUp, State::kDegraded, State::kDown, State::kUnknown}) {
                w.sample({{"link", link.name},
                          {"ip", a.ip.text()},
                          {"zone", a.zone},
                          {"state", std::string(probe::to_string(state))}},
                         a.state == state ? 1 : 0);
            }
        }
    }
    w.family("postern_endpoint_last_probe_duration_seconds", "gauge", "Duration of the last probe of an address.");
    per_address(w, s, [](const LinkStatus&, const AddressStatus& a) {
        return a.last ? std::optional<double>(static_cast<double>(a.last->total_us) / 1e6) : std::nullopt;
    });
    w.family("postern_tls_not_after_timestamp_seconds", "gauge",
             "When the first certificate of the chain at an address ends.");
    per_address(w, s, [](const LinkStatus&, const AddressStatus& a) -> std::optional<double> {
        if (!a.last || !a.last->certificate.present) return std::nullopt;
        const auto& c = a.last->certificate;
        return timestamp(c.chain_not_after_us > 0 ? c.chain_not_after_us : c.not_after_us);
    });
}

/// For links that compare with a public gateway.
void compare_metrics(Writer& w, const StatusSnapshot& s) {
    const auto each = [&s](auto sample) {
        for (const auto& link : s.links) {
            if (link.compare) sample(link, *link.compare);
        }
    };
    if (std::none_of(s.links.begin(), s.links.end(), [](const auto& link) { return link.compare.has_value(); })) return;
    w.family("postern_compare_finding", "gauge", "1 for what comparing with the public gateway has found.");
    each([&w](const LinkStatus& link, const CompareStatus& c) {
        for (int f = 0; f < static_cast<int>(Comparison::kCount); ++f) {
            const auto finding = static_cast<Comparison>(f);
            w.sample({{"link", link.name}, {"finding", std::string(to_string(finding))}}, c.finding == finding ? 1 : 0);
        }
    });
    w.family("postern_compare_median_seconds", "gauge", "Median of the last good probes, by the way they went.");
    each([&w](const LinkStatus& link, const CompareStatus& c) {
        const auto sample = [&](const char* way, const std::optional<Micros>& us) {
            if (us) w.sample({{"link", link.name}, {"way", way}}, static_cast<double>(*us) / 1e6);
        };
        sample("private", c.private_median_us);
        sample("public", c.public_median_us);
    });
    w.family("postern_compare_attempts_total", "counter", "Comparisons begun.");
    each([&w](const LinkStatus& link, const CompareStatus& c) { w.sample({{"link", link.name}}, c.attempts); });
    w.family("postern_compare_failures_total", "counter", "Comparisons in which the public gateway failed.");
    each([&w](const LinkStatus& link, const CompareStatus& c) { w.sample({{"link", link.name}}, c.failures); });
    w.family("postern_compare_last_timestamp_seconds", "gauge", "When the public gateway was last asked; 0: not yet.");
    each([&w](const LinkStatus& link, const CompareStatus& c) {
        w.sample({{"link", link.name}}, timestamp(c.at_wall_us));
    });
}

/// For links that only verify their name.
void vpc_answer_metrics(Writer& w, const StatusSnapshot& s) {
    const auto each = [&s](auto sample) {
        for (const auto& link : s.links) {
            if (link.vpc_answer) sample(link, *link.vpc_answer);
        }
    };
    if (std::none_of(s.links.begin(), s.links.end(), [](const auto& link) { return link.verify_only; })) return;
    w.family("postern_vpc_answer_finding", "gauge",
             "1 for how the VPC's answer compares with the endpoint's addresses.");
    each([&w](const LinkStatus& link, const VpcAnswer& a) {
        for (int f = 0; f < static_cast<int>(VpcFinding::kCount); ++f) {
            const auto finding = static_cast<VpcFinding>(f);
            w.sample({{"link", link.name}, {"finding", std::string(to_string(finding))}}, a.finding == finding ? 1 : 0);
        }
    });
    w.family("postern_vpc_answer_attempts_total", "counter", "Times that the VPC's DNS was asked for a verified name.");
    each([&w](const LinkStatus& link, const VpcAnswer& a) { w.sample({{"link", link.name}}, a.attempts); });
    w.family("postern_vpc_answer_failures_total", "counter", "Times that it did not answer.");
    each([&w](const LinkStatus& link, const VpcAnswer& a) { w.sample({{"link", link.name}}, a.failures); });
    w.family("postern_vpc_answer_last_timestamp_seconds", "gauge", "When it last answered; 0: not yet.");
    each([&w](const LinkStatus& link, const VpcAnswer& a) {
        w.sample({{"link", link.name}}, timestamp(a.at_wall_us));
    });
}

/// The unit of probe counters: an address, or a link if there are many.
struct Counted {
    Labels labels;
    AddressCounters counters;
};

std::vector<Counted> counted_probes(const StatusSnapshot& s) {
    const bool apart = count_addresses(s) <= kMaxCountedAddresses;
    std::vector<Counted> out;
    for (const auto& link : s.links) {
        if (!apart) out.push_back({{{"link", link.name}}, {}});
        for (const auto& a : link.addresses) {
            if (apart) {
                out.push_back({{{"link", link.name}, {"ip", a.ip.text()}, {"zone", a.zone}}, a.counters});
            } else {
                out.back().counters.add(a.counters);
            }
        }
    }
    return out;
}

void failure_metrics(Writer& w, const std::vector<Counted>& counted) {
    // A reason that occurred once, anywhere, is exported for all from then on: a rate needs the zero before.
    std::set<probe::Reason> seen;
    for (const auto& c : counted) {
        for (const auto& [reason, count] : c.counters.failures)
            seen.insert(reason);
    }
    w.family("postern_probe_failures_total", "counter", "Probes that failed, by reason.");
    for (const auto& c : counted) {
        for (const auto reason : seen) {
            const auto found = c.counters.failures.find(reason);
            w.sample(with(c.labels, "reason", probe::to_string(reason)),
                     found == c.counters.failures.end() ? 0 : found->second);
        }
    }
}

void probe_metrics(Writer& w, const StatusSnapshot& s) {
    const auto counted = counted_probes(s);
    w.family("postern_probe_attempts_total", "counter", "Probes that have ended, failed ones included.");
    for (const auto& c : counted)
        w.sample(c.labels, c.counters.attempts);
    failure_metrics(w, counted);
    w.single("postern_probe_missed_total", "counter", "Probes not begun, because the previous one was still running.",
             s.probes.missed);
    w.family("postern_probe_phase_duration_seconds", "histogram",
             "Time spent in a phase of a probe, failed phases included.");
    for (const auto& c : counted) {
        for (std::size_t i = 0; i < probe::kTimedPhases; ++i) {
            w.histogram(with(c.labels, "phase", probe::to_string(static_cast<probe::Phase>(i))), probe_bounds_s(),
                        c.counters.phases[i].buckets, c.counters.phases[i].sum_s);
        }
    }
    w.family("postern_probe_schedule_lag_seconds", "histogram", "How much later than planned a probe began.");
    w.histogram({}, seconds(probe::kLagBoundsUs), s.probes.lag.buckets, s.probes.lag.sum_s);
}

void discovery_metrics(Writer& w, const StatusSnapshot& s) {
    w.single("postern_discovery_last_success_timestamp_seconds", "gauge",
             "When the cloud last answered; 0: not since the start.", timestamp(s.discovery.last_success_wall_us));
    w.family("postern_link_discovery_confirmed_timestamp_seconds", "gauge",
             "When the source of a link's addresses last said what is known; 0: never. Absent for fixed "
             "addresses.");
    for (const auto& link : s.links) {
        if (link.discovery.source != "fixed")
            w.sample({{"link", link.name}}, timestamp(link.discovery.confirmed_wall_us));
    }
    w.family("postern_discovery_requests_total", "counter", "Requests to the cloud, by its answer.");
    for (const auto& [key, count] : s.discovery.requests)
        w.sample({{"action", key.first}, {"code", key.second}}, count);
    w.family("postern_discovery_poll_age_seconds", "gauge", "Time since a source of addresses was last asked.");
    for (const auto& [source, age_us] : s.discovery.since_poll_us)
        w.sample({{"source", source}}, static_cast<double>(age_us) / core::kSecond);
    list_metrics(w, s.list, s.now_wall_us);
    report_metrics(w, s.report, s.now_wall_us);
    w.single("postern_discovery_changes_total", "counter", "Times that the addresses of a link changed.",
             s.discovery.changes);
}

/// Fields 14, 15 (CPU ticks), 22 (start), 23 (virtual), 24 (resident pages) of /proc/self/stat.
void process_metrics(Writer& w, const StatusSnapshot& s) {
    const auto stat = core::read_file("/proc/self/stat", 4096);
    if (stat) {
        std::vector<std::string> fields{"", "", ""};  // numbered from 1 in proc(5); the name (2) may contain blanks
        const auto end = stat->rfind(')');
        std::string_view rest = end == std::string::npos ? std::string_view{} : std::string_view(*stat).substr(end + 1);
        while (!rest.empty()) {
            const auto start = rest.find_first_not_of(" \n");
            if (start == std::string_view::npos) break;
            rest.remove_prefix(start);
            fields.emplace_back(rest.substr(0, rest.find_first_of(" \n")));
            rest.remove_prefix(fields.back().size());
        }
        const auto number = [&fields](std::size_t i) {
            return i < fields.size() ? std::strtod(fields[i].c_str(), nullptr) : 0.0;
        };
        const double ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
        const double page = static_cast<double>(::sysconf(_SC_PAGESIZE));
        w.single("process_cpu_seconds_total", "counter", "CPU time of the agent.", (number(14) + number(15)) / ticks);
        w.single("process_virtual_memory_bytes", "gauge", "Virtual memory of the agent.", number(23));
        w.single("process_resident_memory_bytes", "gauge", "Resident memory of the agent.", number(24) * page);
    }
    if (s.started_wall_us > 0) {
        w.single("process_start_time_seconds", "gauge", "When the agent started.", timestamp(s.started_wall_us));
    }
    std::size_t open = 0;
    if (DIR* folder = ::opendir("/proc/self/fd")) {
        while (const dirent* entry = ::readdir(folder)) {
            if (entry->d_name[0] != '.') ++open;
        }
        ::closedir(folder);
        w.single("process_open_fds", "gauge", "Open file descriptors of the agent.", open > 0 ? open - 1 : 0);
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        w.single("process_max_fds", "gauge", "Most file descriptors that the agent may open.", limit.rlim_cur);
    }
    w.single("postern_log_lines_lost_total", "counter", "Lines of the agent's log that could not be written to stderr.",
             core::lost_log_lines());
}

}  // namespace

std::string metrics_text(const StatusSnapshot& s) {
    Writer w;
    w.family("postern_build_info", "gauge", "The running version.");
    w.sample({{"version", s.version}}, 1);
    w.family("postern_status", "gauge", "1 for the overall state, the one of `postern status`.");
    for (const Overall overall : {Overall::kGood, Overall::kDegraded, Overall::kFailed, Overall::kUnknown}) {
        w.sample({{"state", std::string(to_string(overall))}}, s.overall == overall ? 1 : 0);
    }
    fault_metrics(w, s);
    link_metrics(w, s);
    probe_metrics(w, s);
    compare_metrics(w, s);
    vpc_answer_metrics(w, s);
    connection_metrics(w, s);
    dns_metrics(w, s);
    upstream_metrics(w, s);
    resolver_metrics(w, s);
    discovery_metrics(w, s);
    w.single("postern_config_last_reload_successful", "gauge",
             "Whether the configuration was last read without mistakes.", s.config_reload_ok ? 1 : 0);
    w.single("postern_config_last_reload_success_timestamp_seconds", "gauge", "When the configuration in use was read.",
             timestamp(s.config_loaded_wall_us));
    w.family("postern_hostdns_state", "gauge", "1 for the way the host's resolver is pointed at postern.");
    const Journal& takeover = s.host_dns.journal;
    const bool off = takeover.state == TakeoverState::kOff;
    w.sample({{"mode", off ? "none" : std::string(to_string(takeover.decision.mode))},
              {"state", !s.host_dns.problem.empty() ? "unknown" : std::string(to_string(takeover.state))}},
             1);
    if (takeover.state == TakeoverState::kOn && s.host_dns.seen.state != PathState::kUnknown) {
        w.single("postern_hostdns_works", "gauge",
                 "Whether programs of the host get postern's answers; absent while that is not known.",
                 s.host_dns.seen.state == PathState::kWorks ? 1 : 0);
    }
    process_metrics(w, s);
    return w.take();
}

}  // namespace postern::agent

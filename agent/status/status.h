// SPDX-License-Identifier: Apache-2.0
// One snapshot of the agent's whole state. app.cpp fills it; the views in serving/ only read it. Contains no secret.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/discovery/endpoint_sync.h"
#include "agent/faults/catalogue.h"
#include "agent/faults/fault.h"
#include "agent/fleet/list_reader.h"
#include "agent/fleet/report_writer.h"
#include "agent/hostdns/report.h"
#include "agent/hostdns/upstream_watch.h"
#include "agent/status/app_connections.h"
#include "agent/status/compare_finding.h"
#include "agent/status/fault_book.h"
#include "agent/status/histogram.h"
#include "agent/status/one_zone.h"
#include "agent/status/overall.h"
#include "agent/status/vpc_answer.h"
#include "core/message.h"
#include "core/stats_page.h"
#include "probe/past.h"
#include "probe/probe_types.h"
#include "probe/rollup.h"
#include "probe/verdict.h"

namespace postern::agent {

/// The probe counters of one address since it is known.
struct AddressCounters {
    std::uint64_t attempts = 0;
    std::map<probe::Reason, std::uint64_t> failures;
    std::array<Histogram, probe::kTimedPhases> phases;  // bounds in probe_bounds_s()

    void add(const AddressCounters& other);
};

struct AddressStatus {
    core::IpAddress ip;
    std::string zone, endpoint;
    probe::Verdict verdict;
    probe::State state = probe::State::kUnknown;
    bool answered = false;     // in the current DNS answer; of a link that only verifies its name: in the VPC's
    bool drained = false;      // by a drain in force; answered all the same when no other address works
    Micros since_wall_us = 0;  // of the current state
    std::optional<probe::ProbeResult> last;
    int streak = 0;                     // >0 successes in a row, <0 failures
    bool certificate_expiring = false;  // within expiry_warning
    bool partial = false;               // degraded because a part of its probes fails
    probe::Share rate, peers_rate;      // passed probes of the last minutes, of it and of the link's others
    AddressCounters counters;
    std::optional<probe::Availability> last_day;
    std::optional<probe::Month> last_month;
    std::vector<probe::Incident> incidents;        // of the last 30 days, oldest first
    std::string recent;                            // marks of the last 60 results, see probe::History::recent()
    std::optional<TargetConnections> connections;  // of applications; nullopt: not known
    std::uint64_t connections_freed = 0;           // lost ones that were ended since the start
};

/// What a link's cause is about, for views with their own texts.
struct CauseFinding {
    std::string_view code;  // "reason", "token", "slow", "partial", "certificate", "api_error", "first_probes"
    probe::Reason reason = probe::Reason::kNone;  // of code "reason"
    std::string ip, zone;                         // the address that it is about; "" if none
    std::size_t alike = 0;                        // how many addresses it applies to
};

/// What a probe of a link sends, for those who want to send it by hand; never the token.
struct RequestStatus {
    std::string server_name, path, sql, ca_file;  // "" where the kind has none, or where it is the system's
};

struct LinkStatus {
    std::string name, host;
    std::uint16_t port = 443;
    probe::Kind kind = probe::Kind::kTdengine;
    RequestStatus request;
    probe::LinkPolicy policy = probe::LinkPolicy::kAny;
    bool probing = true;
    bool token_configured = false;
    bool asks_service = true;     // LinkConfig::asks_service(): without it only the path is judged
    core::Message token_problem;  // "" or why the token could not be read
    DiscoveryStatus discovery;
    std::vector<AddressStatus> addresses;
    bool verify_only = false;             // the VPC answers the name, postern compares
    std::vector<core::IpAddress> answer;  // the current DNS answer, in order; none of a name that is only verified
    bool all_down = false;                // all addresses are answered because all are down
    probe::State path = probe::State::kUnknown;  // over the addresses, by policy
    probe::State service = probe::State::kUnknown;
    probe::State state = probe::State::kUnknown;
    std::vector<Fault> faults;            // worst first; of kSkip: what is not known yet
    std::string cause;                    // of the first one, in English; "" if there is none
    std::string fix;                      // its next step, "" when none
    std::optional<CauseFinding> finding;  // what it is about, where it has that
    bool first_sweep_done = false;
    std::uint64_t answers = 0;                   // private answers served, from the resolver
    std::optional<CompareStatus> compare;        // with the public gateway; shown only
    std::optional<VpcAnswer> vpc_answer;         // of a name that is only verified
    std::optional<OneZone> one_zone;             // a followed name leaves zones of its endpoint out
    std::optional<LinkConnections> connections;  // of applications; nullopt: not known
};

/// What a person has taken out of the answers for a time.
struct DrainStatus {
    std::string target;  // a zone or an address
    Micros began_wall_us = 0, until_wall_us = 0;
    std::string reason;  // "": none was given
    bool free = false;   // idle and stuck connections to it are ended
};

/// "cn-hangzhou-h until 2026-01-02T03:04:05Z, for 43m more: new cable"
std::string drain_text(const DrainStatus& drain, Micros now_wall_us,
                       doctor::Language language = doctor::Language::kEnglish);

struct UpstreamStatus {
    core::SocketAddress address;
    core::UpstreamStats stats;
    UpstreamState state = UpstreamState::kUnknown;  // in the last five minutes
};

struct ResolverStatus {
    bool running = false;
    bool managed = false;  // started or adopted by this agent
    pid_t pid = 0;
    bool stats_valid = false;
    core::Message stats_problem;
    core::StatsPage stats;
    std::uint64_t published_generation = 0;
    bool accepted = false;  // see PlanPublisher::up_to_date()
    std::uint64_t restarts = 0;
    std::vector<core::SocketAddress> listen;
    std::vector<UpstreamStatus> upstreams;
    std::string upstream_source;  // "configured", "/etc/resolv.conf", …
    std::optional<Fault> fault;   // of the resolver or the plan
    std::string problem;          // it in English; "" if there is none
};

struct ProbeCounters {
    std::uint64_t attempts = 0, missed = 0;
    std::map<probe::Reason, std::uint64_t> failures;  // includes addresses that are gone
    Histogram lag;
};

/// Good attempts in percent with two decimals, rounded down: 100 means all of them.
double percent(const probe::Availability& availability);
double percent(const probe::Month& month);

struct StatusSnapshot {
    Micros now_wall_us = 0;
    Micros started_wall_us = 0;
    std::string version;
    std::string config_path;
    std::optional<Fault> config_fault;  // what of the file is not in use
    bool config_reload_ok = true;
    std::string config_problem;  // it in English; "" if there is none
    Micros config_loaded_wall_us = 0;
    std::string host_name, instance;  // of this host: its name, its ID at the cloud; "" when unknown
    std::string region, host_zone;    // "" when unknown
    std::vector<LinkStatus> links;
    std::vector<DrainStatus> drains;
    ResolverStatus resolver;
    HostDnsReport host_dns;
    DiscoveryCounters discovery;
    ListStatus list;      // of the fleet
    ReportStatus report;  // to the fleet
    ProbeCounters probes;
    AppConnections connections;
    std::vector<Fault> reported;  // by the agent's parts: of itself, of its sources, of this host's DNS
    std::vector<Fault> faults;    // all there are, worst first; none of kSkip
    Overall overall = Overall::kUnknown;
    std::optional<Fault> headline_fault;  // the first one, which may be of kSkip; nullopt: all is well
    std::string headline;                 // the verdict in one sentence, in English
    std::string headline_link;            // the link of its cause; "": of none
    std::size_t headline_more = 0;        // how many more causes there are
};

/// The state of a link from its addresses, by policy, and its faults; of the whole from its links and all faults. Pure.
void judge(LinkStatus& link);  // link_judge.cpp
void judge(StatusSnapshot& snapshot);
/// The same with the conditions that are faults by now, and since when they are; returns what began and ended.
FaultNews judge(StatusSnapshot& snapshot, FaultBook& book, Micros now_mono_us);

/// Of a link that only verifies its name: the VPC's DNS answers addresses of the link that are all down, though others
/// are not.
bool leads_to_down(const LinkStatus& link);
/// An address's state in its link: without a token the service is never asked, and only the path is judged.
probe::State judged_state(const LinkStatus& link, const AddressStatus& a);

// The views.
std::string status_json(const StatusSnapshot& snapshot);  // GET /api/v1/status, status --json
/// `postern status`. Lines are broken or cut at `columns`; 0: never (a pipe, so that grep finds whole sentences).
/// `rows`: of the terminal, 0 if there is none; if the screen is too small, details are left out.
std::string status_text(const StatusSnapshot& snapshot, bool colour, std::size_t columns = 80, std::size_t rows = 0,
                        doctor::Language language = doctor::Language::kEnglish);
std::string health_json(const StatusSnapshot& snapshot);   // GET /health
int health_http_status(const StatusSnapshot& snapshot);    // 200 pass or warn, 503 fail
std::string metrics_text(const StatusSnapshot& snapshot);  // GET /metrics

}  // namespace postern::agent

// The agent's HTTP routes (HTTP in the manual) over callbacks that the app provides.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/serving/http_server.h"
#include "agent/status/status.h"
#include "probe/record.h"
#include "probe/rollup.h"

namespace postern::agent {

/// One check of /livez or /readyz.
struct HealthCheck {
    std::string name;  // "loop", "plan", …: [a-z_]
    bool ok = false;
    std::string reason;  // if not ok: what is missing, in one sentence
};

struct HttpSources {
    std::function<StatusSnapshot()> snapshot;         // judged
    std::function<std::vector<HealthCheck>()> live;   // the loop turned, the scheduler made progress; nothing remote
    std::function<std::vector<HealthCheck>()> ready;  // see ready_checks()
    std::function<std::vector<probe::Record>(const probe::RecordFilter&, std::size_t limit)> probes;  // newest first
    /// Oldest first; nullopt for an address without history.
    std::function<std::optional<std::vector<probe::Rollup>>(const std::string& link, const core::IpAddress& ip,
                                                            probe::Resolution resolution, Micros since_wall_us)>
        history;
    std::function<void()> refresh;                      // asks the API and probes everything now; returns at once
    std::function<HttpReply(const HttpQuery&)> probe;   // ProbeRoute
    std::function<HttpReply(const HttpQuery&)> stream;  // EventStream
};

std::vector<HttpRoute> make_routes(HttpSources sources);

/// The roll-ups of one address, as columns.
std::string history_json(const std::string& link, const core::IpAddress& ip, probe::Resolution resolution,
                         const std::vector<probe::Rollup>& rollups);

/// The checks of /readyz from a snapshot: plan, discovery, sweep.
std::vector<HealthCheck> ready_checks(const StatusSnapshot& snapshot);

/// GET /: the packed page (agent/serving/web) with the verdict and the addresses as plain HTML, for
/// clients without JavaScript.
HttpReply status_page(const StatusSnapshot& snapshot, const HttpQuery& query);
/// That plain HTML, at most about 9 KB: the rest is counted. English or Chinese, by an Accept-Language header.
std::string status_content(const StatusSnapshot& snapshot, std::string_view accept_language = "");

}  // namespace postern::agent

// The agent's HTTP routes (HTTP in the manual) over callbacks that the app provides.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/serving/http_server.h"
#include "agent/status/readiness.h"
#include "agent/status/status.h"
#include "probe/record.h"
#include "probe/rollup.h"

namespace postern::agent {

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

}  // namespace postern::agent

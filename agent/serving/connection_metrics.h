// SPDX-License-Identifier: Apache-2.0
// The metrics of applications' connections to the endpoints' addresses. Pure; any thread.
#pragma once

#include "agent/status/status.h"
#include "agent/text/metrics_writer.h"

namespace postern::agent {

/// The connections are absent while they are not known; how often they were looked at is always there.
void connection_metrics(MetricsWriter& w, const StatusSnapshot& s);

}  // namespace postern::agent

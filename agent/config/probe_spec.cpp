// SPDX-License-Identifier: Apache-2.0
#include "agent/config/probe_spec.h"

#include <utility>

namespace postern::agent {

probe::ProbeSpec probe_spec(const LinkConfig& link, core::Secret token) {
    const LinkProbeConfig& p = link.probe;
    return {.kind = p.kind,
            .host = link.host,
            .server_name = p.server_name.empty() ? link.host : p.server_name,
            .port = p.port,
            .path = p.path,
            .sql = p.sql,
            .ws = p.ws,
            .token = std::move(token),
            .ca_file = p.ca_file,
            .timeout_us = p.timeout_us,
            .connect_timeout_us = p.connect_timeout_us,
            .degraded_over_us = p.degraded_over_us,
            .expiry_warning_us = p.expiry_warning_us,
            .accepted_status = p.accepted_status,
            .body_contains = p.body_contains,
            .body_json = p.body_json};
}

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The texts of the page without JavaScript, in the browser's language. What the agent has in English only (an error of the
// API, the detail of a probe) stays so and is marked as such.
#pragma once

#include <string_view>

#include "agent/status/status.h"

namespace postern::agent {

struct PageWords {
    std::string_view language;  // BCP 47
    std::string_view good, degraded, failed, unknown;
    std::string_view up, state_degraded, down, state_unknown, not_probed;
    std::string_view address, zone, path, service, last_probe, dns, in_answer, withdrawn, in_vpc_answer,
        not_in_vpc_answer, drained;
    std::string_view next_step, owner, compared_with;
    std::string_view more_addresses, more_links, more_faults;  // {0}: how many
    std::string_view resolver, no_resolver;                    // {0}: its address
    std::string_view plan_accepted, plan_not_accepted;
    std::string_view about;  // {0}: version, {1}: time
    std::string_view data, status, probes, health, metrics;
    std::string_view p95_24h, good_24h, last_60, since;
    std::string_view certificate, valid_until, discovery, confirmed;
    std::string_view list, no_list;  // fleet; generation, time
    std::string_view upstream, rtt, sent, answered, upstream_trouble, this_host;
    std::string_view failures, whole_page;

    // One address.
    std::string_view no_probe, no_data, hour, day, week, month;
    std::string_view covered;    // {0}: the time, {1}: how much of it there are probes of
    std::string_view failed_of;  // {0}: failures, {1}: attempts
    std::string_view result, succeeded, failed_at, total, http_status, sql_code;  // failed_at: the phase
    std::string_view subject, names, issuer, chain_until, no_certificate;
    std::string_view compared, gateway, privately, publicly, no_compare, again, as_curl;
    std::string_view connect, tls, request, ttfb, transfer, reply, sql, ws;  // phases

    // The chart.
    std::string_view times, as_table, at, p50, p95, attempts, failed_probes, most_common, chart_empty, band;
    std::string_view chart_summary;  // p50, its lowest, its highest, the highest p95, failures, attempts

    // Incidents.
    std::string_view incidents, no_incidents, began, link, lasted, reason, still_failing;
    std::string_view more_incidents;  // how many
    std::string_view good_30d;

    // DNS and discovery.
    std::string_view queries, cache_hits, entries, last_5_min, last_success, changes, requests;  // entries: how many
    std::string_view from_api, from_dns, from_file, from_list, from_snapshot, from_fixed, from_none;
    std::string_view src_private, src_cache, src_stale, src_upstream, src_local, src_refused;

    std::string_view of(Overall overall) const;
    std::string_view of(probe::State state) const;
    std::string_view of(probe::Phase phase) const;
    std::string_view of(core::Source source) const;  // of an answer
    /// Of a link's addresses, DiscoveryStatus::source.
    std::string_view of_source(std::string_view source) const;
    const doctor::Catalogue& catalogue() const;  // in the same language
};

/// Chinese if an Accept-Language header prefers it to English; otherwise English.
const PageWords& page_words(std::string_view accept_language);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The texts of the page without JavaScript, in the browser's language. The agent's sentences (causes, warnings) stay
// English and are marked as such.
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
    std::string_view still_on, on_address, around;             // user, address, how many connections
    std::string_view of_them_stuck;                            // how many, seconds
    std::string_view plan_accepted, plan_not_accepted;
    std::string_view about;  // {0}: version, {1}: time
    std::string_view data, status, probes, health, metrics;
    std::string_view p95_24h, good_24h, last_60, since, of_probes;  // of_probes: how many
    std::string_view certificate, valid_until, discovery, confirmed;
    std::string_view list, no_list;  // fleet; generation, time
    std::string_view upstream, rtt, sent, answered, upstream_trouble, this_host;
    std::string_view failures, whole_page;

    std::string_view of(Overall overall) const;
    std::string_view of(probe::State state) const;
};

/// Chinese if an Accept-Language header prefers it to English; otherwise English.
const PageWords& page_words(std::string_view accept_language);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// DNS and discovery on the page without a script: the resolver and its queries, the upstreams, this host, and where the
// addresses come from. Pure.
#pragma once

#include <string>

#include "agent/serving/page_words.h"
#include "agent/status/status.h"

namespace postern::agent {

/// `whole`: with the queries and the upstreams.
std::string dns_section(const StatusSnapshot& snapshot, const PageWords& words, bool whole);
/// The asking of the cloud API.
std::string api_section(const StatusSnapshot& snapshot, const PageWords& words);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// Incidents as a table of the page without a script. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/serving/page_words.h"
#include "agent/status/incidents.h"

namespace postern::agent {

/// At most `most` of them, the others counted. `where`: with their link and addresses.
std::string incident_table(const std::vector<LinkIncident>& list, std::size_t most, bool where, const PageWords& words);

}  // namespace postern::agent

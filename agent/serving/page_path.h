// SPDX-License-Identifier: Apache-2.0
// The path strips of the page without a script: of this host, of each link in trouble, and of the link that is looked at.
// Pure.
#pragma once

#include <string>

#include "agent/serving/page_words.h"
#include "agent/status/status.h"

namespace postern::agent {

/// `chosen`: the link that is looked at; nullptr: none.
std::string path_section(const StatusSnapshot& snapshot, const PageWords& words, const LinkStatus* chosen);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// One link on the page without a script: its state and cause, what is known of it, and its addresses, those in trouble
// first. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "agent/serving/page_words.h"
#include "agent/status/status.h"

namespace postern::agent {

/// Those in trouble first, else in the order of the configuration: of the strips of the path as of the tables.
std::vector<const LinkStatus*> worst_first(const StatusSnapshot& s);

/// `room`: bytes that it may take, roughly; rows of addresses beyond it are counted instead.
/// `whole`: addresses lead to their details, and have their last probes as bars.
std::string link_section(const LinkStatus& link, const PageWords& words, Micros now_wall_us, std::size_t room,
                         bool whole = false);

}  // namespace postern::agent

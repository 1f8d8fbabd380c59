// SPDX-License-Identifier: Apache-2.0
// The verdict in one sentence, in the language of a catalogue. Pure; any thread.
#pragma once

#include <string>

#include "agent/faults/catalogue.h"
#include "agent/status/status.h"

namespace postern::agent {

/// Of a judged snapshot: its first fault, or how many addresses are up.
std::string headline(const StatusSnapshot& snapshot, const doctor::Catalogue& words);
/// "tdengine-prod: 10.0.1.23 refuses …": a fault where no heading names its link.
std::string told_with_link(const Fault& fault, const doctor::Catalogue& words);

}  // namespace postern::agent

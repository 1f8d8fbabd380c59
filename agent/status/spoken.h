// SPDX-License-Identifier: Apache-2.0
// What the terminal and the page both say of status, in a language: a span of time, the takeover, a note on connections.
// Pure.
#pragma once

#include <string>

#include "agent/connections/note.h"
#include "agent/faults/catalogue.h"
#include "agent/hostdns/report.h"

namespace postern::agent {

std::string span_text(Micros us, const doctor::Catalogue& words);  // "5 min"
std::string takeover_text(const HostDnsReport& report, const doctor::Catalogue& words);
/// "12 connections of uid 1001 still on 10.0.1.23, 9 stuck for 41 s"
std::string note_text(const ConnectionNote& note, const doctor::Catalogue& words);

}  // namespace postern::agent

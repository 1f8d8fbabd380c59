// SPDX-License-Identifier: Apache-2.0
// A fault in words, in the language of a catalogue. Doctor has a fault's whole kind (expected, found, verify) from the
// catalogue itself; this is what all outputs share. Pure; any thread.
#pragma once

#include <string>
#include <vector>

#include "agent/faults/catalogue.h"
#include "agent/faults/fault.h"

namespace postern::agent::doctor {

/// "10.0.1.23 (cn-hangzhou-h) refuses the connection: …": the catalogue's cause, after the address that it is about.
std::string cause_of(const Fault& fault, const Catalogue& words);
/// The same as status says it: of several addresses ("every address refuses …"), with the probe's reason and detail, and
/// in the words of "status" where the catalogue has these.
std::string told(const Fault& fault, const Catalogue& words);
/// The next step, for people: that of the error behind it (value "hint"), else the catalogue's.
std::string fix_of(const Fault& fault, const Catalogue& words);
/// The repair as a command that runs as it stands, word by word; empty where no command repairs it. A command of ours has
/// the configuration in use (value "config"), unless it is the default one.
std::vector<std::string> fix_command(const Fault& fault);
/// The command as a line for a shell: words are quoted where they need it. "" of no word.
std::string command_line(const std::vector<std::string>& words);

}  // namespace postern::agent::doctor

namespace postern::agent {

using doctor::command_line;
using doctor::fix_command;
using doctor::fix_of;
using doctor::told;

}  // namespace postern::agent

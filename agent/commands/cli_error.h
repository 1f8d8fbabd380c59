// SPDX-License-Identifier: Apache-2.0
// What is wrong with a command line, as a message. Main thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/message.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace postern::agent {

/// From the error's type and from what the parser holds; a text of CLI11 is not read. `words`: those parsed, in their
/// order; `at`: the command that was reached.
core::Message usage_problem(const CLI::ParseError& error, const CLI::App& root, const CLI::App& at,
                            const std::vector<std::string>& words);

/// "dns enable" with the program's name before it; the program's alone for the root.
std::string full_name(const CLI::App& app);
std::vector<std::string_view> commands_of(const CLI::App& app);

}  // namespace postern::agent

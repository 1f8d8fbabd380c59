// SPDX-License-Identifier: Apache-2.0
// What `postern --help` and `postern COMMAND --help` print, in the reader's language. Main thread.
#pragma once

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace postern::agent {

/// All commands, a line each.
std::string overview();
/// The options of a command; `before` is what stands before its name. Changes the command's texts: the program ends with it.
std::string help_of(CLI::App* command, const std::string& before);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// Terminal input and output of a command: output, error messages, questions, Ctrl-C. Main thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "core/error.h"

namespace postern::agent {

/// What people read, to stdout in the charset of the locale (agent/text/charset.h), flushed. Everything that a command
/// writes passes here or print_data(), print_note() or complain().
void print(std::string_view text);
/// What programs read, JSON for example: UTF-8, whatever the locale.
void print_data(std::string_view text);
/// As print(), to stderr: progress, questions, remarks.
void print_note(std::string_view text);
/// At the end of a command: whether something of its output could not be written, which is said on stderr. A reader that
/// has closed the pipe has what it wanted.
bool output_lost();

/// "postern COMMAND: what: strerror (hint)" to stderr, in the reader's language (language.h), without secrets.
void complain(std::string_view command, const core::Error& error);
void complain(std::string_view command, const core::Message& what);

/// "FILE:LINE: key: what" each, to stderr, in the reader's language.
void complain_about(const std::string& path, const std::vector<ConfigIssue>& mistakes);

/// Reads yes or no from the terminal. Nullopt if stdin is not a terminal.
std::optional<bool> ask(const std::string& question);

/// The configuration that the agent uses: the file, or its last good copy after the mistakes went to
/// stderr, or nullopt.
std::optional<Config> config_or_complain(std::string_view command, const std::string& path);

/// The resolvers that the agent itself uses: configured, the host's own, the saved ones.
std::vector<core::SocketAddress> upstreams_of(const Config& config);

/// While it exists, Ctrl-C and SIGTERM end sleep() instead of the program, so that the terminal is restored.
class Interruptible {
  public:
    /// `hangup_reloads`: SIGHUP asks to read the configuration again; else it ends the program, as ever.
    explicit Interruptible(bool hangup_reloads = false);
    ~Interruptible();
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    /// False when interrupted, also earlier.
    bool sleep(core::Micros us);
    bool interrupted() const;
    /// Whether SIGHUP came since forget_reload().
    bool reload_asked() const;
    void forget_reload();

  private:
    bool hangup_reloads_;
};

}  // namespace postern::agent

// The person at the terminal: what is printed, complained and asked, and Ctrl-C. The main thread of a command.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config/config.h"
#include "agent/net/http_transport.h"

namespace postern::agent {

/// To stdout, at once visible.
void print(std::string_view text);
/// "Nov 23 12:03:04.123", local time.
std::string local_time(Micros wall_us);

/// "postern COMMAND: what: strerror (hint)" to stderr, without secrets.
void complain(std::string_view command, const core::Error& error);
void complain(std::string_view command, std::string_view what);

/// "FILE:LINE: key: what" each, to stderr.
void complain_about(const std::string& path, const std::vector<ConfigIssue>& mistakes);

/// Reads yes or no from the terminal. Nothing when stdin is none.
std::optional<bool> ask(const std::string& question);

/// The configuration that the agent goes by: the file, or its last good copy after its mistakes went to stderr, or
/// nothing.
std::optional<Config> config_or_complain(std::string_view command, const std::string& path);

/// The resolvers that the agent itself asks: configured, the host's own, those of the last time.
std::vector<core::SocketAddress> upstreams_of(const Config& config);

/// While it lives, Ctrl-C and SIGTERM end sleep() instead of the program: the terminal is left as it was
/// found.
class Interruptible {
  public:
    Interruptible();
    ~Interruptible();
    Interruptible(const Interruptible&) = delete;
    Interruptible& operator=(const Interruptible&) = delete;
    /// False when interrupted, also before.
    bool sleep(core::Micros us);
    bool interrupted() const;
};

}  // namespace postern::agent

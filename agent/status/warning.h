// What works but should be put right. The kind decides, wherever something follows from a warning; the text is for people.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::agent {

enum class WarningKind {
    kConfig,     // a remark on the configuration: no state of anything
    kDiscovery,  // a doubtful reply, from whichever source
    kClock,      // this host's clock against the API's
    kHostDns,    // the takeover, and /etc/hosts
    kAgent,      // what the agent can't write or read: plan, snapshot, logs, history
};

std::string_view to_string(WarningKind kind);  // "host_dns"
std::optional<WarningKind> parse_warning_kind(std::string_view text);

struct Warning {
    WarningKind kind = WarningKind::kAgent;
    std::string text;  // one sentence, English

    /// Whether the agent is worse off for it.
    bool degrades() const { return kind != WarningKind::kConfig; }
};

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// A problem that does not stop the agent from working. Code decides by the kind; the text is for people.
// Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::agent {

enum class WarningKind {
    kConfig,     // a remark on the configuration: does not affect the state
    kDiscovery,  // a doubtful reply, from any source
    kZones,      // a followed name leads to one zone of several
    kClock,      // this host's clock against the API's
    kHostDns,    // the takeover, and /etc/hosts
    kFreeing,    // stuck connections can't be ended
    kAgent,      // the agent can't write or read: plan, snapshot, logs, history
};

std::string_view to_string(WarningKind kind);  // "host_dns"
std::optional<WarningKind> parse_warning_kind(std::string_view text);

struct Warning {
    WarningKind kind = WarningKind::kAgent;
    std::string text;  // one sentence, English

    /// Whether it degrades the agent.
    bool degrades() const { return kind != WarningKind::kConfig; }
};

}  // namespace postern::agent

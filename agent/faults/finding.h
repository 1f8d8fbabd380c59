// SPDX-License-Identifier: Apache-2.0
// What doctor finds: a code with values. The texts are in the catalogue.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::agent::doctor {

enum class State { kPass, kWarn, kFail, kSkip };
std::string_view to_string(State state);  // "PASS"

/// In the order in which doctor checks them.
enum class Step {
    kConfig,
    kAgent,
    kCredentials,
    kApi,
    kEndpoint,
    kSecurityGroup,
    kStub,
    kSystem,
    kHosts,
    kResolvConf,
    kAddress,
    kTcp,
    kTls,
    kHttp,
    kSql,
    kWs,
    kEnvironment,
    kCount,
};
std::string_view to_string(Step step);  // "resolv_conf"

using Values = std::map<std::string, std::string, std::less<>>;

/// A value that is a catalogue text: filled in in the reader's language.
inline std::string catalogued(std::string_view section, std::string_view key) {
    return "\x1f" + std::string(section) + "\x1f" + std::string(key);
}

struct Finding {
    Step step = Step::kConfig;
    State state = State::kPass;
    std::string code;                                           // "PN-TLS-NAME"; of a passed step "PN-TLS"
    std::string link, ip;                                       // the subject; "": all of them
    Values values;                                              // for the texts' {placeholders}
    std::vector<std::pair<std::string, std::string>> evidence;  // errno=…, alert=…: raw, not translated
    std::string because;                                        // of kSkip: the code of the cause
};

}  // namespace postern::agent::doctor

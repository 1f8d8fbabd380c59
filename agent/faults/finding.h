// What doctor finds: a code with values. The words are the catalogue's.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::agent::doctor {

enum class State { kPass, kWarn, kFail, kSkip };
std::string_view to_string(State state);  // "PASS"

/// In the order of the walk.
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

/// A value that is itself a text of the catalogue: filled in the reader's language.
inline std::string catalogued(std::string_view section, std::string_view key) {
    return "\x1f" + std::string(section) + "\x1f" + std::string(key);
}

struct Finding {
    Step step = Step::kConfig;
    State state = State::kPass;
    std::string code;                                           // "PN-TLS-NAME"; of a passed step "PN-TLS"
    std::string link, ip;                                       // what it is about; "": all of them
    Values values;                                              // for the texts' {placeholders}
    std::vector<std::pair<std::string, std::string>> evidence;  // errno=…, alert=…: raw, in no language
    std::string because;                                        // of kSkip: the code that explains it
};

}  // namespace postern::agent::doctor

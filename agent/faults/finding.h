// SPDX-License-Identifier: Apache-2.0
// What doctor finds at a step: a fault, or that the step passed or was skipped. The texts are in the catalogue.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/faults/fault.h"

namespace postern::agent::doctor {

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

/// Of a passed or skipped step the code is the step's, "PN-TLS".
struct Finding : Fault {
    Step step = Step::kConfig;
    std::vector<std::pair<std::string, std::string>> evidence;  // errno=…, detail=…: as values
    std::string because;                                        // of kSkip: the code of the cause
};

}  // namespace postern::agent::doctor

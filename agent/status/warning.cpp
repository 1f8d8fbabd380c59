// SPDX-License-Identifier: Apache-2.0
#include "agent/status/warning.h"

#include <fmt/format.h>

#include "agent/faults/codes.h"
#include "agent/faults/fault_text.h"
#include "agent/status/headline.h"
#include "core/text.h"

namespace postern::agent {

std::string_view warning_kind(const Fault& fault) {
    const auto* info = doctor::find_code(fault.code);
    if (fault.code == "PN-AGENT-DISCOVERY" || fault.code.starts_with("PN-LIST-")) return "discovery";
    if (fault.code == "PN-ENDPOINT-AFFINITY") return "zones";
    if (fault.code == "PN-API-CLOCK") return "clock";
    if (fault.code == "PN-APP-FREEING") return "freeing";
    if (info == nullptr) return "agent";
    if (info->step == doctor::Step::kConfig) return "config";
    if (info->step == doctor::Step::kHosts || info->step == doctor::Step::kResolvConf) return "host_dns";
    return "agent";
}

std::string warning_text(const Fault& fault, const doctor::Catalogue& words) {
    const std::string text = told_with_link(fault, words);
    const std::string command = command_line(fix_command(fault));
    return command.empty() ? text : words.of(core::message("{} (fix: {})", text, command));
}

}  // namespace postern::agent

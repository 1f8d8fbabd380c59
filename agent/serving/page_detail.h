// SPDX-License-Identifier: Apache-2.0
// One address on the page without a script: the cause of its state, how much of its probes succeeded and over which time,
// its chart, the phases of the last probe, its incidents, its certificate, the comparison, and the commands. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/serving/page_chart.h"
#include "agent/serving/page_words.h"
#include "agent/status/status.h"

namespace postern::agent {

/// What is looked at: an address, and a time of its past.
struct PageChoice {
    std::string link, ip;  // "": the one in most trouble
    PageRange range = PageRange::kDay;
};
/// Its roll-ups from `since_wall_us` on, oldest first; nullopt: none.
using PageHistory = std::function<std::optional<std::vector<probe::Rollup>>(
    const std::string& link, const core::IpAddress& ip, probe::Resolution resolution, Micros since_wall_us)>;

struct ChosenAddress {
    const LinkStatus* link = nullptr;
    const AddressStatus* address = nullptr;  // both or none
};
/// The one that `choice` names, else the one in most trouble, else the first.
ChosenAddress chosen_address(const StatusSnapshot& snapshot, const PageChoice& choice);

/// The address of the page that shows it: "plain?link=…&amp;ip=…&amp;range=day#detail".
std::string plain_link(const LinkStatus& link, const AddressStatus& address, PageRange range);

std::string detail_section(const StatusSnapshot& snapshot, const ChosenAddress& chosen, PageRange range,
                           const PageHistory& history, const PageWords& words);

}  // namespace postern::agent

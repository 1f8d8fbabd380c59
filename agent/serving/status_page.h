// SPDX-License-Identifier: Apache-2.0
// The content of GET / before its script has started, or without JavaScript, and of GET /plain: the verdict, what is
// wrong, and every address, as plain HTML; and the page's title and icon.
// Pure; any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "agent/serving/page_detail.h"
#include "agent/status/status.h"
#include "probe/record.h"

namespace postern::agent {

enum class PageSize {
    kShort,  // at most about 4.5 KB: what does not fit is counted, and the whole page linked
    kWhole,
};

/// The title and the icon, both of the state. English or Chinese, by an Accept-Language header. Without JavaScript the
/// short page turns into the whole one, which renews itself.
std::string status_head(const StatusSnapshot& snapshot, std::string_view accept_language = "",
                        PageSize size = PageSize::kShort);

/// The short one. `records`: probes, newest first; those that failed are listed, same ones of an address folded.
std::string status_content(const StatusSnapshot& snapshot, std::string_view accept_language = "",
                           std::span<const probe::Record> records = {});
/// The whole one: all that the page has with its script.
std::string whole_content(const StatusSnapshot& snapshot, std::string_view accept_language, const PageChoice& choice,
                          std::span<const probe::Record> records, const PageHistory& history);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// `postern fleet status`: one screen for a terminal. Pure.
#pragma once

#include <string>

#include "agent/faults/catalogue.h"
#include "agent/fleet/fleet_view.h"

namespace postern::agent {

/// Lines are broken or cut at `columns`; 0: never.
std::string fleet_text(const FleetView& view, bool colour, std::size_t columns,
                       doctor::Language language = doctor::Language::kEnglish);

/// The verdict on a fleet in a sentence.
std::string fleet_headline(const FleetView& view, const doctor::Catalogue& words);
/// "500 up, 2 down"; "–" of none.
std::string tally_text(const Tally& tally, const doctor::Catalogue& words);

}  // namespace postern::agent

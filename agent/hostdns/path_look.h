// SPDX-License-Identifier: Apache-2.0
// What was seen of the host's own path, for other programs: postern-rescue looks and writes it into a file, the agent
// and commands read it.
#pragma once

#include <string>
#include <string_view>

#include "core/clock.h"
#include "core/error.h"
#include "core/message.h"

namespace postern::agent {

enum class PathState {
    kUnknown,  // not looked, or nothing to compare with: no private name has an address, postern itself fails
    kWorks,
    kFails,
};
std::string_view to_string(PathState state);

struct PathLook {
    PathState state = PathState::kUnknown;
    std::string name;          // that programs could not look up; "" unless it fails
    core::Micros wall_us = 0;  // of the look; 0: never

    /// "programs of this host can't look up NAME".
    core::Message problem() const;
};

/// A failure to write is returned, and changes nothing.
core::Result<void> save_path_look(const std::string& path, const PathLook& look);
/// kUnknown if there is no such file, or it is older than kPathLookLasts.
PathLook load_path_look(const std::string& path, core::Micros now_wall_us);
inline constexpr core::Micros kPathLookLasts = core::kMinute;

}  // namespace postern::agent

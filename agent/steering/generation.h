// SPDX-License-Identifier: Apache-2.0
// Plan generations: (number of agent starts << 32) + publication. The start counter is on disk, so a plan of this
// start is newer than any earlier plan, whatever the clock says.
#pragma once

#include <cstdint>
#include <string>

#include "core/message.h"

namespace postern::agent {

class Generation {
  public:
    /// Reads the counter, raises it above `highest_seen` (generations found in plans and statistics), writes it back.
    /// If it can't be written, `problem` says so and numbering continues from `highest_seen`.
    Generation(const std::string& path, std::uint64_t highest_seen, core::Message* problem);
    std::uint64_t next() { return ++current_; }
    std::uint64_t current() const { return current_; }

  private:
    std::uint64_t current_ = 0;
};

}  // namespace postern::agent

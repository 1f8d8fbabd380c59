// Plan generations: (number of agent starts << 32) + publication. The start counter is persisted, so a plan of this
// start is newer than any of an earlier one whatever the clocks say.
#pragma once

#include <cstdint>
#include <string>

namespace postern::agent {

class Generation {
  public:
    /// Reads the counter, raises it above `highest_seen` (generations found in plans and statistics), writes it back.
    /// A counter that can't be written is reported through `problem`; numbering goes on from what was seen.
    Generation(const std::string& path, std::uint64_t highest_seen, std::string* problem);
    std::uint64_t next() { return ++current_; }
    std::uint64_t current() const { return current_; }

  private:
    std::uint64_t current_ = 0;
};

}  // namespace postern::agent

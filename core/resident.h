// How much memory the process keeps, beyond what it allocates.
#pragma once

namespace postern::core {

/// Gives back what only the start needed: pages of code (they come back from the page cache when they run again) and free
/// memory of the heap. Takes well under a millisecond. Does nothing where /proc can't be read.
void shed_start_up_memory();

}  // namespace postern::core

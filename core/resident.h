// SPDX-License-Identifier: Apache-2.0
// Resident memory of the process.
#pragma once

namespace postern::core {

/// After start-up: drops the resident pages of code and constants (MADV_DONTNEED; the kernel reads those that are used again
/// from the page cache) and returns the free memory of the heap (malloc_trim). Takes less than a millisecond.
void shed_start_up_memory();

}  // namespace postern::core

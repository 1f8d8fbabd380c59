// SPDX-License-Identifier: Apache-2.0
// Overwrites memory that held a secret. libc's own explicit_bzero is newer than the oldest libc that postern runs with.
#pragma once

#include <cstddef>
#include <cstring>

namespace postern::core {

/// Zeros that the compiler must write, also where nobody reads them.
inline void wipe_bytes(void* memory, std::size_t size) {
    if (size == 0) return;
    std::memset(memory, 0, size);
    __asm__ __volatile__("" : : "r"(memory) : "memory");
}

}  // namespace postern::core

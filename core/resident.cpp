// SPDX-License-Identifier: Apache-2.0
#include "core/resident.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <string>

#include "core/file_system.h"

namespace postern::core {

void shed_start_up_memory() {
    constexpr std::size_t kMaxMaps = 1u << 20;
    const auto maps = read_file("/proc/self/maps", kMaxMaps);
    if (!maps) return;
    for (std::size_t at = 0; at < maps->size();) {
        const std::size_t end = std::min(maps->find('\n', at), maps->size());
        const std::string line = maps->substr(at, end - at);
        at = end + 1;
        std::uintptr_t from = 0, to = 0;
        char rights[5] = {};
        // Only read-only code that is mapped from a file: dropping anything else would lose data.
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %4s", &from, &to, rights) != 3) continue;
        if (std::strcmp(rights, "r-xp") != 0 || line.find('/') == std::string::npos) continue;
        (void)::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);  // NOLINT(performance-no-int-to-ptr)
    }
#ifdef __GLIBC__
    (void)::malloc_trim(0);
#endif
}

}  // namespace postern::core

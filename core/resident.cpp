// SPDX-License-Identifier: Apache-2.0
#include "core/resident.h"

#include <link.h>
#include <malloc.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace postern::core {

namespace {

/// Drops what of one program or library is never written: code and constants. Its other segments have relocated data, also
/// where they are read-only by now.
int drop_segments(dl_phdr_info* object, std::size_t /*size*/, void* /*data*/) {
    if (object->dlpi_addr == ::getauxval(AT_SYSINFO_EHDR)) return 0;  // the kernel's own, not of a file
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const ElfW(Phdr)& segment = object->dlpi_phdr[i];
        if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W) != 0) continue;
        const std::uintptr_t from = (object->dlpi_addr + segment.p_vaddr) / page * page;
        const std::uintptr_t to = object->dlpi_addr + segment.p_vaddr + segment.p_memsz;
        (void)::madvise(reinterpret_cast<void*>(from), to - from, MADV_DONTNEED);  // NOLINT(performance-no-int-to-ptr)
    }
    return 0;
}

}  // namespace

void shed_start_up_memory() {
    ::dl_iterate_phdr(drop_segments, nullptr);
#ifdef __GLIBC__
    (void)::malloc_trim(0);
#endif
}

}  // namespace postern::core

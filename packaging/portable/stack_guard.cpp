// SPDX-License-Identifier: Apache-2.0
// On aarch64 the stack protector compares with a variable. The one in the compiler's runtime is the same number in every
// process; this one is taken from the random bytes that the kernel gives each (getauxval(3), AT_RANDOM). libc has its own,
// so this one is hidden: libc's functions that are under way at the start must find theirs unchanged.
#include <sys/auxv.h>

#include <cstdint>

extern "C" {
[[gnu::visibility("hidden"), gnu::section("stack_guard")]] extern std::uintptr_t __stack_chk_guard;
std::uintptr_t __stack_chk_guard = 0;
}

namespace {

// Before every other constructor; it must not compare itself with what it changes.
[[gnu::constructor(101), clang::no_stack_protector]] void choose_guard() {
    const auto* random = reinterpret_cast<const volatile unsigned char*>(getauxval(AT_RANDOM));
    std::uintptr_t guard = 0;
    for (unsigned i = 1; random != nullptr && i < sizeof(guard); ++i)  // the first byte is 0: no string can contain it
        guard |= std::uintptr_t{random[i]} << (8 * i);
    __stack_chk_guard = guard;
}

}  // namespace

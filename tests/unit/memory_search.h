// SPDX-License-Identifier: Apache-2.0
// How often a secret is in the memory of this process. For tests of its being there once, and gone afterwards.
#pragma once

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace postern::test {

/// A secret that the program does not contain: each byte of the disguise is one higher.
inline std::string undisguised(std::string_view disguise) {
    std::string out(disguise);
    for (char& c : out)
        --c;
    return out;
}

/// Where the undisguised text is in writable memory, freed blocks and dead stack frames included. Looks at the bytes in
/// their place, so that the search itself leaves none.
#if defined(__SANITIZE_ADDRESS__)
__attribute__((no_sanitize("address", "undefined")))
#endif
inline std::size_t
times_in_memory(std::string_view disguise) {
    constexpr std::uintptr_t kLargest = 1u << 28;  // larger ones are reserved, not used
    std::size_t found = 0;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        std::uintptr_t begin = 0, end = 0;
        char rights[5] = {};
        if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, rights) != 3) continue;
        if (rights[0] != 'r' || rights[1] != 'w' || end - begin > kLargest) continue;
        const auto* at = reinterpret_cast<const volatile char*>(begin);
        const auto* last = reinterpret_cast<const volatile char*>(end) - disguise.size();
        for (; at <= last; ++at) {
            std::size_t same = 0;
            while (same < disguise.size() && at[same] + 1 == disguise[same])
                ++same;
            if (same == disguise.size()) ++found;
        }
    }
    return found;
}

}  // namespace postern::test

// SPDX-License-Identifier: Apache-2.0
#include "core/random.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace postern::core {

std::uint64_t Random::below(std::uint64_t bound) {
    if (bound == 0) return 0;
    const std::uint64_t limit = UINT64_MAX - UINT64_MAX % bound;  // reject above it: the result would not be uniform
    std::uint64_t value = 0;
    do {
        value = next64();
    } while (value >= limit);
    return value % bound;
}

std::string Random::hex(std::size_t n) {
    std::string out;
    while (out.size() < n) {
        std::uint64_t bits = next64();
        for (int i = 0; i < 16 && out.size() < n; ++i, bits >>= 4)
            out += "0123456789abcdef"[bits & 15];
    }
    return out;
}

std::uint64_t SystemRandom::next64() {
    if (used_ == pool_.size()) {
        std::size_t got = 0;
        auto* bytes = reinterpret_cast<char*>(pool_.data());
        while (got < sizeof pool_) {
            // The call itself: libc's function is newer than the oldest libc that postern runs with.
            const long n = ::syscall(SYS_getrandom, bytes + got, sizeof pool_ - got, 0);
            if (n < 0 && errno != EINTR) std::abort();
            if (n > 0) got += static_cast<std::size_t>(n);
        }
        used_ = 0;
    }
    const std::uint64_t value = pool_[used_];
    pool_[used_++] = 0;
    return value;
}

std::uint64_t SeededRandom::next64() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

}  // namespace postern::core

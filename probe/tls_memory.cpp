// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_memory.h"

#include <malloc.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace postern::probe {
namespace {

/// Up to 1 KiB the sizes that glibc has: 24, 40, 56, ... bytes; then those that OpenSSL 3 asks for again and again, rounded up.
constexpr std::size_t kFirst = 24, kStep = 16, kSmall = 64;
constexpr std::array<std::size_t, 7> kLarge{1288, 2312, 4616, 6152, 9224, 17416, 24584};
constexpr std::size_t kSizes = kSmall + kLarge.size();
constexpr std::size_t kSpare = 64;  // libc may give that much more than it was asked for

std::size_t bytes_of(std::size_t index) {
    return index < kSmall ? kFirst + index * kStep : kLarge.at(index - kSmall);
}

/// The smallest size that has so many bytes; kSizes: none.
std::size_t size_for(std::size_t bytes) {
    if (bytes <= bytes_of(kSmall - 1)) return bytes <= kFirst ? 0 : (bytes - kFirst + kStep - 1) / kStep;
    return kSmall + static_cast<std::size_t>(std::lower_bound(kLarge.begin(), kLarge.end(), bytes) - kLarge.begin());
}

/// The largest size that fits into a block of so many bytes; kSizes: none.
std::size_t size_of(std::size_t bytes) {
    if (bytes < kFirst || bytes > kLarge.back() + kSpare) return kSizes;
    if (bytes < kLarge.front()) return std::min((bytes - kFirst) / kStep, kSmall - 1);
    return kSmall + static_cast<std::size_t>(std::upper_bound(kLarge.begin(), kLarge.end(), bytes) - kLarge.begin()) -
           1;
}

struct Free {
    Free* next = nullptr;  // of the same size
};
struct Kept {
    std::array<Free*, kSizes> free{};
    std::size_t bytes = 0;
    std::size_t limit = 0;
};
thread_local constinit Kept kept;

}  // namespace

void* tls_malloc(std::size_t bytes, const char* /*file*/, int /*line*/) {
    if (bytes == 0) return nullptr;
    const std::size_t size = size_for(bytes);
    if (size == kSizes) return std::malloc(bytes);
    Free* memory = kept.free[size];
    if (memory == nullptr) return std::malloc(bytes_of(size));
    kept.free[size] = memory->next;
    kept.bytes -= bytes_of(size);
    return memory;
}

void tls_free(void* memory, const char* /*file*/, int /*line*/) {
    const std::size_t size = memory == nullptr || kept.limit == 0 ? kSizes : size_of(::malloc_usable_size(memory));
    if (size == kSizes || kept.bytes + bytes_of(size) > kept.limit) {
        std::free(memory);
        return;
    }
    kept.free[size] = new (memory) Free{kept.free[size]};
    kept.bytes += bytes_of(size);
}

void* tls_realloc(void* memory, std::size_t bytes, const char* /*file*/, int /*line*/) {
    if (bytes == 0) {
        tls_free(memory);
        return nullptr;
    }
    const std::size_t size = size_for(bytes);
    return std::realloc(memory, size == kSizes ? bytes : bytes_of(size));
}

std::size_t kept_tls_memory() {
    return kept.bytes;
}

void limit_tls_memory(std::size_t bytes) {
    for (std::size_t size = kSizes; size-- > 0 && kept.bytes > bytes;) {
        while (kept.free[size] != nullptr) {
            std::free(std::exchange(kept.free[size], kept.free[size]->next));
            kept.bytes -= bytes_of(size);
        }
    }
    kept.limit = bytes;
}

bool use_tls_memory() {
#ifdef __SANITIZE_ADDRESS__
    return false;
#else
    return CRYPTO_set_mem_functions(tls_malloc, tls_realloc, tls_free) == 1;
#endif
}

}  // namespace postern::probe

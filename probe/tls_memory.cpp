// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_memory.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace postern::probe {
namespace {

/// Up to 1 KiB a size for each 16 bytes; then those that OpenSSL 3 asks for again and again, rounded up.
constexpr std::size_t kStep = 16, kSmall = 64;
constexpr std::array<std::size_t, 7> kLarge{1280, 2304, 4608, 6144, 9216, 17408, 24576};
constexpr std::size_t kSizes = kSmall + kLarge.size();

std::size_t bytes_of(std::size_t size) {
    return size < kSmall ? (size + 1) * kStep : kLarge.at(size - kSmall);
}
/// The smallest size that has so many bytes, more than 0; kSizes: none.
std::size_t size_for(std::size_t bytes) {
    if (bytes <= kSmall * kStep) return (bytes - 1) / kStep;
    return kSmall + static_cast<std::size_t>(std::lower_bound(kLarge.begin(), kLarge.end(), bytes) - kLarge.begin());
}

/// In front of each block. (What libc knows of it, malloc_usable_size() reads out of the next block: that costs as much as is
/// saved.)
struct alignas(std::max_align_t) Block {
    std::size_t size = kSizes;
    std::size_t bytes = 0;  // usable, behind it
};
Block* block_of(void* memory) {
    return static_cast<Block*>(memory) - 1;
}
void* new_block(std::size_t size, std::size_t bytes) {
    if (bytes > SIZE_MAX - sizeof(Block)) return nullptr;
    void* memory = std::malloc(sizeof(Block) + bytes);
    return memory == nullptr ? nullptr : new (memory) Block{size, bytes} + 1;
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
    if (size == kSizes) return new_block(size, bytes);
    Free* memory = kept.free[size];
    if (memory == nullptr) return new_block(size, bytes_of(size));
    kept.free[size] = memory->next;
    kept.bytes -= bytes_of(size);
    return memory;
}

void tls_free(void* memory, const char* /*file*/, int /*line*/) {
    if (memory == nullptr) return;
    const Block& block = *block_of(memory);
    if (block.size == kSizes || kept.bytes + block.bytes > kept.limit) {
        std::free(block_of(memory));
        return;
    }
    kept.bytes += block.bytes;
    kept.free[block.size] = new (memory) Free{kept.free[block.size]};
}

void* tls_realloc(void* memory, std::size_t bytes, const char* file, int line) {
    const std::size_t has = memory == nullptr ? 0 : block_of(memory)->bytes;
    if (bytes != 0 && bytes <= has && bytes > has / 2) return memory;
    void* other = tls_malloc(bytes, file, line);
    if (other == nullptr && bytes != 0) return nullptr;  // what there is stays
    if (other != nullptr && memory != nullptr) std::memcpy(other, memory, std::min(has, bytes));
    tls_free(memory);
    return other;
}

std::size_t kept_tls_memory() {
    return kept.bytes;
}

void limit_tls_memory(std::size_t bytes) {
    for (std::size_t size = kSizes; size-- > 0 && kept.bytes > bytes;) {
        while (kept.free[size] != nullptr) {
            std::free(block_of(std::exchange(kept.free[size], kept.free[size]->next)));
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

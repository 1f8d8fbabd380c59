// SPDX-License-Identifier: Apache-2.0
#include "probe/tls_memory.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/unit/catch.h"

using namespace postern::probe;

TEST_CASE("tls memory: a block that was given back is the next one of its size, and no other's", "[tls_memory]") {
    limit_tls_memory(kKeptTlsMemory);
    for (const std::size_t size : {1, 16, 17, 1023, 1024, 1025, 4424, 5432, 16716, 21848, 24576}) {
        CAPTURE(size);
        void* first = tls_malloc(size);
        REQUIRE(first != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(first) % alignof(std::max_align_t) == 0);
        std::memset(first, 0x5a, size);
        tls_free(first);
        void* bigger = tls_malloc(2 * size + 32);
        CHECK(bigger != first);
        void* second = tls_malloc(size);
        CHECK(second == first);
        void* third = tls_malloc(size);
        CHECK(third != second);
        tls_free(bigger);
        tls_free(second);
        tls_free(third);
    }
}

TEST_CASE("tls memory: what a block holds stays when it is made larger or smaller", "[tls_memory]") {
    std::string expected;
    void* memory = nullptr;
    for (const std::size_t size : {1, 15, 16, 40, 1000, 1025, 9000, 24577, 100000, 30000, 5000, 3000, 100, 3}) {
        memory = tls_realloc(memory, size);
        REQUIRE(memory != nullptr);
        CAPTURE(size);
        const std::size_t kept = std::min(size, expected.size());
        CHECK(std::string(static_cast<char*>(memory), kept) == expected.substr(0, kept));
        expected.assign(size, static_cast<char>('a' + size % 26));
        std::memcpy(memory, expected.data(), size);
    }
    CHECK(tls_realloc(memory, 0) == nullptr);
    tls_free(nullptr);
    CHECK(tls_malloc(0) == nullptr);
    CHECK(tls_malloc(SIZE_MAX - 8) == nullptr);
}

TEST_CASE("tls memory: no more is kept than the limit, and nothing of large blocks", "[tls_memory]") {
    std::thread([] {                // a thread has its own
        tls_free(tls_malloc(100));  // as long as nobody has asked for it
        CHECK(kept_tls_memory() == 0);
        limit_tls_memory(kKeptTlsMemory);
        tls_free(tls_malloc(30000));
        CHECK(kept_tls_memory() == 0);
        std::vector<void*> blocks;
        for (int i = 0; i < 100; ++i)
            blocks.push_back(tls_malloc(16716));
        for (void* block : blocks)
            tls_free(block);
        CHECK(kept_tls_memory() <= kKeptTlsMemory);
        CHECK(kept_tls_memory() > kKeptTlsMemory - 17408);
        const std::size_t full = kept_tls_memory();
        void* one = tls_malloc(16716);
        CHECK(kept_tls_memory() == full - 17408);
        tls_free(one);
        limit_tls_memory(0);
        CHECK(kept_tls_memory() == 0);
        tls_free(tls_malloc(100));
        CHECK(kept_tls_memory() == 0);
    })
        .join();
}

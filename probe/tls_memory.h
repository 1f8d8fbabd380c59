// SPDX-License-Identifier: Apache-2.0
// The memory of OpenSSL. A handshake asks for a thousand small blocks and some forty of 1 to 22 KiB, the same in each, and
// frees them all: libc's malloc takes an eighth of a probe's time for it.
#pragma once

#include <cstddef>

namespace postern::probe {

/// OpenSSL allocates through the functions below. To be called first of all in main(): false, and nothing is changed, if it has
/// memory already, or if a sanitizer is to see every block.
bool use_tls_memory();

/// Blocks that this thread frees from now on are kept by size for the next one that it asks for, at most so many bytes
/// together; 0, as at first: none. What is kept above it is freed. For the thread that makes the handshakes, once it has
/// started: what is freed by the start would be kept for good, and never asked for again.
void limit_tls_memory(std::size_t bytes);
inline constexpr std::size_t kKeptTlsMemory = 512 * 1024;
/// What this thread keeps just now, bytes.
std::size_t kept_tls_memory();

/// As OpenSSL's own: malloc, realloc and free, with no block for 0 bytes. Blocks of more than 24 KiB are never kept.
void* tls_malloc(std::size_t bytes, const char* file = nullptr, int line = 0);
void* tls_realloc(void* memory, std::size_t bytes, const char* file = nullptr, int line = 0);
void tls_free(void* memory, const char* file = nullptr, int line = 0);

}  // namespace postern::probe

// SPDX-License-Identifier: Apache-2.0
// Digests, message authentication codes and base64. Pure; any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace postern::agent {

/// Lower-case hex.
std::string sha256_hex(std::string_view data);
/// 32 raw bytes.
std::string hmac_sha256(std::string_view key, std::string_view data);
/// 20 raw bytes; for version 2 signatures (STS).
std::string hmac_sha1(std::string_view key, std::string_view data);

/// RFC 4648 section 4, padded.
std::string to_base64(std::string_view raw);
/// nullopt for any text that to_base64() would not have written.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The status page as packed by the build: agent/serving/web/pack.py generates page_asset.cpp. The agent writes its
// own part between head and tail.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::agent {

extern const std::string_view kPageHead;          // with style and script
extern const std::string_view kPageHeadDeflated;  // the same as raw deflate, flushed: more may follow
extern const std::string_view kPageTail;
extern const std::string_view kPagePolicy;  // Content-Security-Policy with the hashes of style and script
extern const std::uint32_t kPageHeadCrc;    // CRC-32 of kPageHead

}  // namespace postern::agent

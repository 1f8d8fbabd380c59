// The status page as the build packs it: agent/serving/web/pack.py makes page_asset.cpp. The agent writes its own part between
// head and tail.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::agent {

extern const std::string_view kPageHead;          // style and script in it
extern const std::string_view kPageHeadDeflated;  // the same as raw deflate, flushed: more may follow
extern const std::string_view kPageTail;
extern const std::string_view kPagePolicy;  // Content-Security-Policy with the hashes of style and script
extern const std::uint32_t kPageHeadCrc;    // CRC-32 of kPageHead

}  // namespace postern::agent

// SPDX-License-Identifier: Apache-2.0
// The status page as packed by the build: agent/serving/web/pack.py generates page_asset.cpp. The agent writes the title
// behind the top, and its content before the tail. The script is a file of its own, whose name changes with its content.
#pragma once

#include <array>
#include <string_view>

namespace postern::agent {

extern const std::string_view kPageTop;    // up to the title
extern const std::string_view kPageStyle;  // from there to the beginning of the body
extern const std::string_view kPageApp;    // the script's name and hash, and what it fills
extern const std::string_view kPageTail;
extern const std::string_view kPagePolicy;                // Content-Security-Policy with the hashes of style and script
extern const std::string_view kPageScriptPath;            // "/assets/postern.0123456789abcdef.js"
extern const std::string_view kPageScript;                // JavaScript, UTF-8
extern const std::string_view kPageScriptGzipped;         // the same
extern const std::array<std::string_view, 4> kPageIcons;  // data: addresses, in the order of Overall

}  // namespace postern::agent

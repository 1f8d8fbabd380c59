// The catalogues' bytes; made by CMake from texts.*.json.
#pragma once

#include <string_view>

namespace postern::agent::doctor {

extern const std::string_view kTextsEn, kTextsZh;

}  // namespace postern::agent::doctor

// SPDX-License-Identifier: Apache-2.0
#include "core/temporary_name.h"

#include <unistd.h>

namespace postern::core {
namespace {

constexpr std::string_view kMark = ".tmp-";

}  // namespace

std::string temporary_beside(const std::string& path) {
    return path + std::string(kMark) + std::to_string(::getpid());
}

bool is_temporary_of(std::string_view name, std::string_view of) {
    if (!name.starts_with(of)) return false;
    name.remove_prefix(of.size());
    if (!name.starts_with(kMark)) return false;
    name.remove_prefix(kMark.size());
    return !name.empty() && name.find_first_not_of("0123456789") == name.npos;
}

}  // namespace postern::core

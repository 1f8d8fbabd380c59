// SPDX-License-Identifier: Apache-2.0
// The names under which files are written before they get their own (core/file_system.h). Pure.
#pragma once

#include <string>
#include <string_view>

namespace postern::core {

/// Beside `path`, of this process: "PATH.tmp-PID".
std::string temporary_beside(const std::string& path);

/// Whether `name` is what an interrupted write of a file called `of` leaves, whichever process it was.
bool is_temporary_of(std::string_view name, std::string_view of);

}  // namespace postern::core

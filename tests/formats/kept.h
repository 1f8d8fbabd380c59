// SPDX-License-Identifier: Apache-2.0
// The files that released versions have written, tests/formats/VERSION/: where they are, and the same as a newer
// version would write them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/clock.h"

namespace postern::test {

/// What a version has written of every format; the same for each, so that one test reads them all.
inline constexpr core::Micros kWrittenWallUs = 1767323045LL * core::kSecond;  // 2026-01-02T03:04:05Z

/// The released versions, by their folders.
std::vector<std::string> released_versions();
/// The content of VERSION/NAME; "" when that version had no such file.
std::string kept(const std::string& version, const std::string& name);
/// A copy in `folder`, for readers that want a file. Its path.
std::string copy_of(const std::string& version, const std::string& name, const std::string& folder);
/// The version that a kept file says it has; -1 when it says none.
std::int64_t version_in(const std::string& name, std::string_view content);
/// The same file as a program would write it whose version of the format is one higher: whole, checksum and all.
std::string newer(const std::string& name, std::string content);

}  // namespace postern::test

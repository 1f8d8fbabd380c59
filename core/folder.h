// SPDX-License-Identifier: Apache-2.0
// A folder whose entries another user may swap at any moment: opened once, then everything in it is named relative to
// what was opened. Links are removed, never followed.
#pragma once

#include <string>
#include <vector>

#include "core/error.h"
#include "core/fd.h"

namespace postern::core {

class Folder {
  public:
    /// kFileMissing when there is none. A link in its place is followed when root or this user made it, else
    /// kPermission.
    static Result<Folder> open(const std::string& path);

    /// Sorted.
    std::vector<std::string> names() const;
    /// A file, a link itself, or a folder with everything in it. One that is not there is no error.
    Result<void> remove(const std::string& name) const;

  private:
    Folder(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}

    UniqueFd fd_;
    std::string path_;
};

}  // namespace postern::core

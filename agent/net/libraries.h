// SPDX-License-Identifier: Apache-2.0
// The libraries that this program runs with, and their versions: what a list of vulnerabilities is compared with.
#pragma once

#include <string>
#include <vector>

namespace postern::agent {

struct LibraryVersion {
    std::string name, version;
};

/// Of shared ones the version that was loaded, not the one that was compiled with.
std::vector<LibraryVersion> library_versions();

/// A line for each: the name, padded, and the version.
std::string library_lines();

}  // namespace postern::agent

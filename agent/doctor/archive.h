// SPDX-License-Identifier: Apache-2.0
// A .tar.gz in memory: ustar, which every tar reads, and gzip. Starts no program.
#pragma once

#include <string>
#include <vector>

#include "core/clock.h"

namespace postern::agent::doctor {

struct ArchiveFile {
    std::string name;  // at most 100 bytes
    std::string content;
};

/// The files, readable by their owner only.
std::string tar_gz(const std::vector<ArchiveFile>& files, core::Micros wall_us);

}  // namespace postern::agent::doctor

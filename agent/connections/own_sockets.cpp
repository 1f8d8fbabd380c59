// SPDX-License-Identifier: Apache-2.0
#include "agent/connections/own_sockets.h"

#include <dirent.h>
#include <sys/stat.h>

#include <charconv>
#include <cstring>

namespace postern::agent {

void add_own_sockets(std::set<std::uint32_t>& inodes) {
    DIR* folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return;
    while (const dirent* entry = ::readdir(folder)) {
        int fd = -1;
        const char* end = entry->d_name + std::strlen(entry->d_name);
        if (std::from_chars(entry->d_name, end, fd).ptr != end) continue;
        struct stat status {};
        if (::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode))
            inodes.insert(static_cast<std::uint32_t>(status.st_ino));
    }
    ::closedir(folder);
}

}  // namespace postern::agent

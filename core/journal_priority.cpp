// SPDX-License-Identifier: Apache-2.0
#include "core/journal_priority.h"

#include <sys/stat.h>

#include <cstdlib>
#include <string>

namespace postern::core {
namespace {

/// systemd sets the variable to the device and inode of the stream; a descriptor that was redirected since has others.
bool is_journal(int fd) {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat st;
    return stream != nullptr && ::fstat(fd, &st) == 0 &&
           stream == std::to_string(st.st_dev) + ":" + std::to_string(st.st_ino);
}

}  // namespace

std::string_view journal_priority(int fd, Level level) {
    if (!is_journal(fd)) return "";
    switch (level) {
        case Level::kDebug:
            return "<7>";
        case Level::kInfo:
            return "<6>";
        case Level::kWarning:
            return "<4>";
        case Level::kError:
            return "<3>";
    }
    return "<3>";
}

}  // namespace postern::core
